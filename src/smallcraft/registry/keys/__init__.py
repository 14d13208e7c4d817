"""Whose word counts: private keys on disk, pinned checkpoints, and the policy of trusted keys."""
