"""Live sabotage: every control is seen red on real nodes, on exactly what was broken."""
