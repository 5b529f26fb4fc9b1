"""Live tests: the harness on the lab's real nodes."""
