"""Data quality beyond counting: labels, votes, audits, difficulty, leaks by meaning, and the index."""
