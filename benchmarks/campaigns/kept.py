"""Keeps each experiment in benchmarks/results/campaigns as it ends, so that the page is written from there.

Always: what is kept says how it came about: seeds, date, machine, versions, CPU-seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.campaigns.repairs import Seed, over_seeds
from benchmarks.campaigns.rounds import ProjectRound
from benchmarks.process import ROOT
from smallcraft.label.measuring import Delta
from smallcraft.records import Interval

KEPT = ROOT / "benchmarks" / "results" / "campaigns"
ROUNDS = "rounds"


@dataclass(frozen=True)
class Made:
    """How an experiment came about.

    Attributes:
        date: UTC, to the minute.
        cpu_s: CPU-seconds it took.
        machine: What `machine.describe_machine` said.
        versions: Package to version.
    """

    date: str
    cpu_s: float
    machine: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Line:
    """What one seed showed; maps are by strategy.

    Attributes:
        repaired: Labels that were wrong and are right now.
        broken: Labels that were right and are wrong now.
        printed: The targeted strategy's delta as a campaign prints it, on frozen rows.
        on_test: The same on the official test.
    """

    seed: int
    repaired: Mapping[str, int]
    broken: Mapping[str, int]
    printed: Delta
    on_test: Delta

    @property
    def is_covered(self) -> bool:
        """Whether the printed interval contains the delta on the official test."""
        return self.printed.interval.low <= self.on_test.value <= self.printed.interval.high

    def ratio(self, targeted: str, blind: str) -> float:
        """Repairs of one strategy over those of another."""
        return self.repaired[targeted] / max(1, self.repaired[blind])


@dataclass(frozen=True)
class Experiment:
    """All seeds of one corpus and one kind of wrong labels.

    Attributes:
        name: Such as `banking77, any class`.
        lines: One a seed.
        gains: The targeted strategy minus each other, and `before`, on the official test over all seeds.
    """

    name: str
    lines: tuple[Line, ...]
    gains: Mapping[str, Delta]
    made: Made


def summed(name: str, seeds: Sequence[Seed], *, targeted: str, made: Made) -> Experiment:
    """What is kept of an experiment's seeds.

    Args:
        name: Of the experiment.
        seeds: Each with all strategies.
        targeted: The strategy that the others are held against.
        made: How it came about.
    """
    others = [other for other in seeds[0].right_on_test if other != targeted]
    lines = tuple(Line(one.seed, one.repaired, one.broken, one.frozen, one.on_test) for one in seeds)
    gains = {other: over_seeds(seeds, targeted=targeted, against=other) for other in others}
    return Experiment(name, lines, gains, made)


def keep(found: Experiment | tuple[ProjectRound, ...], file: str, *, made: Made, folder: Path = KEPT) -> None:
    """Put it in the place of an earlier one.

    Args:
        found: An experiment, or rounds of a project.
        file: Its name, without the end.
        made: How it came about.
        folder: Of all.
    """
    form = asdict(found) if isinstance(found, Experiment) else {"rounds": [asdict(one) for one in found]}
    folder.mkdir(parents=True, exist_ok=True)
    path, fresh = folder / f"{file}.json", folder / f"{file}.json.new"
    text = json.dumps({**form, "made": asdict(made)}, indent=1, ensure_ascii=False)
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(path)


def read_experiment(file: str, *, folder: Path = KEPT) -> Experiment | None:
    """What is kept under a name; None where it never ran."""
    form = _read(folder / f"{file}.json")
    if form is None:
        return None
    lines = tuple(
        Line(**{**one, "printed": _delta(one["printed"]), "on_test": _delta(one["on_test"])})
        for one in form["lines"]
    )
    gains = {name: _delta(one) for name, one in form["gains"].items()}
    return Experiment(form["name"], lines, gains, Made(**form["made"]))


def read_rounds(*, folder: Path = KEPT) -> tuple[tuple[ProjectRound, ...], Made] | None:
    """Rounds of a project; None where none ran."""
    form = _read(folder / f"{ROUNDS}.json")
    if form is None:
        return None
    found = tuple(
        ProjectRound(**{**one, "printed": _delta(one["printed"]), "on_test": _delta(one["on_test"])})
        for one in form["rounds"]
    )
    return found, Made(**form["made"])


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _delta(form: dict[str, Any]) -> Delta:
    return Delta(**{**form, "interval": Interval(**form["interval"]), "of_seed": tuple(form["of_seed"])})
