from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.harness.own_metric import OwnMetric
from smallcraft.evaluate.harness.versus import Entrant, compare_with
from smallcraft.records import Predictions
from smallcraft.stats.comparisons import mcnemar_exact
from smallcraft.stats.multiplicity import holm

SEED = 4


def entrant(share: float, *, n: int = 400, seed: int = 1, labels_only: bool = False) -> Entrant:
    dice = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    said = np.where(dice.random(n) < share, truth, (truth + 1) % 3)
    return Entrant(Predictions(("a", "b", "c"), truth, np.eye(3)[said]), labels_only)


def test_p_values_are_mcnemars_and_holm_runs_over_the_models():
    entrants = {
        name: entrant(share, seed=seed)
        for seed, (name, share) in enumerate({"x": 0.8, "y": 0.9, "z": 0.78}.items())
    }
    claims = compare_with(entrants, "x", metric="accuracy", confidence=0.95, seed=SEED)
    assert [claim.model for claim in claims] == ["y", "z"]
    right = {name: e.predictions.truth == e.predictions.predicted for name, e in entrants.items()}
    raw = [
        mcnemar_exact(int((right[m] & ~right["x"]).sum()), int((right["x"] & ~right[m]).sum()))
        for m in ("y", "z")
    ]
    assert [claim.p_value for claim in claims] == raw
    assert [claim.adjusted for claim in claims] == holm(raw).tolist()
    assert claims[0].is_shown
    assert "y is shown to be better than x" in claims[0].sentence
    assert not claims[1].is_shown
    assert "z is not shown to be better or worse than x" in claims[1].sentence


def test_equal_models_are_seldom_shown_to_differ():
    print(f"seed {SEED}")
    runs, false = 200, 0
    for run in range(runs):
        entrants = {name: entrant(0.8, n=150, seed=SEED + 10 * run + at) for at, name in enumerate("xyzw")}
        claims = compare_with(entrants, "x", metric="accuracy", confidence=0.9, seed=SEED)
        false += any(claim.is_shown for claim in claims)
    # At most 10 % of the runs may show anything; uncorrected, 16.5 % of these do.
    assert false / runs <= 0.1 + 2.0 * np.sqrt(0.1 * 0.9 / runs)


def test_what_cannot_be_compared_says_why_and_takes_no_part_in_the_correction():
    entrants = {"x": entrant(0.8), "y": entrant(0.9, seed=2), "z": entrant(0.9, seed=3, labels_only=True)}
    y, z = compare_with(entrants, "x", metric="brier", confidence=0.95, seed=SEED)
    assert z.value is None
    assert "labels only" in z.sentence
    assert y.adjusted == y.p_value
    (alone, _) = compare_with(entrants, "x", metric="ece", confidence=0.95, seed=SEED)
    assert alone.value is None
    assert "no paired interval for 'ece'" in alone.sentence


def test_a_metric_that_does_not_apply_is_told_not_raised():
    entrants = {"x": entrant(0.8), "y": entrant(0.9)}
    (claim,) = compare_with(entrants, "x", metric="top_3_accuracy", confidence=0.95, seed=SEED)
    assert claim.value is None
    assert "does not apply to 3 classes" in claim.sentence


def test_an_own_metric_compares_and_one_that_gives_no_number_has_no_interval():
    entrants = {"x": entrant(0.7), "y": entrant(0.9, seed=2)}
    metric = OwnMetric("m:f", lambda t, p, probs, classes: float((t == p).mean()))
    (claim,) = compare_with(entrants, "x", metric=metric, confidence=0.95, seed=SEED)
    assert claim.is_shown
    assert claim.metric == "m:f"
    calls = iter(range(10_000))
    odd = OwnMetric("m:g", lambda *_: float("nan") if next(calls) % 50 == 30 else float(next(calls)))
    (claim,) = compare_with(entrants, "x", metric=odd, confidence=0.95, seed=SEED)
    assert (claim.low, claim.high, claim.is_shown) == (None, None, False)
    assert "no interval" in claim.sentence


def test_one_that_is_not_there_cannot_be_stood_against():
    with pytest.raises(InvalidInputError, match="got 'q'"):
        compare_with({"x": entrant(0.8)}, "q", metric="accuracy", confidence=0.95, seed=SEED)
