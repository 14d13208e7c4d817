from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.harness.own_metric import OwnMetric, load_metric
from smallcraft.records import Predictions
from smallcraft.stats.intervals import wilson_interval

SEED = 20


def predictions(n: int = 300, share: float = 0.8, *, seed: int = 1, clusters: bool = False) -> Predictions:
    dice = np.random.default_rng(seed)
    truth = dice.integers(0, 2, n)
    right = dice.random(n) < share
    if clusters:
        right = np.repeat(dice.random(n // 10) < share, 10)
    said = np.where(right, truth, 1 - truth)
    ids = np.repeat(np.arange(n // 10), 10) if clusters else None
    return Predictions(("neg", "pos"), truth, np.eye(2)[said], ids)


def hit_rate(truth, predicted, probs, classes):
    return float((truth == predicted).mean())


def test_a_bootstrap_of_a_share_agrees_with_its_known_interval():
    given = predictions()
    found = OwnMetric("m:hit_rate", hit_rate).measure(given, confidence=0.95, seed=SEED)
    known = wilson_interval(int((given.truth == given.predicted).sum()), 300)
    assert found.value == pytest.approx((given.truth == given.predicted).mean())
    assert found.low == pytest.approx(known.low, abs=0.012)
    assert found.high == pytest.approx(known.high, abs=0.012)
    assert "seed 20" in found.method


def test_rows_of_one_key_are_drawn_together_so_the_interval_is_wider():
    given = predictions(clusters=True)
    alone = Predictions(given.classes, given.truth, given.probs)
    tied, free = (
        OwnMetric("m", hit_rate).measure(side, confidence=0.95, seed=SEED) for side in (given, alone)
    )
    assert tied.value == free.value
    assert None not in (tied.low, tied.high, free.low, free.high)
    # Ten rows a cluster that are all right or all wrong: sqrt(10) times as wide.
    assert (tied.high - tied.low) / (free.high - free.low) == pytest.approx(np.sqrt(10), rel=0.2)
    assert "clusters" in tied.method


def test_one_seed_gives_one_interval():
    first, again, other = (
        OwnMetric("m", hit_rate).measure(predictions(), confidence=0.9, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert (first.low, first.high) != (other.low, other.high)


def test_the_interval_covers_a_known_mean_about_as_often_as_it_says():
    print(f"seed {SEED}")
    covered = 0
    for run in range(100):
        found = OwnMetric("m", hit_rate).measure(predictions(80, seed=1000 + run), confidence=0.9, seed=SEED)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.8 <= found.high
    assert 80 <= covered <= 98


def test_a_function_gets_no_probabilities_where_there_are_labels_only():
    seen = []

    def looking(truth, predicted, probs, classes):
        seen.append((probs is None, classes, truth.dtype.kind))
        return 1.0

    OwnMetric("m", looking).measure(predictions(), confidence=0.95, seed=1, labels_only=True)
    OwnMetric("m", looking).measure(predictions(), confidence=0.95, seed=1)
    assert seen[0] == (True, ["neg", "pos"], "U")
    assert seen[-1] == (False, ["neg", "pos"], "U")


@pytest.mark.parametrize("given", [None, "0.5", float("nan"), float("inf"), [0.1, 0.2], True])
def test_what_is_no_number_is_refused(given):
    with pytest.raises(InvalidInputError, match="must give a finite number"):
        OwnMetric("m", lambda *_: given).measure(predictions(), confidence=0.95, seed=1)


def test_what_it_raises_is_told():
    with pytest.raises(InvalidInputError, match="'m' raised ZeroDivisionError"):
        OwnMetric("m", lambda *_: 1 / 0).measure(predictions(), confidence=0.95, seed=1)


def test_no_number_on_some_draw_is_no_interval_and_said():
    calls = iter(range(10_000))

    def sometimes(*_):
        return float("nan") if next(calls) % 100 == 50 else 0.5

    found = OwnMetric("m", sometimes).measure(predictions(), confidence=0.95, seed=1)
    assert (found.value, found.low, found.high) == (0.5, None, None)
    assert "no number on 5 of 500 draws" in found.detail


def test_a_difference_is_paired_and_positive_is_better():
    good, bad = predictions(share=0.95), predictions(share=0.7)
    both = {"level": 0.95, "seed": SEED, "labels_only": (False, False)}
    better = OwnMetric("m", hit_rate).difference(good, bad, **both)
    worse = OwnMetric("m", hit_rate, higher_is_better=False).difference(good, bad, **both)
    assert better.interval.low > 0
    assert worse.value == -better.value
    same = OwnMetric("m", hit_rate).difference(good, good, **both)
    assert (same.value, same.interval.low, same.interval.high) == (0, 0, 0)


def test_a_metric_is_loaded_with_its_direction(tmp_path):
    (tmp_path / "metric_module.py").write_text(
        "def cost(truth, predicted, probs, classes):\n    return float((truth != predicted).sum())\n"
        "cost.higher_is_better = False\n",
        encoding="utf-8",
    )
    metric = load_metric("metric_module:cost", tmp_path)
    assert not metric.higher_is_better
    given = predictions()
    wrong = int((given.truth != given.predicted).sum())
    assert metric.measure(given, confidence=0.95, seed=1).value == wrong
