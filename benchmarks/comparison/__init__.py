"""The measured table of docs/compare.md, drawn from the records that the other pages are made from."""
