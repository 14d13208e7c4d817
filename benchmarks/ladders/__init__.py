"""The whole ladder on real data, every rung in every form, beside peers; writes docs/ladder.md."""
