"""Keeps the cases of each guarantee in benchmarks/results/guarantees as they end: a killed run goes on.

Always: what is kept says how it came about: date, machine, versions, digest of the sources that made it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.guarantees.cases import Case, from_json, to_json
from benchmarks.guarantees.catalogue import Guarantee
from benchmarks.process import ROOT
from smallcraft.canonical import digest_bytes

KEPT = ROOT / "benchmarks" / "results" / "guarantees"
_OF_ALL = ("benchmarks/guarantees/cases.py", "benchmarks/guarantees/worlds.py")


@dataclass(frozen=True)
class Made:
    """How cases came about.

    Attributes:
        sources: Digest of the code that made them.
        date: UTC, to the minute.
        cpu_s: CPU-seconds they took.
        machine: What `machine.describe_machine` said.
        versions: Package to version.
    """

    sources: str
    date: str
    cpu_s: float
    machine: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class KeptCases:
    """The cases of one guarantee, and how they came about; None for what is read from another command."""

    cases: tuple[Case, ...]
    made: Made | None


def sources_digest(guarantee: Guarantee, root: Path = ROOT) -> str:
    """Of the file that keeps a guarantee and of the simulation.

    Args:
        guarantee: Whose.
        root: Of the repository.
    """
    simulation = f"{guarantee.cases.__module__.replace('.', '/')}.py"
    paths = (*_OF_ALL, simulation, guarantee.file)
    return digest_bytes(b"\0".join(path.encode() + b"\n" + (root / path).read_bytes() for path in paths))


def keep(guarantee: Guarantee, found: KeptCases, *, folder: Path = KEPT) -> None:
    """Put cases in the place of earlier ones.

    Args:
        guarantee: Whose.
        found: Them; `made` is there.
        folder: Of all guarantees.
    """
    assert found.made is not None
    form = {
        "guarantee": guarantee.key,
        "cases": [to_json(case) for case in found.cases],
        "made": asdict(found.made),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path, fresh = folder / f"{guarantee.key}.json", folder / f"{guarantee.key}.json.new"
    fresh.write_text(json.dumps(form, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)


def read(guarantee: Guarantee, *, folder: Path = KEPT) -> KeptCases | None:
    """What there is on a guarantee; None where it was never simulated.

    Args:
        guarantee: Whose.
        folder: Of all guarantees.
    """
    if guarantee.is_reused:
        cases = guarantee.cases()
        return KeptCases(cases, None) if cases else None
    path = folder / f"{guarantee.key}.json"
    if not path.exists():
        return None
    form = json.loads(path.read_text(encoding="utf-8"))
    return KeptCases(tuple(from_json(case) for case in form["cases"]), Made(**form["made"]))


def is_current(guarantee: Guarantee, *, folder: Path = KEPT) -> bool:
    """Whether simulating a guarantee again would give the same.

    Args:
        guarantee: Whose.
        folder: Of all guarantees.
    """
    found = read(guarantee, folder=folder)
    return found is not None and (found.made is None or found.made.sources == sources_digest(guarantee))
