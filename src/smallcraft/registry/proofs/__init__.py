"""What a stranger needs to check a release without us, and how releases leave and enter a registry."""
