"""How hosts are asked: one session each, everything in batches, every answer kept."""
