import dataclasses
import itertools

import numpy as np
import pytest
from benchmarks.peers import CLEANLAB
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.stats.cleanlab_oracle import ask_cleanlab

from smallcraft.errors import InvalidInputError
from smallcraft.stats import confident
from smallcraft.stats.confident import ABSENT_THRESHOLD, count_confidently
from smallcraft.stats.label_scores import logit_margin, self_confidence

WRONG = 0.15


def draw(seed, n, k, *, skew=1.0, sharp=2.0, dtype=np.float64):
    """Labels of classes of unequal size, some of them wrong, and a model that is fairly good."""
    rng = np.random.default_rng(seed)
    shares = (1 / np.arange(1, k + 1)) ** skew
    truth = rng.choice(k, size=n, p=shares / shares.sum())
    logits = rng.normal(size=(n, k)) * sharp
    logits[np.arange(n), truth] += 2 * sharp
    probs = np.exp(logits)
    probs = (probs / probs.sum(axis=1, keepdims=True)).astype(dtype)
    labels = np.where(rng.random(n) < WRONG, rng.integers(0, k, n), truth)
    labels[:2] = 0, 1
    return labels, probs


def coarse(labels, probs, *, steps):
    """Probabilities that are multiples of `1 / steps`: ties everywhere, and many exact zeros and ones."""
    whole = np.floor(probs * steps)
    whole[np.arange(len(probs)), probs.argmax(axis=1)] += steps - whole.sum(axis=1)
    return labels, (whole / steps).astype(probs.dtype)


def same(found, theirs):
    """To the last row and count; thresholds to the last bit."""
    np.testing.assert_array_equal(found.flagged, theirs["flagged"])
    np.testing.assert_array_equal(found.predicted, theirs["predicted"])
    np.testing.assert_array_equal(found.thresholds, theirs["thresholds"].astype(np.float64))
    np.testing.assert_array_equal(found.counts, theirs["counts"])
    np.testing.assert_array_equal(found.joint, theirs["joint"])
    np.testing.assert_array_equal(found.self_confidence, theirs["self_confidence"].astype(np.float32))


def assert_same(python, folder, cases):
    for (labels, probs), theirs in zip(cases, ask_cleanlab(python, folder, cases), strict=True):
        same(count_confidently(labels, probs), theirs)


SHAPES = [(2, 2), (7, 3), (50, 2), (300, 5), (1000, 31), (1000, 32), (1000, 33), (2000, 150), (20_000, 10)]


# A process of cleanlab's takes seconds to begin, so it is asked about many tables at once.
@pytest.mark.peer
def test_random_tables_are_counted_as_cleanlab_does_to_the_last_row(tmp_path, peer_python):
    cases = [
        draw(seed, n, k, skew=skew, sharp=sharp, dtype=dtype)
        for dtype in (np.float32, np.float64)
        for skew in (0.0, 1.5)
        for seed in range(2)
        for n, k in SHAPES
        for sharp in (0.3, 2.0)
    ]
    assert_same(peer_python(CLEANLAB), tmp_path, cases)


@pytest.mark.peer
def test_ties_and_exact_zeros_are_counted_as_cleanlab_does(tmp_path, peer_python):
    cases = [
        coarse(*draw(seed, n, k, dtype=dtype), steps=steps)
        for dtype in (np.float32, np.float64)
        for seed, (n, k) in enumerate([(8, 2), (30, 3), (200, 4), (500, 40), (3000, 10)])
        for steps in (1, 2, 4, 64)
    ]
    even = [
        (np.array([0, 1, 2, 1]), np.full((4, 4), 0.25, dtype=dtype)) for dtype in (np.float32, np.float64)
    ]
    cases += even
    assert_same(peer_python(CLEANLAB), tmp_path, cases)


@pytest.mark.peer
def test_classes_given_to_nobody_or_predicted_for_nobody_are_counted_as_cleanlab_does(tmp_path, peer_python):
    cases = []
    shapes = enumerate([(60, 4), (900, 12), (900, 45)])
    for (seed, (n, k)), dtype in itertools.product(shapes, (np.float32, np.float64)):
        labels, probs = draw(seed, n, k, dtype=dtype)
        unheard = np.where(np.isin(labels, [1, k - 1]), 0, labels)
        unheard[1] = 2
        cases.append((unheard, probs))
        silenced = probs.copy()
        silenced[:, [0, 2]] = 0
        cases.append((labels, silenced / silenced.sum(axis=1, keepdims=True)))
    assert_same(peer_python(CLEANLAB), tmp_path, cases)


@pytest.mark.peer
@pytest.mark.slow
def test_a_million_rows_of_either_type_are_counted_as_cleanlab_does(tmp_path, peer_python):
    cases = [draw(5, 1_000_000, 10, dtype=np.float32), draw(6, 1_000_000, 4)]
    assert_same(peer_python(CLEANLAB), tmp_path, cases)


