"""The tile log: a Merkle tree of entries in C2SP formats, its signed checkpoints, its rules and proofs."""
