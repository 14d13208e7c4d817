"""What is remembered between releases: rows, answers, deltas, decisions, and the story they make."""
