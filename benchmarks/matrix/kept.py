"""Keeps what was found in each environment in benchmarks/results/matrix.json; the page is written from it.

Always: a cell that was tried again replaces what was kept of it, the others stay; what is kept says which
code it was found with, so that a cell is only left out while nothing has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from benchmarks.matrix.trials import Tried
from benchmarks.process import ROOT

KEPT = ROOT / "benchmarks" / "results" / "matrix.json"
_CODE = ("src/smallcraft", "tests", "benchmarks/matrix")


@dataclass(frozen=True)
class KeptCell:
    """What was found in one environment.

    Attributes:
        date: UTC, to the minute.
        interpreter: The whole version of Python, such as `3.12.1`.
        code: Digest of the code that was tried.
        pins: Package to version, of what pyproject.toml names.
        environment: Digest of every pin.
        trials: In the order they ran; `made` alone where the environment could not be made.
    """

    date: str
    interpreter: str
    code: str
    pins: Mapping[str, str]
    environment: str
    trials: tuple[Tried, ...]

    @property
    def is_passed(self) -> bool:
        """Whether every trial passed."""
        return bool(self.trials) and all(trial.is_passed for trial in self.trials)


def keep(name: str, found: KeptCell, path: Path = KEPT) -> None:
    """Put it in the place of what was found in this cell earlier."""
    form = {cell: asdict(one) for cell, one in {**read(path), name: found}.items()}
    fresh = path.with_suffix(".json.new")
    fresh.write_text(json.dumps(form, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)


def read(path: Path = KEPT) -> dict[str, KeptCell]:
    """Cell to what is kept of it; empty where nothing was ever tried."""
    if not path.exists():
        return {}
    form = json.loads(path.read_text(encoding="utf-8"))
    return {
        cell: KeptCell(**{**one, "trials": tuple(Tried(**trial) for trial in one["trials"])})
        for cell, one in form.items()
    }


@cache
def digest_code(root: Path = ROOT) -> str:
    """Of pyproject.toml, the package, its tests and what is tried."""
    digest = hashlib.sha256((root / "pyproject.toml").read_bytes())
    files = (file for folder in _CODE for file in sorted((root / folder).rglob("*")))
    for file in files:
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()
