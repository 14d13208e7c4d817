"""Helpdesk corpus of a fictional company, written for this project, with a truth for every planted fault.

`corpus` generates and writes it, `faults` says what is planted, `people` who wrote and who labelled,
`writer` composes messages with the sentences of `phrases.toml` (read by `intents`).
"""
