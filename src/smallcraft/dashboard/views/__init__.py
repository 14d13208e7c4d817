"""What stands on each page, as values ready to print; one page a file."""
