"""The smallest project goes once round with the real commands, and a command that fails ends the round."""

from __future__ import annotations

import sys

import pytest
from benchmarks.matrix.tiny_round import ROUND, RoundBrokenError, go_round, write_project
from tests.projects import command


@pytest.mark.slow
def test_every_command_of_the_round_ends_well_and_leaves_a_release_and_answers(tmp_path):
    done = list(go_round(command(), tmp_path))
    assert [one.arguments for one in done] == list(ROUND)
    assert (tmp_path / "answers.csv").read_text().count("\n") == 241
    assert (tmp_path / "device.zip").stat().st_size > 1000


def test_the_rows_are_the_same_every_time(tmp_path):
    first, second = write_project(tmp_path / "a"), write_project(tmp_path / "b")
    assert (first / "rows.csv").read_bytes() == (second / "rows.csv").read_bytes()
    assert len(set((first / "rows.csv").read_text().splitlines())) == 241


def test_a_command_that_fails_ends_the_round_with_what_it_said(tmp_path):
    broken = [sys.executable, "-c", "import sys; sys.exit(f'no {sys.argv[1]} today')"]
    with pytest.raises(RoundBrokenError, match=r"smallcraft build .* ended with 1: no build today"):
        list(go_round(broken, tmp_path))
