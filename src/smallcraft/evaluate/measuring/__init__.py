"""How predictions become measurements: shares, curves, means, and their slices."""
