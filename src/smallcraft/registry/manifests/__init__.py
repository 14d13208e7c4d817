"""OCI manifests: which stored blobs make a release, in formats that other tools read."""
