import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.stats.kernels.confident import (
    gather_own,
    gather_own_plainly,
    scan_rows,
    scan_rows_plainly,
)

LEAST = float(np.finfo(np.float32).tiny)


@st.composite
def tables(draw):
    """Few values, so that ties and values on a cutoff are common; narrow and wide."""
    k = draw(st.sampled_from([2, 3, 10, 32, 33, 40]))
    n = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    steps = draw(st.sampled_from([2, 4, 1000]))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    probs = (rng.integers(0, steps + 1, size=(n, k)) / steps).astype(dtype)
    probs[(probs == 0) & draw(st.booleans())] = -0.0
    cutoffs = (rng.integers(1, steps + 1, size=k) / steps).astype(dtype)
    return rng.integers(0, k, size=n), probs, cutoffs, draw(st.sampled_from([1e-6, 0.25, 0.5]))


def results(n):
    return np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.float32)


def scanned(scan, labels, probs, cutoffs, close):
    counts = np.zeros((probs.shape[1],) * 2, dtype=np.int64)
    out = results(len(labels))
    words = np.int32 if probs.dtype == np.float32 else np.int64
    scan(labels, (probs, probs.view(words)), (cutoffs, probs.dtype.type(close), LEAST), counts, out)
    return (*out, counts)


@settings(max_examples=300)
@given(tables())
def test_the_second_pass_equals_its_plain_twin(case):
    flagged, predicted, margin, counts = scanned(scan_rows, *case)
    plain = scanned(scan_rows_plainly, *case)
    assert flagged.tolist() == plain[0].tolist()
    assert predicted.tolist() == plain[1].tolist()
    assert margin == pytest.approx(plain[2], rel=1e-6, abs=1e-7)
    assert counts.tolist() == plain[3].tolist()


@settings(max_examples=200)
@given(tables(), st.integers(0, 10_000))
def test_the_first_pass_equals_its_plain_twin(case, seed):
    labels, probs, *_ = case
    rng = np.random.default_rng(seed)
    probs = probs / np.maximum(probs.sum(axis=1, keepdims=True), 1e-3)
    spoiled = rng.random(probs.shape) < 0.02
    probs = np.where(spoiled, rng.choice([-0.5, np.nan, np.inf, 1.0]), probs).astype(case[1].dtype)
    found = [gathered(pass_one, labels, probs) for pass_one in (gather_own, gather_own_plainly)]
    for ours, plain in zip(*found, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-9, atol=1e-6)


def gathered(pass_one, labels, probs):
    per_class = np.bincount(labels, minlength=probs.shape[1])
    places = np.cumsum(per_class) - per_class
    in_order, by_class = np.zeros(len(labels), dtype=np.float32), np.zeros(len(labels), dtype=probs.dtype)
    report = np.array([0.0, 1e-6, 1e-3])
    with np.errstate(invalid="ignore"):
        pass_one(labels, probs, places, (in_order, by_class), report)
    if report[2] >= 0:  # how many more rows are off does not matter once one is refused
        report[:2] = 0
    return in_order, by_class, places, report


def test_what_rows_give_their_own_label_is_kept_in_row_order_within_a_class():
    labels = np.array([1, 0, 1, 0])
    probs = np.array([[0.4, 0.6], [0.1, 0.9], [0.3, 0.7], [0.2, 0.8]])
    in_order, by_class, places, _ = gathered(gather_own, labels, probs)
    assert in_order.tolist() == pytest.approx([0.6, 0.1, 0.7, 0.2])
    assert by_class.tolist() == [0.1, 0.2, 0.6, 0.7]
    assert places.tolist() == [2, 4]
