"""What a release is made of, as bytes: staged durably, packed, of allowed formats, in shared blocks."""
