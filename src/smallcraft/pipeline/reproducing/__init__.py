"""`smallcraft reproduce`: a release built again from what it recorded, and set beside the record."""
