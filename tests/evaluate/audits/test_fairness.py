"""Laws of the fairness audit."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.fairness import FairnessAudit
from smallcraft.records import AuditResult, Measurement, Predictions
from smallcraft.stats.intervals import clopper_pearson_interval

BASIC = ("base_rate", "selection_rate", "tpr", "fpr", "ppv", "accuracy", "calibration_gap")


def scored(rng: np.random.Generator, n: int, clusters: np.ndarray | None = None) -> Predictions:
    """Honest probabilities of two classes."""
    positive = rng.beta(1, 2, size=n)
    truth = (rng.random(n) < positive).astype(np.int64)
    return Predictions(("no", "yes"), truth, np.stack([1 - positive, positive], axis=1), clusters)


def audit(predictions: Predictions, groups: dict, **settings) -> AuditResult:
    return FairnessAudit().measure(
        AuditSubject({"x": []}, seed=0, predictions=predictions, groups=groups, **settings)
    )


def find(result: AuditResult, name: str, slice_: str) -> Measurement:
    (found,) = [m for m in result.measurements if (m.name, m.slice) == (name, slice_)]
    return found


def rates_by_hand(predictions: Predictions, rows: np.ndarray) -> dict[str, float]:
    truth, called = predictions.truth[rows], predictions.predicted[rows]
    tn, fp, fn, tp = confusion_matrix(truth, called, labels=[0, 1]).ravel()
    return {
        "base_rate": (tp + fn) / len(truth),
        "selection_rate": (tp + fp) / len(truth),
        "tpr": tp / (tp + fn),
        "fpr": fp / (fp + tn),
        "ppv": tp / (tp + fp),
        "accuracy": accuracy_score(truth, called),
        "calibration_gap": np.mean(predictions.probs[rows, 1]) - np.mean(truth),
    }


@pytest.mark.parametrize("has_keys", [False, True])
def test_every_rate_and_gap_agrees_with_scikit_learn(has_keys):
    rng = np.random.default_rng(1)
    predictions = scored(rng, 5000, rng.integers(0, 900, size=5000) if has_keys else None)
    sex, race = rng.choice(["F", "M"], size=5000), rng.choice(["a", "b", "c"], size=5000, p=[0.6, 0.2, 0.2])
    result = audit(predictions, {"sex": sex.tolist(), "race": race.tolist()})
    slices = {f"sex={s}": sex == s for s in "FM"} | {f"race={r}": race == r for r in "abc"}
    slices |= {f"sex={s} & race={r}": (sex == s) & (race == r) for s in "FM" for r in "abc"}
    assert {m.slice for m in result.measurements} == set(slices)
    for slice_, rows in slices.items():
        inside, outside = rates_by_hand(predictions, rows), rates_by_hand(predictions, ~rows)
        for name in BASIC:
            found, gap = find(result, name, slice_), find(result, f"{name}_gap", slice_)
            assert found.value == pytest.approx(inside[name], abs=1e-12)
            assert gap.value == pytest.approx(inside[name] - outside[name], abs=1e-12)
            assert found.low < found.value < found.high
            assert gap.low < gap.value < gap.high
            if name != "calibration_gap":
                assert found.hits / found.trials == pytest.approx(found.value)
                assert gap.hits / gap.trials - gap.rest_hits / gap.rest_trials == pytest.approx(gap.value)


def test_rows_that_share_no_key_count_as_rows_without_keys():
    rng = np.random.default_rng(2)
    alone = scored(rng, 800)
    keyed = Predictions(alone.classes, alone.truth, alone.probs, np.arange(800))
    groups = {"g": rng.choice(["a", "b"], size=800).tolist()}
    for one, other in zip(audit(alone, groups).measurements, audit(keyed, groups).measurements, strict=True):
        assert one.value == pytest.approx(other.value)
        assert (one.low, one.high) == (pytest.approx(other.low), pytest.approx(other.high))


def test_rows_that_share_keys_widen_the_intervals():
    rng = np.random.default_rng(3)
    base = scored(rng, 200)
    five = Predictions(
        base.classes, base.truth.repeat(5), base.probs.repeat(5, axis=0), np.arange(200).repeat(5)
    )
    groups = {"g": np.repeat(rng.choice(["a", "b"], size=200), 5).tolist()}
    alone = Predictions(five.classes, five.truth, five.probs)
    for name in ("accuracy", "accuracy_gap", "calibration_gap", "calibration_gap_gap"):
        wide, narrow = (find(audit(each, groups), name, "g=a") for each in (five, alone))
        assert wide.value == pytest.approx(narrow.value)
        assert wide.high - wide.low > 1.9 * (narrow.high - narrow.low)


def test_shares_have_exact_intervals_at_the_asked_confidence():
    predictions = scored(np.random.default_rng(4), 500)
    found = find(audit(predictions, {"g": ["a", "b"] * 250}, confidence=0.8), "accuracy", "g=a")
    exact = clopper_pearson_interval(found.hits, found.trials, level=0.8)
    assert (found.low, found.high, found.level) == (exact.low, exact.high, 0.8)


def test_a_group_with_too_few_rows_in_a_denominator_is_unmeasured_and_says_how_many_are_needed():
    n = 400
    truth = np.zeros(n, dtype=np.int64)
    truth[:20] = truth[200:240] = 1
    probs = np.stack([1 - truth, truth], axis=1).astype(float)
    result = audit(Predictions(("no", "yes"), truth, probs), {"g": ["a"] * 200 + ["b"] * 200})
    few, enough = find(result, "tpr", "g=a"), find(result, "tpr", "g=b")
    assert (few.value, few.n) == (None, 20)
    assert "20 rows that are 'yes', 30 are needed; add 10 more such rows" in few.detail
    assert (enough.value, enough.n) == (1.0, 40)
    gap = find(result, "tpr_gap", "g=b")
    assert gap.value is None
    assert "20 rows that are 'yes' outside" in gap.detail
    assert find(result, "accuracy", "g=a").value == 1.0


def test_a_small_group_is_shown_shrunken_in_the_detail_and_raw_in_the_value():
    rng = np.random.default_rng(5)
    predictions = scored(rng, 2000)
    groups = {"g": ["small"] * 40 + ["big"] * 1960}
    small, big = (find(audit(predictions, groups), "accuracy", f"g={name}") for name in ("small", "big"))
    shrunken = float(small.detail.removeprefix("shrunken toward the whole: "))
    assert min(small.value, big.value) - 5e-4 <= shrunken <= max(small.value, big.value) + 5e-4
    assert small.value == np.mean((predictions.truth == predictions.predicted)[:40])
    assert big.detail == ""


def test_more_than_two_classes_have_accuracy_and_calibration_only():
    rng = np.random.default_rng(6)
    probs = rng.dirichlet([1, 1, 1], size=600)
    truth = rng.integers(-1, 3, size=600)
    predictions = Predictions(("a", "b", "c"), truth, probs)
    groups = {"g": rng.choice(["x", "y"], size=600).tolist()}
    result = audit(predictions, groups)
    assert {m.name.removesuffix("_gap") for m in result.measurements} == {"accuracy", "calibration"} | {
        "calibration_gap"
    }
    rows = np.array(groups["g"]) == "x"
    by_hand = probs[rows].max(axis=1).mean() - np.mean((predictions.predicted == truth)[rows])
    assert find(result, "calibration_gap", "g=x").value == pytest.approx(by_hand)


def test_a_named_class_is_the_outcome_whatever_the_number_of_classes():
    rng = np.random.default_rng(7)
    probs = rng.dirichlet([1, 1, 1], size=600)
    truth = rng.integers(0, 3, size=600)
    groups = {"g": rng.choice(["x", "y"], size=600).tolist()}
    found = find(audit(Predictions(("a", "b", "c"), truth, probs), groups, positive="c"), "tpr", "g=x")
    rows = (np.array(groups["g"]) == "x") & (truth == 2)
    assert found.value == pytest.approx(np.mean(probs[rows].argmax(axis=1) == 2))


def test_an_outcome_that_is_no_class_is_refused_with_the_nearest():
    predictions = scored(np.random.default_rng(8), 50)
    with pytest.raises(InvalidInputError, match=r"one of 'no', 'yes', got 'yess' - did you mean 'yes'\?"):
        audit(predictions, {"g": ["a", "b"] * 25}, positive="yess")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"groups": {}}, "no group column is declared"),
        ({"predictions": None}, "predictions beside the truth"),
    ],
)
def test_what_cannot_be_measured_says_what_would_bring_it(settings, reason):
    subject = {"predictions": scored(np.random.default_rng(9), 40), "groups": {"g": ["a"] * 40}} | settings
    result = FairnessAudit().measure(AuditSubject({"x": []}, seed=0, **subject))
    assert [m.value for m in result.measurements] == [None]
    assert reason in result.summary
    assert reason in result.measurements[0].detail


def test_a_planted_gap_is_told_first_with_its_interval():
    rng = np.random.default_rng(10)
    predictions = scored(rng, 6000)
    group = np.where(np.arange(6000) < 900, "hit", rng.choice(["a", "b"], size=6000))
    probs = predictions.probs.copy()
    missed = np.flatnonzero((group == "hit") & (predictions.truth == 1))[::2]
    probs[missed] = [0.95, 0.05]
    result = audit(Predictions(("no", "yes"), predictions.truth, probs), {"g": group.tolist()})
    assert "g=hit is" in result.summary
    assert "below the rest [" in result.summary
    assert result.findings[0].kind in {"tpr_gap", "accuracy_gap", "selection_rate_gap"}
    assert "tpr_gap" in {finding.kind for finding in result.findings}


def test_an_unbiased_model_is_rarely_said_to_treat_groups_unlike():
    seed, runs, told = 20, 300, 0
    rng = np.random.default_rng(seed)
    sizes = [15, 30, 50, 80, 120, 200, 400, 800, 1500, 3000]
    groups = {"g": np.repeat([f"g{i}" for i in range(10)], sizes).tolist()}
    for _ in range(runs):
        told += bool(audit(scored(rng, sum(sizes)), groups).findings)
    print(f"seed {seed}: {told} of {runs} audits of an unbiased model tell a gap")
    assert told <= 24  # 0.05 of the runs, and two standard deviations


def test_intervals_of_all_metrics_of_ten_groups_take_less_than_a_twentieth_of_a_cpu_second():
    rng = np.random.default_rng(12)
    predictions = scored(rng, 5000)
    groups = {"g": [f"g{code}" for code in rng.integers(0, 10, size=5000)]}
    audit(predictions, groups)
    started = time.process_time()
    result = audit(predictions, groups)
    spent = time.process_time() - started
    assert len(result.measurements) == 14 * 10
    assert spent <= 0.05
