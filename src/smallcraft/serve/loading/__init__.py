"""From the registry to a bundle that answers: verified, under limits, and asked its own test first."""
