"""Error budgets of answers and sets of labels: on calibrated probabilities, and where production moved on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.guarantees.cases import Case, counted
from benchmarks.guarantees.worlds import Codes, Floats, draw_calibrated, seeded
from benchmarks.records import Sample
from smallcraft.models.decisions import DecisionPlan, SetScore, fit_decider
from smallcraft.stats.intervals import mean_interval

_STATED, _FRESH, _NEW = 0.05, 100_000, 1000
_CLASSES = ("a", "b", "c", "d")


def simulate_budgets() -> tuple[Case, ...]:
    """How often is the true share of wrong answers above the budget, where it was said to be kept?"""
    return (
        _over_budget(budget=0.05, rows=400, runs=2000),
        _over_budget(budget=0.02, rows=1500, runs=1000),
        _over_budget(budget=0.05, rows=400, runs=1000, shift=0.1),
        _over_budget(budget=0.05, rows=400, runs=1000, copies=5),
    )


def _over_budget(*, budget: float, rows: int, runs: int, shift: float = 0.0, copies: int = 1) -> Case:
    """Copies: rows of one sender that are alike, which the search does not know."""
    rng, over = seeded(20, rows, int(1000 * budget), int(100 * shift), copies), 0
    true_error = _true_errors(*draw_calibrated(_FRESH, len(_CLASSES), rng, shift=shift))
    plan = DecisionPlan("abstain", errors_at_most=budget, confidence=0.95)
    for _ in range(runs):
        probs, truth = draw_calibrated(rows // copies, len(_CLASSES), rng)
        decider = fit_decider(plan, np.repeat(probs, copies, axis=0), np.repeat(truth, copies), _CLASSES)
        promise = decider.describe()["promise"]
        over += bool(promise["is_kept"]) and true_error(decider.describe()["threshold"]) > budget
    what = f"at most {budget:.0%} of the answers wrong, {rows:,} rows to find the threshold"
    if shift:
        what += f"; then {shift:.0%} of production's labels have nothing to do with the rows any more"
    if copies > 1:
        what += f", {copies} of each sender and alike"
    return counted(what, over, runs, stated=_STATED, is_as_assumed=not shift and copies == 1)


def _true_errors(probs: Floats, truth: Codes) -> Callable[[float], float]:
    """The true share of wrong answers at a threshold."""
    sure, wrong = probs.max(axis=1), probs.argmax(axis=1) != truth
    order = np.argsort(-sure)
    ordered, shares = sure[order], np.cumsum(wrong[order]) / np.arange(1, len(sure) + 1)
    return lambda threshold: float(
        shares[max(int(np.searchsorted(-ordered, -threshold, side="right")) - 1, 0)]
    )


def simulate_sets() -> tuple[Case, ...]:
    """How many rows have a set that leaves out their true label?"""
    scores: tuple[SetScore, ...] = ("lac", "aps", "raps")
    return (
        *(_left_out(score, rows=500, runs=1000) for score in scores),
        _left_out("lac", rows=50, runs=3000),
        _left_out("lac", rows=500, runs=300, shift=0.2),
    )


def _left_out(score: SetScore, *, rows: int, runs: int, coverage: float = 0.9, shift: float = 0.0) -> Case:
    rng = seeded(21, rows, len(score), int(100 * shift))
    plan = DecisionPlan("conformal", coverage=coverage, score=score)
    missed = []
    for seed in range(runs):
        own = draw_calibrated(rows, len(_CLASSES), rng, spread=1.5)
        decider = fit_decider(plan, *own, _CLASSES, seed=seed)
        probs, truth = draw_calibrated(_NEW, len(_CLASSES), rng, spread=1.5, shift=shift)
        sets = decider.decide(probs, _CLASSES).sets
        assert sets is not None
        missed.append(np.mean([_CLASSES[code] not in of for of, code in zip(sets, truth, strict=True)]))
    values = np.array(missed)
    interval = mean_interval(values)
    assert interval is not None
    found = Sample(float(values.mean()), runs, "fits", interval.low, interval.high)
    what = f"`{score}`, coverage {coverage:.0%}, {rows} rows to fit on"
    if shift:
        what += f"; then {shift:.0%} of production's labels have nothing to do with the rows any more"
    return Case(what, found, round(1 - coverage, 9), is_as_assumed=not shift)
