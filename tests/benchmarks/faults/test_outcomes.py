"""What was seen fits a cell: one line, nothing of this machine in it."""

from __future__ import annotations

import pytest
from benchmarks.faults.outcomes import (
    WORDS,
    CannotTryError,
    Outcome,
    attempt,
    cell_text,
    not_applicable,
)
from hypothesis import given
from hypothesis import strategies as st


@given(st.text(max_size=600))
def test_a_cell_is_one_line_of_limited_length(text):
    shown = cell_text(text)
    assert "\n" not in shown
    assert len(shown) <= 145


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("lost /tmp/x1/store/log/checkpoint", "lost .../checkpoint"),
        ("blobs/sha256/" + "ab" * 32, "blobs/sha256/abababab..."),
        ("a path bundle/../../escaped", "a path bundle/../../escaped"),
        ("\x1b[33mred\x1b[0m", "red"),
    ],
)
def test_temporary_paths_and_long_digests_are_cut(said, shown):
    assert cell_text(said) == shown


def test_a_fault_that_cannot_be_made_here_is_told_and_has_no_outcome(tmp_path):
    def trial(folder):
        raise CannotTryError("needs root")

    assert attempt(trial, tmp_path / "a") == Outcome("not run", "needs root")


def test_a_system_without_the_thing_says_why(tmp_path):
    assert attempt(not_applicable("no keys"), tmp_path / "a") == Outcome("n/a", "no keys")
    assert "n/a" in WORDS
