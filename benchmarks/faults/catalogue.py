"""The faults, in the order of the table: what is done to every system."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One row of the table.

    Attributes:
        key: Its name in code.
        title: Its name on the page.
        how: What is done, in a sentence.
    """

    key: str
    title: str
    how: str


CATALOGUE = (
    Fault("bit_flip", "bit flip in weights", "one bit in the middle of the stored weights"),
    Fault("truncation", "truncation", "the stored weights are cut to half"),
    Fault("replaced", "replaced weights", "other valid weights of the same size in the same place"),
    Fault("edited_metric", "edited metric", "the recorded accuracy 0.91 becomes 0.99"),
    Fault("moved_pointer", "moved version pointer", "what names version 2 is made to name version 1"),
    Fault("deleted_version", "deleted version", "the latest version is taken away, then one is published"),
    Fault("reordered", "reordered entries", "versions 1 and 2 change places"),
    Fault("rolled_back", "whole store rolled back", "a copy from before version 2 is put back"),
    Fault(
        "split_view", "split view", "two copies of the store get different versions 3; a reader meets both"
    ),
    Fault("stolen_key", "stolen log key", "whoever has the signing key writes another history"),
    Fault(
        "replayed", "old release under a new name", "version 1 is offered as `fraud`, which nobody published"
    ),
    Fault(
        "pickle", "pickle where an array should be", "the weights become a pickle that runs code when read"
    ),
    Fault(
        "dot_dot", "archive or path with `..`", "a member that would land outside the folder it is opened in"
    ),
    Fault("duplicate_keys", "duplicate safetensors keys", "a header that names a tensor twice, as two types"),
    Fault(
        "changed_after_check",
        "changed between verify and load",
        "the file changes after the check, before the load",
    ),
    Fault("kill", "kill -9 in the middle of a write", "a publish of 32 MB is killed at twelve moments"),
    Fault("full_disk", "full disk", "a new version is larger than what is left on a file system of 48 MB"),
    Fault("writers", "eight concurrent writers", "eight processes publish at once"),
    Fault("broken_index", "corrupted SQLite index", "random bytes over the middle half of each database"),
    Fault("clock_back", "clock set back", "a write with a clock that is a day late"),
)
