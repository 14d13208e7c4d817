"""A trial passes only on what its program printed and how it ended; one that fails stops no other."""

from __future__ import annotations

from pathlib import Path

from benchmarks.matrix.environments import Cell, Made
from benchmarks.matrix.trials import TESTS, environment_of, try_cell
from benchmarks.process import ROOT

from benchmarks.matrix import trials


def made_of(folder: Path, *, smallcraft: str, python: str) -> Made:
    """An environment whose two programs are scripts."""
    for name, script in (("smallcraft", smallcraft), ("python", python)):
        path = folder / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return Made(folder, {})


def test_every_test_that_is_tried_is_there():
    assert [name for name in TESTS if not (ROOT / name).exists()] == []
    assert len(set(TESTS)) == len(TESTS)


def test_what_passed_is_told_by_its_gist(tmp_path):
    made = made_of(
        tmp_path,
        smallcraft="echo '9 of 9 promises kept in 4 s'",
        python="echo 'noise'; echo '7 passed, 2 skipped in 3.11s'",
    )
    found = {trial.name: trial for trial in try_cell(Cell("3.12", "newest"), made)}
    assert all(trial.is_passed for trial in found.values())
    assert found["selftest"].said == "9 of 9 promises kept"
    assert found["tests"].said == "7 passed, 2 skipped"
    assert found["round"].said == "8 of 8 commands"


def test_a_trial_that_fails_is_told_with_what_it_said_and_the_others_run(tmp_path):
    made = made_of(
        tmp_path,
        smallcraft="echo 'numpy is too old' >&2; exit 1",
        python="echo '1 failed, 6 passed in 3.11s'; exit 1",
    )
    found = {trial.name: trial for trial in try_cell(Cell("3.12", "lowest"), made)}
    assert not any(trial.is_passed for trial in found.values())
    assert found["selftest"].said == "numpy is too old"
    assert found["round"].said.startswith("smallcraft build --because")
    assert "1 failed, 6 passed" in found["tests"].said


def test_a_program_that_ends_well_and_says_nothing_has_not_passed(tmp_path):
    made = made_of(tmp_path, smallcraft="exit 0", python="exit 0")
    found = {trial.name: trial.is_passed for trial in try_cell(Cell("3.12", "newest"), made)}
    assert (found["selftest"], found["tests"]) == (False, False)


def test_one_that_does_not_end_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(trials, "_LONGEST_S", 0.2)
    made = made_of(tmp_path, smallcraft="[ $1 = selftest ] && exec sleep 60", python="echo '1 passed'")
    first = next(try_cell(Cell("3.12", "newest"), made))
    assert (first.is_passed, first.said) == (False, "still running after 0 s")


def test_warnings_are_errors_with_the_newest_and_the_callers_python_is_left_behind():
    around = {"PATH": "/bin", "PYTHONPATH": "/somewhere"}
    newest = environment_of(Cell("3.12", "newest"), around)
    lowest = environment_of(Cell("3.12", "lowest"), around)
    assert (newest["PYTHONWARNINGS"], lowest["PYTHONWARNINGS"]) == ("error", "default")
    assert "PYTHONPATH" not in newest
    assert newest["PATH"] == "/bin"
    assert newest["NUMBA_CACHE_DIR"] != lowest["NUMBA_CACHE_DIR"]
