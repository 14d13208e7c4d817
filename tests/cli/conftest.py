"""Small projects that the verbs read: one with a release, one with a history."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.pipeline.conftest import FIXED
from tests.projects import (
    MESSAGES,
    QUICK_LADDER,
    change_project,
    copy_project,
    message_rows,
    save_rows,
    write_messages,
)

from smallcraft.cli.main import run
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.stages import measure

ORIGIN = "example.com/routing"
REASONS = ("the first that routes well enough", "seed one, for Köln's office")


@pytest.fixture(scope="session")
def small_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 messages, built once as a user would; not to be changed."""
    folder = write_messages(tmp_path_factory.mktemp("small") / "p")
    assert build(load_config(folder)).release is not None
    return folder


@pytest.fixture
def small(small_built: Path, own_keys: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return copy_project(small_built, tmp_path / "small")


@pytest.fixture(scope="session")
def storied_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In git: a release, a build that a gate blocked, another release, an alias that moved and went back.

    Not to be changed.
    """
    folder = tmp_path_factory.mktemp("storied") / "p"
    more = f'[registry]\norigin = "{ORIGIN}"\nrequire_because = true\n{QUICK_LADDER}'
    data = f'{MESSAGES}\ncert = "cert.csv"\nlicense = "CC-BY-4.0"\nsource = "made up for tests"'
    write_messages(folder, data=data, more=more)
    save_rows(folder / "cert.csv", message_rows(60, seed=9))
    (folder / ".gitignore").write_text(".smallcraft/\nreport.html\n", encoding="utf-8")
    git(folder, "init", "--quiet")
    commit(folder)
    project = ("-p", str(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        assert run(["build", *project, "--json", "--because", REASONS[0]]) == 0
        change_project(folder, "[ladder]", "[budget]\nsize_mb = 0.0001\n[ladder]")
        assert run(["build", *project, "--json", "--because", "too large for the phones"]) == 2
        change_project(folder, "[budget]\nsize_mb = 0.0001\n[ladder]", "[ladder]")
        change_project(folder, "[data]", "seed = 1\n[data]")
        assert run(["build", *project, "--json", "--because", REASONS[1]]) == 0
    for release, why in (("rows@1", "good"), ("rows@2", "better"), ("rows@1", "slower at noon")):
        assert run(["alias", "stable", release, *project, "--because", why]) == 0
    return folder


@pytest.fixture
def storied(storied_built: Path, own_keys: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return copy_project(storied_built, tmp_path / "storied")


@pytest.fixture
def fixed_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every bundle costs the same, so that a build takes a second."""
    monkeypatch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine: no keys, and no log was ever seen."""
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(tmp_path / "empty-config"))


@pytest.fixture
def forget_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Called, it leaves the user their keys, and no memory of any log."""

    def forget() -> None:
        folder = tmp_path / "keys-only"
        shutil.copytree(Path(os.environ["SMALLCRAFT_CONFIG"]) / "keys", folder / "keys")
        monkeypatch.setenv("SMALLCRAFT_CONFIG", str(folder))

    return forget


Told = Callable[..., str]
NEXT = re.compile(r"next  (smallcraft|curl) \S")


def assert_next(printed: str, arguments: Sequence[object]) -> None:
    """What people read ends with the next command, and what scripts read has none.

    A card is what was asked for, to the last byte.
    """
    found = [line for line in printed.splitlines() if NEXT.match(line)]
    if "--json" in arguments or arguments[0] == "card":
        assert found == []
    else:
        assert found == printed.splitlines()[-1:], (
            f"{arguments} does not end with the next command: {printed}"
        )


def before_next(printed: str) -> str:
    """What a verb printed, without the next command."""
    return "".join(line for line in printed.splitlines(keepends=True) if not NEXT.match(line))


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command, checks its exit code and last line; gives what it printed where that code puts it."""

    def tell(*arguments: object, code: int = 0) -> str:
        capsys.readouterr()
        found = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert found == code, captured
        if code not in (1, 4):
            assert_next(captured.out, arguments)
        return captured.err if code in (1, 4) else captured.out

    return tell


@pytest.fixture
def told_json(told: Told) -> Callable[..., Any]:
    """The same of a command that prints JSON."""
    return lambda *arguments: json.loads(told(*arguments, "--json"))


def git(folder: Path, *words: str) -> None:
    """In the project's own repository, as nobody."""
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def commit(folder: Path) -> None:
    """Everything that is not ignored."""
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "as it is")
