"""Compared items and a whole reproduction, written short."""

from __future__ import annotations

from typing import Any

from smallcraft.pipeline.reproducing.record import Bearing, Compared, CostBeside, Noise, Reproduction


def same(what: str) -> Compared:
    return Compared(what, "a", "a", same=True)


def other(what: str, *, bearing: Bearing = "content", **more: Any) -> Compared:
    return Compared(what, "a", "b", same=False, bearing=bearing, **more)


def unknown(what: str) -> Compared:
    return Compared(what, None, "b", same=None, detail="the release does not record it")


def noise(**changes: Any) -> Noise:
    """Well inside."""
    values: dict[str, Any] = {
        "metric": "macro_f1",
        "value": 0.0002,
        "low": -0.001,
        "high": 0.002,
        "level": 0.95,
        "margin": 0.01,
        "n": 1765,
        "record_gap": 0.0003,
        "same_choice": True,
    }
    return Noise(**(values | changes))


def reproduction(**changes: Any) -> Reproduction:
    values: dict[str, Any] = {
        "release": "helpdesk@3",
        "verdict": "diverged",
        "sentence": "diverged at data: a was recorded, now b",
        "inputs": (same("numpy"), other("data", detail="1 added"), unknown("BLAS kernel")),
        "outputs": (other("bundle"), unknown("verdicts")),
        "first_difference": other("data", detail="1 added"),
        "noise": noise(),
        "not_promised": ("the choice rests on the clock",),
        "costs": (CostBeside("p95_ms", "ms", 1.0, None),),
        "notes": ("a note",),
        "seconds": 12.345,
    }
    return Reproduction(**(values | changes))
