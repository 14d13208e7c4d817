"""From a project file to a release: the stages of a build, in order, and the report on it.

Holds the order and the hand-over only; what a stage does belongs to `data`, `models`, `evaluate`,
`gates` and `registry`.
Always: a stage is a function from records to records; the same file, data and seed decide the same.
"""
