"""Rules of a rollout, without I/O: counts in, evidence, decisions and receipts out."""
