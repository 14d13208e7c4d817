"""The stages of a build, one a file: each a function from records to records."""
