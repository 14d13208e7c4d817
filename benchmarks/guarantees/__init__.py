"""Which guarantees hold under which assumptions, each with its simulation; writes docs/guarantees.md."""
