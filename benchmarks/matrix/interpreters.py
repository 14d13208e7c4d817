"""Finds the interpreters of this machine: on the PATH, of pyenv, of uv.

Always: one is named after it was started and said which version it is; a name alone proves nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

_QUESTION = "import ensurepip, sys, venv; print('{}.{}'.format(*sys.version_info[:2]))"
_QUESTION_S = 20.0


class AbsentPythonError(RuntimeError):
    """A version of Python is not on this machine."""


def find_python(version: str, *, environ: Mapping[str, str] = os.environ) -> Path:
    """An interpreter that can make environments.

    Args:
        version: Such as `3.12`.
        environ: Whose `PATH`, `PYENV_ROOT` and `HOME` say where to look.

    Raises:
        AbsentPythonError: There is none; the message has the command that brings it.
    """
    for candidate in _candidates(version, environ):
        if _version_of(candidate) == version:
            return candidate
    raise AbsentPythonError(
        f"Python {version} is not on this machine; `{bring_command(version)}` brings it "
        f"(or `pyenv install {version}`)"
    )


def bring_command(version: str) -> str:
    """What installs a version in the home folder, where `find_python` looks."""
    return f"uv python install {version}"


def _candidates(version: str, environ: Mapping[str, str]) -> Iterator[Path]:
    folders = environ.get("PATH", "").split(os.pathsep)
    for name in (f"python{version}", "python3"):
        for folder in folders:
            found = shutil.which(name, path=folder) if folder else None
            if found is not None:
                yield Path(found)
    home = Path(environ.get("HOME", "/nonexistent"))
    pyenv = Path(environ.get("PYENV_ROOT", home / ".pyenv"))
    yield from _newest_first(pyenv / "versions", f"{version}.*/bin/python")
    yield from _newest_first(home / ".local/share/uv/python", f"cpython-{version}.*/bin/python{version}")


def _newest_first(folder: Path, pattern: str) -> list[Path]:
    def numbers(path: Path) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", path.relative_to(folder).parts[0])]

    return sorted(folder.glob(pattern), key=numbers, reverse=True)


def _version_of(python: Path) -> str | None:
    try:
        done = subprocess.run(
            [str(python), "-I", "-c", _QUESTION],
            capture_output=True,
            text=True,
            check=False,
            timeout=_QUESTION_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
