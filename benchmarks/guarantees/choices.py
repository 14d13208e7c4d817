"""The choice, the difference between releases, intervals of scores: on answers whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.guarantees.cases import Case, counted
from benchmarks.guarantees.worlds import EVEN, MANY, UNEVEN, Confusions, answers_of, seeded
from smallcraft.evaluate.by_task import measure_score
from smallcraft.evaluate.choice.decide import Contender, choose_cheapest
from smallcraft.evaluate.choice.paired import quality_difference
from smallcraft.records import Predictions

_STATED = 0.05
_MARGIN, _ROWS = 0.03, 600
_BEST, _REPAIRED = 0.95, 0.01


def simulate_choice() -> tuple[Case, ...]:
    """Cheap candidates that are worse than the best by a hair more than the margin: is one chosen?"""
    return (
        _released("accuracy", k=2, cheap=1, runs=2000),
        _released("macro_f1", k=3, cheap=1, runs=500),
        _released("accuracy", k=2, cheap=5, runs=1000, is_as_assumed=False),
    )


def _released(metric: str, *, k: int, cheap: int, runs: int, is_as_assumed: bool = True) -> Case:
    rng, wrongly = seeded(10, k, cheap), 0
    for _ in range(runs):
        truth = rng.integers(0, k, _ROWS)
        best = np.where(rng.random(_ROWS) < _BEST, truth, (truth + rng.integers(1, k, _ROWS)) % k)
        worse = [_worsened(truth, best, k, rng) for _ in range(cheap)]
        contenders = [
            Contender(f"cheap {place}", answers_of(truth, predicted, k), 0.1, place)
            for place, predicted in enumerate(worse)
        ]
        contenders.append(Contender("best", answers_of(truth, best, k), 10.0, cheap))
        decision = choose_cheapest(
            contenders, metric=metric, margin=_MARGIN, confidence=0.95, seed=int(rng.integers(2**31))
        )
        wrongly += decision.chosen != "best"
    many = "one cheaper candidate" if cheap == 1 else f"any of {cheap} cheaper candidates, each"
    what = f"{metric}, {_ROWS} rows, {many} worse by exactly the margin of {_MARGIN}"
    return counted(what, wrongly, runs, stated=_STATED, is_as_assumed=is_as_assumed)


def _worsened(truth: np.ndarray, best: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Slips and repairs, so that the true difference is the margin and both sides differ on some rows."""
    slips = (best == truth) & (rng.random(len(truth)) < (_MARGIN + _REPAIRED) / _BEST)
    repairs = (best != truth) & (rng.random(len(truth)) < _REPAIRED / (1 - _BEST))
    elsewhere = (truth + rng.integers(1, k, len(truth))) % k
    return np.where(slips, elsewhere, np.where(repairs, truth, best))


def simulate_scores() -> tuple[Case, ...]:
    """Does the printed interval of a score hold its true value?"""
    cases = [
        _missed(metric, model, name, n, runs)
        for metric, runs in (("accuracy", 4000), ("macro_f1", 1500))
        for model, name, n in (
            (EVEN, "3 even classes", 150),
            (UNEVEN, "4 classes of 60 to 5 %", 600),
            (MANY, "20 classes", 600),
        )
    ]
    return (*cases, *(_missed_by_key(is_told=is_told) for is_told in (True, False)))


def _missed(metric: str, model: Confusions, name: str, n: int, runs: int) -> Case:
    rng, true, missed = seeded(11, n, model.k), getattr(model, metric), 0
    for seed in range(runs):
        measured = measure_score(model.draw(n, rng), metric, confidence=0.95, seed=seed)
        assert measured.low is not None
        assert measured.high is not None
        missed += not measured.low <= true <= measured.high
    return counted(f"{metric}, {name}, {n} rows", missed, runs, stated=_STATED)


def _missed_by_key(*, is_told: bool) -> Case:
    rng, missed, runs = seeded(12), 0, 1000
    for seed in range(runs):
        predictions = UNEVEN.draw_by_key(100, 6, rng, is_told=is_told)
        measured = measure_score(predictions, "macro_f1", confidence=0.95, seed=seed)
        assert measured.low is not None
        assert measured.high is not None
        missed += not measured.low <= UNEVEN.macro_f1 <= measured.high
    told = "declared as `key`" if is_told else "not declared"
    what = f"macro_f1, 4 classes, 100 senders of 6 rows that stand or fall together, sender {told}"
    return counted(what, missed, runs, stated=_STATED, is_as_assumed=is_told)


def simulate_deltas() -> tuple[Case, ...]:
    """Two releases on the same rows: does the interval of their difference hold the true one?"""
    return (
        _delta_missed("accuracy", 600, 2000),
        _delta_missed("macro_f1", 600, 500),
        _delta_missed("accuracy", 150, 2000),
        _chosen_of_many(),
    )


def _pair(n: int, rng: np.random.Generator) -> tuple[Predictions, Predictions]:
    """The later one repairs a third of the errors of the earlier, and breaks one right answer in fifty."""
    before = EVEN.draw(n, rng)
    is_right = before.predicted == before.truth
    repaired, broken = rng.random(n) < 1 / 3, rng.random(n) < 0.02
    later = np.where(is_right & ~broken | ~is_right & repaired, before.truth, (before.truth + 1) % EVEN.k)
    return answers_of(before.truth, later, EVEN.k), before


def _true_gain(metric: str) -> float:
    right = EVEN.right + (1 - EVEN.right) / 3 - EVEN.right * 0.02
    return float(getattr(replace(EVEN, right=right), metric) - getattr(EVEN, metric))


def _delta_missed(metric: str, n: int, runs: int) -> Case:
    rng, true, missed = seeded(13, n, len(metric)), _true_gain(metric), 0
    for seed in range(runs):
        found = quality_difference(*_pair(n, rng), metric=metric, level=0.95, seed=seed).interval
        missed += not found.low <= true <= found.high
    return counted(f"{metric}, {n} rows that both saw", missed, runs, stated=_STATED)


def _chosen_of_many() -> Case:
    """The best of 20 equal models on these rows, said to be better than the release by its plain interval."""
    rng, runs, n, wrongly = seeded(14), 300, 600, 0
    for seed in range(runs):
        before = EVEN.draw(n, rng)
        others = [answers_of(before.truth, _equal(before, rng), EVEN.k) for _ in range(20)]
        best = max(others, key=lambda one: int((one.predicted == one.truth).sum()))
        found = quality_difference(best, before, metric="accuracy", level=0.95, seed=seed).interval
        wrongly += not found.low <= 0 <= found.high
    what = (
        "accuracy, 600 rows, the best of 20 equal models picked on these very rows and then compared on them"
    )
    return counted(what, wrongly, runs, stated=_STATED, is_as_assumed=False)


def _equal(before: Predictions, rng: np.random.Generator) -> np.ndarray:
    """Answers as good as before on average: a share of errors repaired, as many right ones broken."""
    is_right = before.predicted == before.truth
    repaired, broken = rng.random(len(is_right)) < 0.3, rng.random(len(is_right)) < 0.3 * 0.1 / 0.9
    keeps = is_right & ~broken | ~is_right & repaired
    return np.where(keeps, before.truth, (before.truth + 1) % EVEN.k)
