"""Leaves out the training core, its examples and its tests where the extra [train] is not installed.

Its modules load torch when they are imported, so not even their examples can be read without it. On a build
machine (`CI=true`) nothing is left out.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

_FOLDERS = ("src/smallcraft/models/tuning", "tests/models/tuning")
_IS_LEFT_OUT = os.environ.get("CI", "").lower() not in {"true", "1"} and any(
    find_spec(package) is None for package in ("torch", "transformers", "peft")
)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """True for what cannot be imported here; None leaves the choice to pytest."""
    root = Path(__file__).parent
    return True if _IS_LEFT_OUT and any(collection_path == root / folder for folder in _FOLDERS) else None


def pytest_report_header() -> str | None:
    """Says what is left out."""
    if not _IS_LEFT_OUT:
        return None
    return f"left out: {', '.join(_FOLDERS)}: they need the extra [train]; `make torch` adds it"
