"""What stands in an environment is what its pins say; it is made once, and again when they change."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.matrix.environments import (
    CELLS,
    Cell,
    EnvironmentFailedError,
    direct_packages,
    make_environment,
    project_tables,
    tried_extras,
)

from benchmarks import resolver
from benchmarks.matrix import environments

LOWEST = Cell("3.12", "lowest")


@pytest.fixture
def uv(tmp_path, monkeypatch):
    """The commands that uv is given; what it would write is written."""
    monkeypatch.setattr(environments, "MATRIX", tmp_path)
    asked = []

    def run(arguments, what):
        asked.append(arguments[:2])
        if "--output-file" in arguments:
            Path(arguments[arguments.index("--output-file") + 1]).write_text("numpy==2.1.0\n")
        if arguments[0] == "venv":
            Path(arguments[-1], "bin").mkdir(parents=True)

    monkeypatch.setattr(environments, "run_uv", run)
    return asked


def test_there_is_a_cell_for_each_python_and_each_end_of_the_bounds():
    assert len({cell.name for cell in CELLS}) == len(CELLS) == 6
    classifiers = (environments.ROOT / "pyproject.toml").read_text("utf-8")
    assert all(f"Python :: {cell.python}" in classifiers for cell in CELLS)


def test_every_extra_that_a_user_may_add_is_tried_but_what_trains_with_torch():
    assert set(tried_extras()) | {"train", "docs", "dev"} == set(project_tables()) - {""}
    assert {"numpy", "uvicorn", "ray", "huggingface-hub"} <= set(direct_packages())
    assert {"torch", "mypy", "mkdocs-material"}.isdisjoint(direct_packages())


def test_every_requirement_of_a_user_has_a_lower_bound():
    tables = project_tables()
    free = [one for extra in ("", *tried_extras()) for one in tables[extra] if ">=" not in one]
    assert free == []


def test_an_environment_that_is_there_is_used_again(uv):
    first = make_environment(LOWEST, Path(sys.executable))
    made = len(uv)
    assert made == 4
    assert make_environment(LOWEST, Path(sys.executable)) == first
    assert len(uv) == made
    assert first.pins == {"numpy": "2.1.0"}


def test_one_that_was_stopped_half_way_is_made_again_from_the_same_pins(uv):
    made = make_environment(LOWEST, Path(sys.executable))
    (made.folder / ".made").unlink()
    uv.clear()
    make_environment(LOWEST, Path(sys.executable))
    assert [words[0] for words in uv] == ["venv", "pip", "pip"]


def test_other_bounds_and_the_wish_to_begin_anew_are_resolved_again(uv, monkeypatch):
    make_environment(LOWEST, Path(sys.executable))
    uv.clear()
    make_environment(LOWEST, Path(sys.executable), is_anew=True)
    assert uv == [["pip", "compile"]]
    monkeypatch.setattr(environments, "project_tables", lambda: {"": ["numpy>=2.2"]})
    make_environment(LOWEST, Path(sys.executable))
    assert uv[1:] == [["pip", "compile"]]


def test_a_resolver_that_fails_is_told_with_its_reason(tmp_path, monkeypatch):
    program = tmp_path / "uv/bin/uv"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 'no such version' >&2\nexit 2\n")
    program.chmod(0o755)
    monkeypatch.setattr(environments, "MATRIX", tmp_path)
    monkeypatch.setattr(resolver, "_FOLDER", tmp_path / "uv")
    with pytest.raises(EnvironmentFailedError, match=r"3\.12-lowest could not be made: no such version"):
        make_environment(LOWEST, Path(sys.executable))
