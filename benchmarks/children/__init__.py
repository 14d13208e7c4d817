"""Programs run in a process of their own: each reads a job (a JSON file) and prints one JSON line."""
