"""What was measured of the bundle that ships, arranged for papers: scores, classes, groups, costs.

Leaves to others: which of these a paper shows, and how.
Always: what was measured of the shipped bundle comes before what was measured of the candidate that it is a
refit of; where both measured the same thing, the former is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smallcraft.registry.memory.evidence import Facts, list_of, map_of
from smallcraft.registry.papers.facts import is_number

_OF_CLASSES = ("recall", "precision", "f1")
_GAP = "_gap"
_OF_DATA = frozenset(("data_quality_index",))
GROUPS_UNSAID = "none is declared; name the columns in smallcraft.toml under [data] groups"


@dataclass(frozen=True)
class ClassScores:
    """What was measured of one class.

    Attributes:
        name: The class.
        rows: How many rows of the split have it; None where that was not counted.
        scores: Measurements by name: `recall`, `precision`, `f1`.
    """

    name: str
    rows: object
    scores: dict[str, Facts]

    @property
    def worst(self) -> float:
        """F1, else the lowest score there is; above all others where nothing was measured."""
        f1 = self.scores.get("f1", {}).get("value")
        found = [f1] if is_number(f1) else [score.get("value") for score in self.scores.values()]
        return min((float(value) for value in found if isinstance(value, int | float)), default=2.0)


def evidence_of(facts: Facts) -> list[Facts]:
    """Every measurement of the release: of the shipped bundle, then of the candidate on dev."""
    released = list_of(map_of(facts, "released"), "measurements")
    candidate = list_of(chosen_candidate(facts), "measurements")
    added = [m for m in candidate if not released or m.get("split") is not None]
    first: dict[tuple[str, ...], Facts] = {}
    for measurement in (*released, *added):
        first.setdefault(_key(measurement), measurement)
    return list(first.values())


def chosen_candidate(facts: Facts) -> Facts:
    """The evidence of the rung that was chosen; empty where there is none."""
    for candidate in list_of(facts, "candidates"):
        if candidate.get("rung") == facts.get("chosen"):
            return candidate
    return {}


def scores_of(facts: Facts) -> list[Facts]:
    """Quality over all rows of a split, what the sealed set told first."""
    found = [
        m for m in evidence_of(facts) if m.get("split") and _is_whole(m) and m.get("name") not in _OF_DATA
    ]
    return [*(m for m in found if m.get("split") == "cert"), *(m for m in found if m.get("split") != "cert")]


def costs_of(facts: Facts) -> list[Facts]:
    """What belongs to no split: times, sizes, energy."""
    return [m for m in evidence_of(facts) if not m.get("split")]


def classes_of(facts: Facts) -> list[ClassScores]:
    """What was measured of each class, the worst first."""
    found: dict[str, ClassScores] = {}
    for measurement in evidence_of(facts):
        text, name = str(measurement.get("slice", "all")), str(measurement.get("name"))
        if text.startswith("class=") and " & " not in text and name in _OF_CLASSES:
            label = text.removeprefix("class=")
            scores = found.setdefault(label, ClassScores(label, None, {})).scores
            scores.setdefault(name, measurement)
    counted = [
        ClassScores(one.name, one.scores.get("recall", {}).get("n"), one.scores) for one in found.values()
    ]
    return sorted(counted, key=lambda one: (one.worst, one.name))


def groups_of(facts: Facts) -> list[Facts]:
    """What was measured of groups and of groups within groups, and the gaps that audits found."""
    sliced = [m for m in evidence_of(facts) if _is_group(m)]
    gaps = [
        measurement
        for audit in list_of(facts, "audits")
        for measurement in list_of(audit, "measurements")
        if _is_group(measurement) and str(measurement.get("name")).endswith(_GAP)
    ]
    return [*sliced, *sorted(gaps, key=_lowest)]


def group_columns(facts: Facts) -> tuple[str, ...]:
    """The columns by which rows were grouped, each once."""
    return tuple(dict.fromkeys(column for m in groups_of(facts) for column in _columns(m)))


def intersections(facts: Facts) -> tuple[str, ...]:
    """The slices that are groups within groups."""
    return tuple(dict.fromkeys(str(m["slice"]) for m in groups_of(facts) if " & " in str(m["slice"])))


def methods_of(measurements: Iterable[Facts]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each method with the names of what it measured, in the order in which they come."""
    found: dict[str, dict[str, None]] = {}
    for measurement in measurements:
        if measurement.get("method"):
            names = found.setdefault(str(measurement["method"]), {})
            names[str(measurement.get("name", "unnamed"))] = None
    return tuple((method, tuple(names)) for method, names in found.items())


def class_counts(facts: Facts) -> dict[str, dict[str, int]]:
    """Rows of each class by split, as counted when the data was read; else from what the checks counted."""
    counted = map_of(map_of(facts, "data"), "class_counts")
    if counted:
        return {split: _whole_numbers(map_of(counted, split)) for split in counted if map_of(counted, split)}
    found: dict[str, dict[str, int]] = {}
    for measurement in data_measurements(facts):
        text, rows = str(measurement.get("slice", "all")), measurement.get("n")
        if measurement.get("name") == "flagged_share" and text.startswith("class=") and isinstance(rows, int):
            found.setdefault(str(measurement.get("split")), {})[text.removeprefix("class=")] = rows
    return found


def _whole_numbers(counted: Facts) -> dict[str, int]:
    return {name: rows for name, rows in counted.items() if isinstance(rows, int)}


def data_measurements(facts: Facts) -> list[Facts]:
    """What was measured of the data: what the index is made of, then what the checks found, each once."""
    quality = map_of(facts, "quality")
    factors = [*map_of(map_of(quality, "index"), "factors").values()]
    checked = [m for check in list_of(quality, "checks") for m in list_of(check, "measurements")]
    first: dict[tuple[str, ...], Facts] = {}
    for measurement in (*list_of({"factors": factors}, "factors"), *checked):
        first.setdefault(_key(measurement), measurement)
    return list(first.values())


def _key(measurement: Facts) -> tuple[str, ...]:
    return tuple(str(measurement.get(part)) for part in ("name", "split", "slice"))


def check_of(facts: Facts, name: str) -> Facts:
    """One check of the data; empty where it was not made."""
    quality = list_of(map_of(facts, "quality"), "checks")
    for check in (*quality, *list_of(facts, "checks")):
        if check.get("check") == name:
            return check
    return {}


def audit_of(facts: Facts, name: str) -> Facts:
    """One audit of the model; empty where it was not made."""
    for audit in list_of(facts, "audits"):
        if audit.get("audit") == name:
            return audit
    return {}


def _is_whole(measurement: Facts) -> bool:
    return measurement.get("slice", "all") == "all"


def _is_group(measurement: Facts) -> bool:
    text = str(measurement.get("slice", "all"))
    return "=" in text and (not text.startswith("class=") or " & " in text)


def _columns(measurement: Facts) -> list[str]:
    parts = str(measurement["slice"]).split(" & ")
    return [part.partition("=")[0] for part in parts if not part.startswith("class=")]


def _lowest(measurement: Facts) -> float:
    value = measurement.get("value")
    return float(value) if isinstance(value, int | float) else 0.0
