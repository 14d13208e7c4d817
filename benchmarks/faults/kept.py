"""Keeps what was seen under the faults in benchmarks/results/faults.json, which pages are written from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.outcomes import Outcome, System
from benchmarks.process import ROOT

KEPT = ROOT / "benchmarks" / "results" / "faults.json"
_NO_TRIALS: Mapping[str, Any] = {}


@dataclass(frozen=True)
class KeptFaults:
    """What was seen, on which systems, when and where.

    Attributes:
        seen: Fault to system to what was seen.
        systems: In the order of the table; what is read back has no trials.
        date: UTC, to the minute.
        machine: System and Python.
    """

    seen: Mapping[str, Mapping[str, Outcome]]
    systems: Sequence[System]
    date: str
    machine: str

    def silent(self, system: str) -> tuple[int, int]:
        """Faults under which a system was silent, and those that were tried on it."""
        kinds = [seen[system].kind for seen in self.seen.values()]
        tried = [kind for kind in kinds if kind not in ("n/a", "not run")]
        return tried.count("silent"), len(tried)


def keep(found: KeptFaults, path: Path = KEPT) -> None:
    """Put it in the place of what was seen earlier.

    Args:
        found: All of it.
        path: The file.
    """
    form = {
        "date": found.date,
        "machine": found.machine,
        "systems": [
            {"name": one.name, "versions": dict(one.versions), "setting": one.setting}
            for one in found.systems
        ],
        "seen": {
            fault: {system: asdict(outcome) for system, outcome in seen.items()}
            for fault, seen in found.seen.items()
        },
    }
    fresh = path.with_suffix(".json.new")
    fresh.write_text(json.dumps(form, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)


def read(path: Path = KEPT) -> KeptFaults | None:
    """What is kept; None where no fault was ever tried."""
    if not path.exists():
        return None
    form = json.loads(path.read_text(encoding="utf-8"))
    seen = {
        fault: {system: Outcome(**outcome) for system, outcome in found.items()}
        for fault, found in form["seen"].items()
    }
    systems = [System(**one, trials=_NO_TRIALS) for one in form["systems"]]
    return KeptFaults(seen, systems, form["date"], form["machine"])
