"""Watches what a release meets in production: windows, a guardrail with a budget, alarms, harm."""
