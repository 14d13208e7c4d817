"""A Python that is not here is skipped with what brings it, and is a failure on a build machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.matrix.environments import Cell, EnvironmentFailedError, Made
from benchmarks.matrix.interpreters import AbsentPythonError
from tests.benchmarks.matrix.test_kept import CELL, PASSED

from benchmarks.matrix import __main__ as matrix

CELL_312 = Cell("3.12", "lowest")


@pytest.fixture
def kept(monkeypatch):
    """What is kept, in memory."""
    found = {}
    monkeypatch.setattr(matrix, "read", lambda: found)
    monkeypatch.setattr(matrix, "keep", found.__setitem__)
    monkeypatch.setattr(matrix, "find_python", lambda version: Path("/python"))
    monkeypatch.setattr(matrix, "digest_code", lambda: "c0")
    monkeypatch.setattr(matrix, "make_environment", lambda cell, python, is_anew: Made(Path("/env"), {}))
    return found


@pytest.mark.parametrize(("build_machine", "is_fine"), [("", True), ("true", False)])
def test_an_absent_python_is_skipped_but_not_on_a_build_machine(
    monkeypatch, capsys, kept, build_machine, is_fine
):
    def absent(version):
        raise AbsentPythonError("`uv python install 3.12` brings it")

    monkeypatch.setattr(matrix, "find_python", absent)
    monkeypatch.setenv("CI", build_machine)
    assert matrix.try_one(CELL_312, is_anew=False) is is_fine
    assert "uv python install 3.12" in capsys.readouterr().err


def test_what_passed_with_this_code_and_these_versions_is_not_tried_again(monkeypatch, kept):
    tried = []
    kept["3.12-lowest"] = replace(CELL, code="c0", environment=Made(Path("/env"), {}).digest)
    monkeypatch.setattr(matrix, "try_cell", lambda cell, made: tried.append(cell) or [PASSED])
    monkeypatch.setattr(matrix, "_record", lambda made, trials: replace(CELL, trials=trials))
    assert matrix.try_one(CELL_312, is_anew=False)
    assert tried == []
    for stale in (
        {"code": "older"},
        {"environment": "other"},
        {"trials": (replace(PASSED, is_passed=False),)},
    ):
        kept["3.12-lowest"] = replace(CELL, code="c0", environment=Made(Path("/env"), {}).digest)
        kept["3.12-lowest"] = replace(kept["3.12-lowest"], **stale)
        assert matrix.try_one(CELL_312, is_anew=False)
    assert len(tried) == 3


def test_an_environment_that_cannot_be_made_fails_and_is_kept(monkeypatch, capsys, kept):
    def fail(cell, python, is_anew):
        raise EnvironmentFailedError("no wheel of orjson")

    monkeypatch.setattr(matrix, "make_environment", fail)
    assert not matrix.try_one(CELL_312, is_anew=False)
    assert "FAILED: no wheel of orjson" in capsys.readouterr().err
    assert not kept["3.12-lowest"].is_passed


def test_a_cell_that_there_is_not_is_refused_with_those_that_there_are(capsys):
    with pytest.raises(SystemExit):
        matrix.main(["2.7-lowest"])
    assert "there is no environment '2.7-lowest'; there are 3.11-lowest" in capsys.readouterr().err
