"""Rollouts under this project's rule and under its peers', thousands at once; writes docs/rollouts.md."""
