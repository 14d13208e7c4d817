"""Sections of the model card: facts in, lines of Markdown out."""
