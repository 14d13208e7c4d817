import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from smallcraft.errors import InvalidInputError
from smallcraft.stats.auroc import macro_roc_area, roc_area, roc_area_difference, roc_area_interval
from smallcraft.stats.intervals import mean_interval


def kernel(positive, negative):
    pairs = positive[:, None] - negative[None, :]
    return (pairs > 0) + 0.5 * (pairs == 0)


@st.composite
def curves(draw):
    scores = draw(st.lists(st.integers(0, 9), min_size=6, max_size=40))
    positives = draw(st.integers(2, len(scores) - 2))
    return np.arange(len(scores)) < positives, np.array(scores, dtype=float)


@given(curves())
def test_the_area_agrees_with_sklearn_and_is_the_mean_influence(case):
    area = roc_area(*case)
    assert area.value == pytest.approx(roc_auc_score(*case), abs=1e-9)
    assert area.influence.mean() == pytest.approx(area.value, abs=1e-9)


@given(curves())
def test_the_variance_is_delongs_over_all_pairs(case):
    is_positive, scores = case
    table = kernel(scores[is_positive], scores[~is_positive])
    expected = (
        table.mean(axis=1).var(ddof=1) / table.shape[0] + table.mean(axis=0).var(ddof=1) / table.shape[1]
    )
    influence = roc_area(is_positive, scores).influence
    assert influence.var(ddof=1) / len(influence) == pytest.approx(expected, abs=1e-9)


@given(curves(), st.integers(0, 100))
def test_the_paired_variance_is_delongs_over_all_pairs(case, seed):
    is_positive, first = case
    other = first + np.random.default_rng(seed).integers(-3, 4, len(first))
    table = kernel(first[is_positive], first[~is_positive]) - kernel(other[is_positive], other[~is_positive])
    expected = (
        table.mean(axis=1).var(ddof=1) / table.shape[0] + table.mean(axis=0).var(ddof=1) / table.shape[1]
    )
    gap = roc_area(is_positive, first).influence - roc_area(is_positive, other).influence
    assert gap.var(ddof=1) / len(gap) == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
def test_delong_agrees_with_a_bootstrap_within_classes():
    rng = np.random.default_rng(3)
    is_positive = np.arange(400) < 150
    scores = rng.normal(size=400) + 1.2 * is_positive
    spread = np.std(
        [
            roc_auc_score(is_positive, scores[np.r_[rng.integers(0, 150, 150), rng.integers(150, 400, 250)]])
            for _ in range(700)
        ]
    )
    influence = roc_area(is_positive, scores).influence
    assert np.sqrt(influence.var(ddof=1) / 400) == pytest.approx(spread, rel=0.12)


def test_the_interval_covers_and_stays_inside():
    rng, covered = np.random.default_rng(5), 0
    for _ in range(600):
        is_positive = np.arange(120) < 40
        area = roc_area(is_positive, rng.normal(size=120) + 1.5 * is_positive)
        interval = roc_area_interval(area)
        assert 0 <= interval.low <= area.value <= interval.high <= 1
        covered += interval.low <= 0.8556 <= interval.high
    assert covered >= 555


def test_a_perfect_sample_is_not_taken_for_a_perfect_model():
    is_positive = np.arange(40) < 20
    interval = roc_area_interval(roc_area(is_positive, is_positive.astype(float)))
    assert interval.high == 1
    assert interval.low == pytest.approx(0.025 ** (1 / 20))
    assert roc_area_interval(roc_area(is_positive, -is_positive.astype(float))).low == 0


def test_one_row_of_a_class_bounds_nothing():
    area = roc_area(np.arange(10) < 1, np.arange(10.0))
    assert (roc_area_interval(area).low, roc_area_interval(area).high) == (0, 1)
    assert roc_area_difference(area, area).low == -1


def test_equal_curves_are_not_certain_to_be_equal():
    area = roc_area(np.arange(100) < 50, np.random.default_rng(0).random(100))
    interval = roc_area_difference(area, area)
    assert interval.low < 0 < interval.high


def test_clusters_of_repeated_rows_add_nothing():
    rng = np.random.default_rng(8)
    is_positive = np.arange(60) < 30
    scores = rng.normal(size=60) + is_positive
    single = roc_area(is_positive, scores)
    repeated = roc_area(np.repeat(is_positive, 5), np.repeat(scores, 5))
    clustered = mean_interval(repeated.influence, clusters=np.repeat(np.arange(60), 5))
    plain = mean_interval(single.influence)
    assert clustered.high - clustered.low == pytest.approx(plain.high - plain.low, rel=0.03)


def test_one_class_only_is_refused():
    with pytest.raises(InvalidInputError, match="got 3 positive and 0"):
        roc_area(np.ones(3, dtype=bool), np.arange(3.0))


def several(n, k, seed, gain=1.0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k)) + gain * np.eye(k)[truth]
    probs = np.exp(logits)
    return truth, probs / probs.sum(axis=1, keepdims=True), rng


@given(st.integers(3, 6), st.integers(0, 200))
def test_the_mean_over_classes_agrees_with_sklearn_and_is_the_mean_influence(k, seed):
    truth, probs, _ = several(40 + seed, k, seed)
    truth[:k] = np.arange(k)
    area = macro_roc_area(truth, probs)
    peer = roc_auc_score(truth, probs, multi_class="ovr", average="macro")
    assert area.value == pytest.approx(peer, abs=1e-9)
    assert area.influence.mean() == pytest.approx(area.value, abs=1e-9)


def test_the_mean_over_classes_has_the_spread_of_an_index_bootstrap():
    truth, probs, rng = several(400, 4, 1)
    spread = np.std(
        [
            macro_roc_area(truth[rows], probs[rows]).value
            for rows in (rng.integers(0, 400, 400) for _ in range(1500))
        ]
    )
    area = macro_roc_area(truth, probs)
    assert np.sqrt(area.influence.var(ddof=1) / 400) == pytest.approx(spread, rel=0.08)
    interval = roc_area_interval(area)
    assert (interval.high - interval.low) / 2 == pytest.approx(1.96 * spread, rel=0.1)


def test_a_class_absent_from_the_truth_is_not_averaged_over_and_a_lone_row_may_be_anything():
    truth, probs, _ = several(200, 3, 4)
    wider = np.column_stack([probs, np.zeros(200)])
    assert macro_roc_area(truth, wider).value == pytest.approx(macro_roc_area(truth, probs).value)
    truth[0] = 3
    area = macro_roc_area(truth, wider)
    assert area.unseen == 0.25
    interval = roc_area_interval(area)
    assert interval.low < 0.75 * area.value + 0.01


def test_a_perfect_mean_over_classes_has_the_bound_of_its_disjoint_pairs():
    truth = np.arange(60) % 3
    area = macro_roc_area(truth, np.eye(3)[truth])
    assert (area.value, area.pairs) == (1.0, 30)
    assert roc_area_interval(area).low == pytest.approx(0.025 ** (1 / 30))
