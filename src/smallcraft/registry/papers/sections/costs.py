"""What the model costs to train, hold and ask, each number with how it was measured.

Leaves to others: money (`smallcraft cost` has prices; a release has none).
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.registry.memory.evidence import Facts
from smallcraft.registry.papers.facts import BY_BUILD, interval_of, missing
from smallcraft.registry.papers.markdown import show, table
from smallcraft.registry.papers.measured import costs_of

_MEANINGS: Mapping[str, str] = {
    "mean_ms": "time of one answer, mean",
    "p50_ms": "time of one answer, median",
    "p90_ms": "time of one answer, 90 of 100 are quicker",
    "p95_ms": "time of one answer, 95 of 100 are quicker",
    "p99_ms": "time of one answer, 99 of 100 are quicker",
    "load_ms": "time to open the bundle",
    "first_ms": "time of the first answer",
    "cpu_s_per_1000": "processor time of 1,000 answers",
    "peak_rss_mb": "most memory held",
    "size_mb": "size on disk",
    "parameters": "learned numbers",
    "energy_j_per_1000": "energy of 1,000 answers",
    "noise_floor_ms": "what the clock reads for nothing",
    "train_cpu_s": "processor time of training",
}


def cost(facts: Facts) -> list[str]:
    """A row a cost: value, interval, unit, and the method."""
    found = costs_of(facts)
    if not found:
        return [missing("what it costs", BY_BUILD)]
    rows = [
        [
            show(m.get("name", "unnamed")),
            _MEANINGS.get(str(m.get("name")), ""),
            show(m.get("value")),
            interval_of(m) or "none",
            show(m.get("unit") or ""),
            show(m.get("n")),
            show(m.get("method") or "not recorded") + (f"; {show(m['detail'])}" if m.get("detail") else ""),
        ]
        for m in found
    ]
    return table(["cost", "what it is", "value", "interval", "unit", "n", "method"], rows)
