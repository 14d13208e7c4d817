"""Controls that must show nothing: shuffled labels, and columns that no model reads."""
