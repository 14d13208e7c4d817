"""The metered test set under the attack that is known to wear out leaderboards, through real ledger files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.children.boosting import (
    attack_exact,
    attack_ledger,
    attack_plan,
    quick_folder,
    sure_bar,
    toss,
)
from benchmarks.guarantees.cases import Case, counted
from benchmarks.guarantees.worlds import seeded
from smallcraft.evaluate.meter.bits import adaptive_bound

_STATED, _ROWS, _QUESTIONS, _RUNS = 0.05, 1000, 100, 100
_TRUTH = 0.5


def simulate_looks() -> tuple[Case, ...]:
    """Is any score that was told, less the bound of its look, above the truth?"""
    above = {"vote": 0, "weighted": 0, "plan": 0, "free": 0}
    for run in range(_RUNS):
        coins = toss(_ROWS, _QUESTIONS, seeded(30, run))
        for name, is_weighted in (("vote", False), ("weighted", True)):
            with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
                shown = attack_ledger(coins, seeded(31, run), Path(folder), is_weighted=is_weighted)
            above[name] += shown.claim is not None and shown.claim > _TRUTH
        with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
            bar = sure_bar(_ROWS, _QUESTIONS, 1)
            shown = attack_plan(coins, seeded(32, run), Path(folder), passes=1, bar=bar)
        above["plan"] += shown.final is not None
        free = attack_exact(coins, seeded(33, run), is_weighted=True)
        assert free.highest is not None
        above["free"] += free.highest - adaptive_bound(_ROWS, 0.0) > _TRUTH
    words = (
        ("vote", "the vote of models that guess, asked through the ledger until it refuses", True),
        ("weighted", "the same, every answer used either way", True),
        (
            "plan",
            f"a plan of {_QUESTIONS} questions told PASS or not, with a bar that shows more than a coin",
            True,
        ),
        (
            "free",
            f"{_QUESTIONS} exact answers outside the ledger, held against the bound of a first look",
            False,
        ),
    )
    return tuple(
        counted(
            f"{what}; {_ROWS:,} rows", above[name], _RUNS, stated=_STATED, of="attacks", is_as_assumed=holds
        )
        for name, what, holds in words
    )
