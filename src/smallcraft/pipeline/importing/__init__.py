"""Projects from the files of other tools: what each became is said, and the originals are never changed."""
