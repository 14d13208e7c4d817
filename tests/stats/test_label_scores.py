import numpy as np
import pytest
from benchmarks.peers import CLEANLAB
from hypothesis import given
from hypothesis import strategies as st
from tests.stats.cleanlab_oracle import ask_cleanlab

from smallcraft.errors import InvalidInputError
from smallcraft.stats.label_scores import (
    confidence_weighted_entropy,
    logit_margin,
    normalized_margin,
    self_confidence,
)

SCORES = (self_confidence, normalized_margin, logit_margin, confidence_weighted_entropy)


def draw(seed, n, k, *, sharp=2.0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, k)) * sharp
    probs = np.exp(logits)
    return rng.integers(0, k, n), probs / probs.sum(axis=1, keepdims=True)


def test_the_scores_are_those_counted_by_hand():
    labels, probs = np.array([0, 2]), np.array([[0.5, 0.25, 0.25], [0.5, 0.4, 0.1]])
    assert self_confidence(labels, probs).tolist() == [0.5, 0.1]
    assert normalized_margin(labels, probs) == pytest.approx([(0.25 + 1) / 2, (-0.4 + 1) / 2])
    assert logit_margin(labels, probs) == pytest.approx([np.log(2), np.log(0.2)])
    entropy = np.array([1.5 * np.log(2), -(0.5 * np.log(0.5) + 0.4 * np.log(0.4) + 0.1 * np.log(0.1))])
    quotient = entropy / np.log(3) / [0.5, 0.1]
    assert confidence_weighted_entropy(labels, probs) == pytest.approx(np.log(1 + quotient) / quotient)


@pytest.mark.peer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_scores_agree_with_cleanlab(tmp_path, peer_python, dtype):
    cases = [draw(seed, n, k) for seed, (n, k) in enumerate([(1, 2), (500, 2), (400, 3), (300, 60)])]
    cases = [(labels, probs.astype(dtype)) for labels, probs in cases]
    cases.append((np.array([0, 1]), np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], dtype=dtype)))
    for (labels, probs), theirs in zip(
        cases, ask_cleanlab(peer_python(CLEANLAB), tmp_path, cases), strict=True
    ):
        for score in (self_confidence, normalized_margin, confidence_weighted_entropy):
            expected = theirs[score.__name__]
            assert score(labels, probs) == pytest.approx(
                expected, rel=1e-5, abs=1e-6 if dtype == np.float32 else 1e-12
            )


@given(st.integers(0, 10_000), st.integers(1, 200))
def test_two_classes_are_put_into_one_order_by_margins_and_self_confidence(seed, n):
    labels, probs = draw(seed, n, 2)
    order = np.argsort(self_confidence(labels, probs))
    for score in (normalized_margin, logit_margin):
        assert (np.diff(score(labels, probs)[order]) >= -1e-15).all()


@given(st.integers(0, 10_000), st.integers(2, 40))
def test_the_margins_are_negative_or_below_a_half_exactly_where_another_label_is_more_probable(seed, k):
    labels, probs = draw(seed, 60, k)
    is_beaten = probs.argmax(axis=1) != labels
    assert ((logit_margin(labels, probs) < 0) == is_beaten).all()
    assert ((normalized_margin(labels, probs) < 0.5) == is_beaten).all()


@pytest.mark.parametrize("score", SCORES)
def test_a_score_of_a_part_is_that_part_of_the_scores(score):
    labels, probs = draw(1, 20_000, 40)
    part = np.arange(3, 20_000, 7)
    assert score(labels, probs)[part].tolist() == score(labels[part], probs[part]).tolist()


@pytest.mark.parametrize("score", SCORES)
def test_no_rows_have_no_scores(score):
    assert score(np.zeros(0, dtype=np.int64), np.zeros((0, 3))).shape == (0,)


def test_the_logit_margin_of_impossible_labels_is_finite():
    margin = logit_margin(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert margin[0] == -margin[1] == pytest.approx(np.log(np.finfo(np.float32).tiny))


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("labels", "probs", "message"),
    [
        ([0, 1], [0.5, 0.5], r"shape \(n, k\) .* got \(2,\)"),
        ([0], [[1.0]], "at least 2 classes"),
        ([0, 1], [[0.5, 0.5]], r"each of the 1 rows of probs, got shape \(2,\)"),
        ([2], [[0.5, 0.5]], r"must lie in \[0, 2\), got 2 in row 0"),
        ([-1], [[0.5, 0.5]], r"got -1 in row 0; leave out the rows"),
        ([0.5], [[0.5, 0.5]], "labels must be integer codes, got float64"),
        ([0], [[0, 1]], "float32 or float64, got int64; convert"),
        ([0, 0], [[0.5, 0.5], [0.5, np.nan]], "got nan in row 1, column 1"),
        ([0], [[1.5, -0.5]], r"got -0.5 in row 0, column 1; turn scores"),
    ],
)
def test_input_that_is_no_label_or_probability_is_refused(score, labels, probs, message):
    with pytest.raises(InvalidInputError, match=message):
        score(np.array(labels), np.array(probs))
