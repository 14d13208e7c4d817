"""Child programs: their answer, or an error; never a made-up number."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.process import ChildError, in_turn, run_child, run_command

PYTHON = Path(sys.executable)


def test_a_child_that_fails_is_an_error_with_its_last_line():
    with pytest.raises(ChildError, match=r"digest must print one JSON line and ended with 1: .*No such file"):
        run_child(PYTHON, "digest", {"file": "absent", "repeats": 1})


def test_a_child_answers_with_what_it_measured(tmp_path):
    (tmp_path / "file").write_bytes(bytes(1_000_000))
    answer = run_child(PYTHON, "digest", {"file": str(tmp_path / "file"), "repeats": 2})
    assert answer["megabytes"] == 1.0
    assert all(len(answer[way]) == 2 for way in ("ours", "file_digest", "in_memory"))


def test_a_command_is_charged_the_time_of_its_own_process():
    ran = run_command([str(PYTHON), "-c", "x = sum(range(3_000_000))"])
    assert ran.cpu_s > 0
    assert ran.wall_s > 0


def test_a_command_that_fails_is_an_error():
    with pytest.raises(ChildError, match="ended with 3"):
        run_command([str(PYTHON), "-c", "import sys; sys.exit(3)"])


def test_contestants_run_forwards_and_backwards_by_turns():
    order: list[str] = []

    def note(name: str) -> str:
        order.append(name)
        return name.upper()

    found = in_turn({name: lambda name=name: note(name) for name in "abc"}, rounds=3)
    assert "".join(order) == "abccbaabc"
    assert found == {"a": ["A"] * 3, "b": ["B"] * 3, "c": ["C"] * 3}
