"""What of a build depends on the clock: a measured time, memory or price, and all that is decided by one.

No two runs take the same time, so whatever rests on a timing may come out otherwise and cannot be promised.
A reproduction judges with the costs that were recorded, and so judges everything else exactly.
Always: a measurement counts as timed by its unit or name, wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from smallcraft.pipeline.config import Config
from smallcraft.records import Evidence, Measurement

_UNITS = frozenset(("ms", "s", "J"))
_NAMES = frozenset(("peak_rss_mb", "noise_floor_ms"))
_PREFIXES = ("money_", "energy_")
# Budgets of `[budget]` that a clock or a run of the machine decides; a size on disk is the same each time.
_TIMED_BUDGETS = ("latency_p95_ms", "peak_rss_mb", "cpu_s_per_1000", "train_cpu_s")


def is_timed(name: str, unit: str) -> bool:
    """Whether a measurement differs from run to run.

    >>> is_timed("p95_ms", "ms"), is_timed("peak_rss_mb", "MB"), is_timed("size_mb", "MB")
    (True, True, False)
    """
    return unit in _UNITS or name in _NAMES or name.startswith(_PREFIXES)


def without_timed(value: Any) -> Any:  # noqa: ANN401 - JSON is recursive
    """The same JSON without the measurements that differ from run to run."""
    if isinstance(value, Mapping):
        return {key: without_timed(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [without_timed(item) for item in value if not _is_timed_entry(item)]
    return value


def _is_timed_entry(item: object) -> bool:
    if not (isinstance(item, Mapping) and {"name", "unit", "value"} <= set(item)):
        return False
    return is_timed(str(item["name"]), str(item["unit"]))


def with_recorded_costs(evidence: Evidence, recorded: Evidence | None) -> Evidence:
    """The evidence with each timed measurement as it was recorded, where it was.

    Args:
        evidence: Of the rebuild.
        recorded: Of the same rung in the release; None where there is none.
    """
    if recorded is None:
        return evidence
    return replace(evidence, measurements=tuple(_as_recorded(m, recorded) for m in evidence.measurements))


def _as_recorded(measurement: Measurement, recorded: Evidence) -> Measurement:
    if not is_timed(measurement.name, measurement.unit):
        return measurement
    found = recorded.find(measurement.name, split=measurement.split, slice=measurement.slice)
    return measurement if found is None else found


def why_not_promised(config: Config, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Why a build of these settings cannot promise to come out the same, part by part.

    Args:
        config: The settings of the release.
        facts: What the release recorded.

    Returns:
        A sentence for each part that depends on the clock; none where only costs are shown.
    """
    return (*_of_budget(config), *_of_own_gates(config), *_of_choice(facts))


def _of_budget(config: Config) -> list[str]:
    limits = config.budget.model_dump(exclude_none=True)
    return [
        f"the verdict of [budget] {name} = {limits[name]:g} rests on what this machine measured: measured "
        "again, it may fall on the other side"
        for name in _TIMED_BUDGETS
        if name in limits
    ]


def _of_own_gates(config: Config) -> list[str]:
    found = []
    for gate, section in config.gates.declared.items():
        parts = [section, *(section.parts or {}).values()]
        timed = sorted({name for part in parts if (name := part.measurement) and _is_timed_name(name)})
        if timed:
            found.append(f"the verdict of [gates.{gate}] rests on {', '.join(timed)}, which is measured anew")
    return found


def _is_timed_name(name: str) -> bool:
    return is_timed(name, "") or name.endswith(("_ms", "_s", "_s_per_1000"))


def _of_choice(facts: Mapping[str, Any]) -> list[str]:
    decision = facts["decision"]
    tied = [rung for rung in decision["tied"] if rung != decision["chosen"]]
    if not tied:
        return []
    why = (
        f"{decision['chosen']} was chosen among candidates that are as good ({', '.join(tied)}) by measured "
        "CPU time: under other timings another of them may be chosen"
    )
    return [why]