@pytest.mark.peer
def test_rows_that_almost_sum_to_one_are_divided_by_their_sum_and_told(tmp_path, peer_python):
    labels, probs = draw(3, 5000, 6, dtype=np.float64)
    off = np.arange(5000) % 3 == 0
    wide = np.where(off[:, None], probs * 1.00001, probs)
    divided = np.where(off[:, None], wide / wide.sum(axis=1, keepdims=True), probs)
    # What the sums of narrow numbers are is a matter of rounding: compare with the rounded table.
    narrow = wide.astype(np.float32)
    sums = narrow.sum(axis=1, dtype=np.float64, keepdims=True)
    rounded = np.where(np.abs(sums - 1) > 1e-6, narrow / sums, narrow).astype(np.float32)
    answers = ask_cleanlab(peer_python(CLEANLAB), tmp_path, [(labels, divided), (labels, rounded)])
    for stretched, theirs in zip((wide, narrow), answers, strict=True):
        found = count_confidently(labels, stretched)
        same(found, theirs)
        assert found.note.startswith(
            "1,667 of 5,000 rows of probabilities did not sum to 1 (off by up to 1.0e-05)"
        )


def test_a_case_small_enough_to_count_by_hand():
    probs = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.55, 0.45]])
    found = count_confidently(np.array([0, 0, 0, 1, 1]), probs)
    # Class 0 is reached from 0.5 on, class 1 from 0.575 on.
    assert found.thresholds == pytest.approx([0.5, 0.575])
    assert found.flagged.tolist() == [False, False, True, False, True]
    assert found.counts.tolist() == [[2, 1], [1, 1]]
    # Three rows were given 0 and two 1: the counts have these sums already.
    assert found.joint == pytest.approx(np.array([[2, 1], [1, 1]]) / 5)
    assert found.expected_errors == 2
    assert found.note == ""


@given(st.integers(0, 10_000), st.integers(2, 60), st.sampled_from([2, 3, 12, 40]))
@settings(max_examples=60)
def test_the_parts_of_a_count_fit_together(seed, n, k):
    labels, probs = draw(seed, n, k)
    found = count_confidently(labels, probs)
    assert (found.predicted == probs.argmax(axis=1)).all()
    assert not (found.flagged & (found.predicted == labels)).any()
    assert found.joint.sum() == pytest.approx(1)
    assert found.joint.sum(axis=1) * n == pytest.approx(np.bincount(labels, minlength=k))
    assert (found.counts.diagonal() >= 1).all()
    assert found.expected_errors == pytest.approx(n * (1 - found.joint.trace()))
    assert (found.thresholds[np.bincount(labels, minlength=k) == 0] == ABSENT_THRESHOLD).all()
    assert found.margin == pytest.approx(logit_margin(labels, probs), rel=1e-6, abs=1e-6)
    assert found.self_confidence == pytest.approx(self_confidence(labels, probs), rel=1e-6)
    assert (found.margin[found.flagged] < 0).all()


@given(st.integers(0, 10_000), st.sampled_from([2, 5, 40]))
@settings(max_examples=30)
def test_the_order_of_rows_and_the_names_of_classes_do_not_matter(seed, k):
    labels, probs = draw(seed, 200, k)
    rng = np.random.default_rng(seed)
    rows, names = rng.permutation(200), rng.permutation(k)
    found = count_confidently(labels, probs)
    moved = count_confidently(np.argsort(names)[labels][rows], probs[:, names][rows])
    assert (moved.flagged == found.flagged[rows]).all()
    assert (moved.counts == found.counts[names][:, names]).all()
    assert moved.margin == pytest.approx(found.margin[rows], rel=1e-6)


def test_planted_errors_of_a_sure_model_are_what_is_flagged():
    rng = np.random.default_rng(0)
    _, probs = draw(2, 20_000, 8, sharp=8.0)
    truth = probs.argmax(axis=1)
    planted = rng.random(20_000) < 0.1
    given = np.where(planted, (truth + rng.integers(1, 8, 20_000)) % 8, truth)
    found = count_confidently(given, probs)
    assert (found.flagged & planted).sum() > 0.95 * found.flagged.sum()
    assert (found.flagged & planted).sum() > 0.8 * planted.sum()
    assert found.expected_errors == pytest.approx(planted.sum(), rel=0.1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [10, 40])
