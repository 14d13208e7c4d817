"""Tables and what is done to them before a model sees a row: load, inspect, deduplicate, split, check."""
