"""Labelling campaigns: which rows to ask about, how votes come back, what they bought."""