def test_how_a_table_lies_in_memory_does_not_matter(monkeypatch, k, dtype):
    labels, probs = draw(4, 3000, k, dtype=dtype)
    expected = count_confidently(labels, probs)
    monkeypatch.setattr(confident, "_BLOCK_NUMBERS", 700 * k)  # several blocks
    packed = np.zeros(3000 * k * probs.itemsize + 1, dtype=np.uint8)
    crooked = packed[1:].view(dtype).reshape(3000, k)
    crooked[:] = probs
    sealed = probs.copy()
    sealed.flags.writeable = False
    wide = np.repeat(probs, 2, axis=1)[:, ::2]
    for table in (np.asfortranarray(probs), wide, crooked, sealed):
        assert_equal(count_confidently(labels, table), expected)
    assert_equal(count_confidently(labels.astype(np.uint16), probs), expected)
    assert_equal(count_confidently(np.repeat(labels, 2)[::2], probs), expected)


def assert_equal(found, expected):
    for field in dataclasses.fields(expected):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(expected, field.name), field.name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_table_and_the_labels_are_left_as_they_were(dtype):
    labels, probs = draw(1, 500, 5, dtype=dtype)
    probs *= 1.0001
    before = labels.copy(), probs.copy()
    count_confidently(labels, probs)
    assert (labels == before[0]).all()
    assert (probs == before[1]).all()
    assert labels.flags.writeable
    assert probs.flags.writeable


@given(st.floats(0.015625, 1, width=32))
def test_a_narrow_number_reaches_a_threshold_exactly_when_the_same_wide_one_does(value):
    own = np.full(4, value, dtype=np.float32)
    # A class without rows makes thresholds wide even where probabilities are narrow.
    _, cutoffs = confident._find_thresholds(own, np.array([4, 0]), own.dtype)
    below = np.nextafter(cutoffs[0], np.float32(0))
    assert np.float64(below) < np.float64(value) - 1e-6 <= np.float64(cutoffs[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_impossible_labels_have_finite_margins(dtype):
    probs = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]], dtype=dtype)
    found = count_confidently(np.array([0, 1, 0]), probs)
    assert np.isfinite(found.margin).all()
    assert found.margin[0] == found.margin[1] == -found.margin[2]


def test_scores_of_four_bytes_put_half_a_million_rows_into_the_order_of_eight():
    labels, probs = draw(8, 500_000, 3, sharp=1.0)
    found, exact = count_confidently(labels, probs), logit_margin(labels, probs)
    order = np.argsort(found.margin, kind="stable")
    # Rows that change places differ by less than a millionth in their odds.
    steps = np.diff(exact[order])
    assert steps.min() > -1e-6
    worst = np.argsort(exact, kind="stable")[:1000]
    assert order[:1000].tolist() == worst.tolist()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "got nan in column 2 of row 4,321; a model or a division went wrong"),
        (np.inf, "got inf in column 2 of row 4,321; a model"),
        (-np.inf, "got -inf in column 2 of row 4,321; a model"),
        (-0.25, "got -0.25 in column 2 of row 4,321; turn scores into probabilities"),
        (1.0, r"got a sum of 1\.\d+ of row 4,321; sums may be off by 0.001; divide each row by its sum"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_row_that_is_no_probability_is_refused_by_its_number(value, message, dtype, order):
    labels, probs = draw(9, 30_000, 20, dtype=dtype)
    probs[[4321, 20_000], 2] = value
    with pytest.raises(InvalidInputError, match=message):
        count_confidently(labels, np.asarray(probs, order=order))


def test_a_negative_value_in_a_row_that_sums_to_one_is_refused():
    probs = np.array([[0.5, 0.5], [1.5, -0.5]])
    with pytest.raises(InvalidInputError, match=r"got -0\.5 in column 1 of row 1"):
        count_confidently(np.array([0, 1]), probs)


@pytest.mark.parametrize(
    ("labels", "probs", "message"),
    [
        (np.zeros(0, dtype=np.int64), np.zeros((0, 2)), "at least one row, got none"),
        ([1, 1], [[0.5, 0.5]] * 2, "at least two labels, got 2 rows that all have label 1"),
        ([0, 1, 2], [[0.5, 0.5]] * 3, r"must lie in \[0, 2\), got 2 in row 2"),
        ([0, -1], [[0.5, 0.5]] * 2, "got -1 in row 1; leave out the rows"),
        ([0, 1], [[0.5, 0.5]] * 3, r"each of the 3 rows of probs, got shape \(2,\)"),
        ([0, 1], [[1.0], [1.0]], "at least 2 classes"),
        ([0, 1], [0.5, 0.5], r"shape \(n, k\)"),
        ([0, 1], np.full((2, 2), 0.5, dtype=np.float16), "got float16; convert with"),
        (["a", "b"], [[0.5, 0.5]] * 2, "labels must be integer codes, got <U1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, probs, message):
    with pytest.raises(InvalidInputError, match=message):
        count_confidently(np.asarray(labels), np.asarray(probs))
