"""The ladder of compact models: train candidates, calibrate them, write them as bundles."""
