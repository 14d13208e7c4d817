"""Keeps each cell in benchmarks/results/rollouts as it ends, so that a run that was killed goes on.

Always: what is kept says how it came about: seed, settings, date, the digest of the sources that made it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.process import ROOT
from smallcraft.canonical import digest_bytes
from smallcraft.serve.simulation.cells import SimulatedCell, from_json, to_json
from smallcraft.serve.simulation.ours import Smallcraft
from smallcraft.serve.simulation.rules import Rule
from smallcraft.serve.simulation.scenarios import SCENARIOS

KEPT = ROOT / "benchmarks" / "results" / "rollouts"
_PACKAGE = ROOT / "src" / "smallcraft"
_WORLD = ("cells", "latencies", "requests", "rules", "runs", "scenarios", "traffic", "windows", "world")
_OF_ALL = (
    *(f"serve/simulation/{name}.py" for name in (*_WORLD, "argo", "flagger", "kayenta")),
    "serve/rollout/counts.py",
    "stats/kernels/cells.py",
)
_DECIDING = ("evidence", "guardrails", "guesses", "linear", "ordered", "phases", "plan", "rules")
_OF_OURS = (
    "serve/simulation/ours.py",
    *(f"serve/rollout/{name}.py" for name in _DECIDING),
    "stats/sequences/*.py",
)


@dataclass(frozen=True)
class Made:
    """How a cell came about.

    Attributes:
        settings: Of the rule, whole.
        sources: Digest of the code that made it.
        date: UTC, to the minute.
        cpu_s: CPU-seconds it took.
        machine: What `machine.describe_machine` said.
        versions: Package to version.
    """

    settings: str
    sources: str
    date: str
    cpu_s: float
    machine: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class KeptCell:
    """A cell and how it came about."""

    cell: SimulatedCell
    made: Made


def sources_digest(rule: Rule) -> str:
    """Of the code that a rule's cells come from.

    Args:
        rule: A peer's cells do not depend on the rules of this project.
    """
    patterns = (*_OF_ALL, *(_OF_OURS if isinstance(rule, Smallcraft) else ()))
    paths = sorted({path for pattern in patterns for path in _PACKAGE.glob(pattern)})
    texts = [f"{path.relative_to(_PACKAGE).as_posix()}\n".encode() + path.read_bytes() for path in paths]
    return digest_bytes(b"\0".join(texts))


def keep(kept: KeptCell, *, folder: Path = KEPT) -> None:
    """Put a cell in the place of the earlier one of its rule and scenario.

    Args:
        kept: The cell.
        folder: Of all scenarios.
    """
    name = kept.cell.scenario
    cells = {one.cell.rule: one for one in read(name, folder=folder)} | {kept.cell.rule: kept}
    forms = [{"cell": to_json(one.cell), "made": asdict(one.made)} for one in cells.values()]
    folder.mkdir(parents=True, exist_ok=True)
    path, fresh = folder / f"{name}.json", folder / f"{name}.json.new"
    fresh.write_text(json.dumps({"cells": forms}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)


def read(scenario: str, *, folder: Path = KEPT) -> list[KeptCell]:
    """What is kept of a scenario; nothing for one that never ran.

    Args:
        scenario: By its name.
        folder: Of all scenarios.
    """
    path = folder / f"{scenario}.json"
    if not path.exists():
        return []
    forms = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [KeptCell(from_json(form["cell"]), Made(**form["made"])) for form in forms]


def read_all(rules: Iterable[str], *, folder: Path = KEPT) -> dict[str, list[KeptCell]]:
    """What is kept of every scenario that ran, by its name.

    Args:
        rules: Those that are wanted, in order.
        folder: Of all scenarios.
    """
    wanted = list(rules)
    found = {}
    for name in SCENARIOS:
        cells = {one.cell.rule: one for one in read(name, folder=folder)}
        if of_rules := [cells[rule] for rule in wanted if rule in cells]:
            found[name] = of_rules
    return found


def is_current(kept: KeptCell, rule: Rule, *, rollouts: int, seed: int) -> bool:
    """Whether running a cell again would give the same.

    Args:
        kept: The cell.
        rule: That it should be of.
        rollouts: How many it should have.
        seed: It should have.
    """
    wanted = (rule.name, rollouts, seed, repr(rule), sources_digest(rule))
    cell, made = kept.cell, kept.made
    return wanted == (cell.rule, cell.rollouts, cell.seed, made.settings, made.sources)
