"""uv, which resolves and makes environments in seconds, in an environment of its own below `.bench`.

Leaves to others: which packages, and what they are for (`peers`, `matrix`).
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.process import ROOT

_UV = "uv==0.13.9"
_FOLDER = ROOT / ".bench" / _UV
# Where packages come from is often said to pip alone; uv has its own names for it.
_SETTINGS = {
    "UV_DEFAULT_INDEX": "PIP_INDEX_URL",
    "UV_INDEX": "PIP_EXTRA_INDEX_URL",
    "UV_FIND_LINKS": "PIP_FIND_LINKS",
}


class ResolverFailedError(RuntimeError):
    """uv is not to be had, or did not do what it was asked to; the message says why."""


def run_uv(arguments: Sequence[str]) -> None:
    """Run uv.

    Args:
        arguments: Its own.

    Raises:
        ResolverFailedError: It could not be installed, or failed.
    """
    _run([str(_program()), *arguments], settings(os.environ))


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What uv is told besides its arguments, where the caller has not told it.

    >>> settings({"PIP_FIND_LINKS": "/wheels"})["UV_FIND_LINKS"]
    '/wheels'
    >>> settings({"PIP_INDEX_URL": "a", "UV_DEFAULT_INDEX": "b"})["UV_DEFAULT_INDEX"]
    'b'
    """
    of_pip = {uv: environment[pip] for uv, pip in _SETTINGS.items() if pip in environment}
    return {**of_pip, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", **environment}


def is_installed() -> bool:
    """Whether it is there already."""
    return (_FOLDER / "bin" / "uv").exists()


def _program() -> Path:
    program = _FOLDER / "bin" / "uv"
    if not program.exists():
        _FOLDER.parent.mkdir(parents=True, exist_ok=True)
        with _FOLDER.with_name("uv.lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if not program.exists():
                _install()
    return program


def _install() -> None:
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(_FOLDER)], os.environ)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(_FOLDER)]
    _run([*pip, "install", "--quiet", _UV], os.environ)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise ResolverFailedError(" ".join(done.stderr.split())[-600:])
