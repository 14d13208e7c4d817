"""A small project that every journey may read, built once; copies of it for those that change something."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from smallcraft.cli.main import run
from smallcraft.demo.helpdesk.corpus import write

SMALL_ROWS = 1200


def write_project(folder: Path, *, rungs: str = 'rungs = ["majority", "ngram"]', more: str = "") -> Path:
    """A helpdesk project of 1,200 rows, on the rungs that need no weights."""
    write(folder, rows=SMALL_ROWS)
    project = folder / "smallcraft.toml"
    text = project.read_text(encoding="utf-8").split("[budget]")[0]
    project.write_text(f"{text}\n[ladder]\n{rungs}\n{more}\n", encoding="utf-8")
    return folder


def command(*arguments: str) -> list[str]:
    """The command line in a process of its own."""
    code = "import sys; from smallcraft.cli.main import main; main()"
    return [sys.executable, "-c", code, *arguments]


def build_json(folder: Path) -> dict:
    """`smallcraft build --json`, parsed."""
    done = subprocess.run(command("build", "--json", "-p", str(folder)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one release; not to be changed."""
    folder = write_project(tmp_path_factory.mktemp("built") / "helpdesk")
    assert run(["build", "--json", "-p", str(folder)]) == 0
    return folder


@pytest.fixture
def built_copy(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(built, tmp_path / "copy"))
