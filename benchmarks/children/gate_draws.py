"""Seeded evidence whose truth is known, for simulations of a gate's error rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from smallcraft.gates.rules import BUILTIN
from smallcraft.records import GateSpec, Measurement, Outcome

SIZES = (15, 25, 40, 75, 150, 300, 600, 1000, 2000, 3000)


def share(hits: int, trials: int, where: str) -> Measurement:
    """A share of independent rows, as the audits and scores hand it over."""
    told = {"split": "dev", "slice": where, "hits": hits, "trials": trials}
    return Measurement("accuracy", hits / trials, "fraction", trials, "", **told)


def gap(hits: int, trials: int, rest_hits: int, rest_trials: int, where: str) -> Measurement:
    """A group minus the rest."""
    return Measurement(
        "accuracy_gap",
        hits / trials - rest_hits / rest_trials,
        "fraction",
        trials,
        "",
        split="dev",
        slice=where,
        hits=hits,
        trials=trials,
        rest_hits=rest_hits,
        rest_trials=rest_trials,
    )


def gaps(hits: Sequence[int], sizes: Sequence[int] = SIZES) -> list[Measurement]:
    """Every group against all the others."""
    right, rows = sum(hits), sum(sizes)
    return [
        gap(int(own), n, int(right - own), rows - n, f"g={place}")
        for place, (own, n) in enumerate(zip(hits, sizes, strict=True))
    ]


def judge(rule: str, measurements: Sequence[Measurement], limit: float) -> list[Outcome]:
    """What a gate at 95 % says of each slice."""
    name = measurements[0].name
    spec = GateSpec("g", rule, name, measurements[0].split, limit, slice="*")
    return [verdict.outcome for verdict in BUILTIN[rule].judge(spec, measurements)]


def fail_rate(draws: NDArray[np.int64], has_failed: Callable[[tuple[int, ...]], bool]) -> float:
    """The share of draws that fail; each different draw is judged once.

    Args:
        draws: `(b, ...)` counts.
        has_failed: Of one draw, flattened.
    """
    unique, times = np.unique(draws.reshape(len(draws), -1), axis=0, return_counts=True)
    failed = [has_failed(tuple(int(count) for count in counts)) for counts in unique]
    return float(np.dot(failed, times) / len(draws))
