"""One encoder in memory, many tasks on it: heads and packs are read when they are first asked for."""
