"""What was found is kept cell by cell, and known to be stale when the code changes."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.matrix.kept import KeptCell, digest_code, keep, read
from benchmarks.matrix.trials import Tried

PASSED = Tried("selftest", is_passed=True, said="9 of 9 promises kept", seconds=4.0)
CELL = KeptCell("2026-11-30 02:00 UTC", "3.12.1", "c0", {"numpy": "2.1.0"}, "e0", (PASSED,))


def test_a_cell_comes_back_as_it_was_and_replaces_only_its_own(tmp_path):
    path = tmp_path / "matrix.json"
    keep("3.12-lowest", CELL, path)
    keep("3.13-newest", replace(CELL, interpreter="3.13.0"), path)
    later = replace(CELL, trials=(PASSED, replace(PASSED, name="tests", is_passed=False)))
    keep("3.12-lowest", later, path)
    assert read(path) == {"3.12-lowest": later, "3.13-newest": replace(CELL, interpreter="3.13.0")}


def test_only_a_cell_whose_every_trial_passed_has_passed():
    assert CELL.is_passed
    assert not replace(CELL, trials=(PASSED, replace(PASSED, is_passed=False))).is_passed
    assert not replace(CELL, trials=()).is_passed


def test_nothing_is_kept_where_nothing_was_tried(tmp_path):
    assert read(tmp_path / "matrix.json") == {}


def test_a_changed_byte_of_the_code_is_other_code_and_what_was_compiled_is_not(tmp_path):
    (tmp_path / "src/smallcraft/__pycache__").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    module = tmp_path / "src/smallcraft/errors.py"
    module.write_text("a")
    first = digest_code.__wrapped__(tmp_path)
    (tmp_path / "src/smallcraft/__pycache__/errors.pyc").write_text("b")
    assert digest_code.__wrapped__(tmp_path) == first
    module.write_text("b")
    assert digest_code.__wrapped__(tmp_path) != first
