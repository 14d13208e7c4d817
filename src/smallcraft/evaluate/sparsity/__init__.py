"""Proofs about bundles with experts: that what was not taken was not run."""
