"""Keeps each cell in benchmarks/results/drift as it ends, so that a run that was killed goes on.

Always: what is kept says how it came about: seed, date, versions, the digest of the sources that made it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.drift.cells import Cell, from_json, to_json
from benchmarks.drift.contestants import OURS, PEERS
from benchmarks.drift.streams import CHANGES, WORLDS
from benchmarks.process import ROOT
from smallcraft.canonical import digest_bytes

KEPT = ROOT / "benchmarks" / "results" / "drift"
SCENES = (*WORLDS, *CHANGES)
_OF_ALL = ("benchmarks/drift/streams.py",)
_WATCHING = ("guardrail", "quantities", "settings", "statistics", "windows", "detectors/conformal")
_OF_OURS = (
    "benchmarks/drift/ours.py",
    "benchmarks/drift/twin.py",
    *(f"src/smallcraft/observe/{name}.py" for name in _WATCHING),
    "src/smallcraft/stats/sequences/*.py",
    *(f"src/smallcraft/stats/{name}.py" for name in ("histograms", "reference_bins", "kernels/histograms")),
)


@dataclass(frozen=True)
class Made:
    """How a cell came about.

    Attributes:
        sources: Digest of the code that made it.
        date: UTC, to the minute.
        cpu_s: CPU-seconds it took.
        machine: What `machine.describe_machine` said.
        versions: Package to version.
        note: What a reader must know besides.
    """

    sources: str
    date: str
    cpu_s: float
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    note: str = ""


@dataclass(frozen=True)
class KeptCell:
    """A cell and how it came about."""

    cell: Cell
    made: Made


def sources_digest(rule: str) -> str:
    """Of the code that a rule's cells come from.

    Args:
        rule: A peer's cells do not depend on this project's guardrail.
    """
    programs = [peer.program for peer in PEERS if rule in peer.rules]
    own = _OF_OURS if rule == OURS else tuple(f"benchmarks/children/{name}.py" for name in programs)
    paths = sorted({path for pattern in (*_OF_ALL, *own) for path in ROOT.glob(pattern)})
    texts = [f"{path.relative_to(ROOT).as_posix()}\n".encode() + path.read_bytes() for path in paths]
    return digest_bytes(b"\0".join(texts))


def keep(kept: KeptCell, *, folder: Path = KEPT) -> None:
    """Put a cell in the place of the earlier one of its rule and scene.

    Args:
        kept: The cell.
        folder: Of all scenes.
    """
    scene = kept.cell.scene
    cells = {one.cell.rule: one for one in read(scene, folder=folder)} | {kept.cell.rule: kept}
    forms = [{"cell": to_json(one.cell), "made": asdict(one.made)} for one in cells.values()]
    folder.mkdir(parents=True, exist_ok=True)
    path, fresh = folder / f"{scene}.json", folder / f"{scene}.json.new"
    fresh.write_text(json.dumps({"cells": forms}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)


def read(scene: str, *, folder: Path = KEPT) -> list[KeptCell]:
    """What is kept of a scene; nothing for one that never ran.

    Args:
        scene: A world or a change, by its name.
        folder: Of all scenes.
    """
    path = folder / f"{scene}.json"
    if not path.exists():
        return []
    forms = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [KeptCell(from_json(form["cell"]), Made(**form["made"])) for form in forms]


def read_all(rules: Iterable[str], *, folder: Path = KEPT) -> dict[str, list[KeptCell]]:
    """What is kept of every scene that ran, by its name.

    Args:
        rules: Those that are wanted, in order.
        folder: Of all scenes.
    """
    wanted = list(rules)
    found = {}
    for scene in SCENES:
        cells = {one.cell.rule: one for one in read(scene, folder=folder)}
        if of_rules := [cells[rule] for rule in wanted if rule in cells]:
            found[scene] = of_rules
    return found


def is_current(kept: KeptCell, *, streams: int, windows: int, seed: int) -> bool:
    """Whether running a cell again would give the same.

    Args:
        kept: The cell.
        streams: How many it should have at least.
        windows: How many of each at least.
        seed: It should have.
    """
    cell = kept.cell
    has_enough = cell.streams >= streams and cell.windows >= windows
    return has_enough and (cell.seed, kept.made.sources) == (seed, sources_digest(cell.rule))
