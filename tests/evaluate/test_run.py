import dataclasses

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.run import evaluate_predictions
from smallcraft.evaluate.scores import BUILTIN
from smallcraft.records import CandidateStatus, Evidence, Predictions
from smallcraft.stats.intervals import clopper_pearson_interval


def sampled(n=200, k=3, seed=0, right=2.0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k)) + right * np.eye(k)[truth]
    probs = np.exp(logits)
    classes = tuple(f"c{i}" for i in range(k))
    return Predictions(classes, truth, probs / probs.sum(axis=1, keepdims=True))


def evidence_of(predictions, **settings):
    measured = evaluate_predictions(predictions, split="dev", **settings)
    return Evidence("ngram", CandidateStatus.MEASURED, "sha256:0", measured)


def test_every_score_and_every_class_is_measured_on_the_named_split():
    measured = evaluate_predictions(sampled(), split="cert")
    assert [m.name for m in measured if m.slice == "all"] == list(BUILTIN)
    assert {m.split for m in measured} == {"cert"}
    assert {m.slice for m in measured} == {"all", "class=c0", "class=c1", "class=c2"}


def test_class_slices_agree_with_sklearn():
    predictions = sampled()
    evidence = evidence_of(predictions, scores=["accuracy"])
    peer = precision_recall_fscore_support(predictions.truth, predictions.predicted)
    for code, name in enumerate(predictions.classes):
        for score, values in zip(("precision", "recall", "f1"), peer[:3], strict=True):
            found = evidence.find(score, split="dev", slice=f"class={name}")
            assert found.value == pytest.approx(values[code], abs=1e-9)
            assert found.low < found.value < found.high
        assert evidence.find("recall", split="dev", slice=f"class={name}").n == peer[3][code]


def test_group_slices_are_the_accuracy_of_their_rows_with_exact_bounds():
    predictions = sampled()
    region = ["north" if i % 4 else None for i in range(200)]
    evidence = evidence_of(predictions, scores=["accuracy"], groups={"region": region})
    right = predictions.truth == predictions.predicted
    north = evidence.find("accuracy", split="dev", slice="region=north")
    rows = np.arange(200) % 4 != 0
    exact = clopper_pearson_interval(int(right[rows].sum()), 150)
    assert (north.value, north.n, north.low, north.high) == (right[rows].mean(), 150, exact.low, exact.high)
    assert evidence.find("accuracy", split="dev", slice="region=(missing)").n == 50


def test_every_interval_has_its_level_and_every_share_what_its_bounds_come_from():
    region = ["north" if i % 4 else None for i in range(200)]
    clustered = sampled()
    clustered = Predictions(clustered.classes, clustered.truth, clustered.probs, np.arange(200) // 2)
    shares = {"accuracy", "top_3_accuracy", "recall", "precision"}
    for predictions in (sampled(), sampled(k=5), clustered):
        for found in evaluate_predictions(
            predictions, split="dev", confidence=0.9, groups={"region": region}
        ):
            assert (found.low is None) == (found.high is None) == (found.level is None), found.name
            assert found.level in (None, 0.9)
            if found.name in shares and found.value is not None:
                exact = clopper_pearson_interval(found.hits, found.trials, level=0.9)
                assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-12)
                assert found.hits / found.trials == pytest.approx(found.value)
            else:
                assert (found.hits, found.trials) == (None, None)


@pytest.mark.parametrize("score", BUILTIN)
def test_a_score_measured_with_the_others_is_the_score_measured_alone(score):
    predictions = sampled(k=5)
    (together,) = [
        m
        for m in evaluate_predictions(predictions, split="dev", seed=3)
        if (m.name, m.slice) == (score, "all")
    ]
    alone = BUILTIN[score].measure(predictions, confidence=0.95, seed=3)
    assert together == dataclasses.replace(alone, split="dev")


def test_an_empty_class_is_reported_with_the_reason():
    predictions = Predictions(("a", "b"), np.zeros(5, dtype=np.int64), np.tile([0.9, 0.1], (5, 1)))
    evidence = evidence_of(predictions)
    for score, why in {
        "recall": "no row of this class",
        "precision": "never predicted",
        "f1": "neither",
    }.items():
        found = evidence.find(score, split="dev", slice="class=b")
        assert (found.value, found.low, found.n) == (None, None, 0)
        assert why in found.detail


def test_same_seed_same_measurements():
    assert evaluate_predictions(sampled(), split="dev", seed=3) == evaluate_predictions(
        sampled(), split="dev", seed=3
    )


def test_clustered_rows_are_said_to_be_so_and_widen_the_intervals():
    plain = sampled(n=50)
    clusters = np.repeat(np.arange(50), 6)
    together = Predictions(plain.classes, plain.truth.repeat(6), plain.probs.repeat(6, axis=0), clusters)
    alone = Predictions(plain.classes, together.truth, together.probs)
    measured = ["accuracy", "macro_f1", "log_loss", "ece"]
    for wide, narrow in zip(
        evaluate_predictions(together, split="dev", scores=measured),
        evaluate_predictions(alone, split="dev", scores=measured),
        strict=True,
    ):
        if wide.slice == "all":
            assert wide.value == narrow.value
            assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)


def test_what_cannot_be_measured_is_refused_with_the_remedy():
    good = sampled()
    with pytest.raises(InvalidInputError, match="did you mean 'accuracy'"):
        evaluate_predictions(good, split="dev", scores=["acuracy"])
    with pytest.raises(
        InvalidInputError, match="group column 'region' must have one value for each of 200 rows, got 1"
    ):
        evaluate_predictions(good, split="dev", groups={"region": ["x"]})
    with pytest.raises(
        InvalidInputError, match="slice 'odd' must have one value for each of 200 rows, got 1"
    ):
        evaluate_predictions(good, split="dev", slices={"odd": np.array([True])})
    with pytest.raises(InvalidInputError, match="at least one row"):
        evaluate_predictions(Predictions(("a",), np.array([], dtype=np.int64), np.zeros((0, 1))), split="dev")
    with pytest.raises(InvalidInputError, match=r"\(200, 3\), got \(200, 2\)"):
        evaluate_predictions(Predictions(good.classes, good.truth, good.probs[:, :2]), split="dev")
    broken = Predictions(good.classes, good.truth, np.full((200, 3), np.nan))
    with pytest.raises(InvalidInputError, match="must be finite"):
        evaluate_predictions(broken, split="dev")
