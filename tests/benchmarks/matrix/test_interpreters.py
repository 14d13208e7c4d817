"""An interpreter is what it says it is when it is started, and an absent one is told with what brings it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.matrix.interpreters import AbsentPythonError, find_python

HERE = "{}.{}".format(*sys.version_info[:2])


def pretender(folder: Path, name: str, *, says: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)
    return path


def test_an_interpreter_on_the_path_is_found(tmp_path):
    (tmp_path / f"python{HERE}").symlink_to(sys.executable)
    found = find_python(HERE, environ={"PATH": f"{tmp_path}"})
    assert found == tmp_path / f"python{HERE}"


def test_one_that_is_of_another_version_than_its_name_is_passed_over(tmp_path):
    pretender(tmp_path / "shims", "python3.99", says="3.8")
    real = pretender(tmp_path / "bin", "python3.99", says="3.99")
    path = f"{tmp_path / 'shims'}:{tmp_path / 'absent'}:{tmp_path / 'bin'}"
    assert find_python("3.99", environ={"PATH": path}) == real


def test_the_newest_that_pyenv_keeps_is_found_where_the_path_has_none(tmp_path):
    for patch in ("9", "10"):
        pretender(tmp_path / "versions" / f"3.99.{patch}" / "bin", "python", says="3.99")
    found = find_python("3.99", environ={"PATH": "", "PYENV_ROOT": str(tmp_path)})
    assert found == tmp_path / "versions/3.99.10/bin/python"


def test_one_that_uv_brought_is_found(tmp_path):
    folder = tmp_path / ".local/share/uv/python/cpython-3.99.1-linux-x86_64-gnu/bin"
    real = pretender(folder, "python3.99", says="3.99")
    assert find_python("3.99", environ={"PATH": "", "HOME": str(tmp_path)}) == real


def test_a_python_that_is_not_here_is_told_with_the_command_that_brings_it(tmp_path):
    with pytest.raises(AbsentPythonError, match=r"Python 3\.99 is not .*`uv python install 3\.99` brings it"):
        find_python("3.99", environ={"PATH": "", "HOME": str(tmp_path)})
