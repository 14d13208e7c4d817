"""Laws of the leak effect: it is the difference it says, its interval covers, and it may be unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.quality.leak_effect import measure_without
from smallcraft.errors import InvalidInputError
from smallcraft.records import Predictions


def predictions(right: np.ndarray, clusters: np.ndarray | None = None) -> Predictions:
    probs = np.where(np.asarray(right)[:, None], [0.9, 0.1], [0.2, 0.8])
    return Predictions(("a", "b"), np.zeros(len(right), dtype=np.int64), probs.reshape(-1, 2), clusters)


def measure(right, leaked, *, clusters=None):
    found = measure_without(
        predictions(np.asarray(right, dtype=bool), clusters),
        np.asarray(leaked, dtype=np.int64),
        split="dev",
        confidence=0.95,
        seed=0,
    )
    return {measured.name: measured for measured in found}


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_the_effect_is_the_accuracy_with_minus_without(rows):
    right, is_leaked = (np.array(column) for column in zip(*rows, strict=True))
    found = measure(right, np.flatnonzero(is_leaked))
    whole, clean, effect = (
        found[name] for name in ("accuracy_with_leaked", "accuracy_without_leaked", "leak_effect")
    )
    assert whole.value == pytest.approx(right.mean())
    assert clean.n == (~is_leaked).sum()
    if is_leaked.all():
        assert (clean.value, effect.value) == (None, None)
        assert clean.detail
        assert effect.detail
    else:
        assert effect.value == pytest.approx(whole.value - clean.value)
        assert effect.low <= effect.value + 1e-12
        assert effect.value - 1e-12 <= effect.high


def test_no_leaked_row_has_no_effect():
    effect = measure([1, 0, 1], [])["leak_effect"]
    assert (effect.value, effect.low, effect.high, effect.detail) == (0.0, 0.0, 0.0, "no row leaked")


def test_a_row_named_twice_leaked_once():
    assert measure([1, 1, 0, 0], [0, 0])["accuracy_without_leaked"].value == pytest.approx(1 / 3)


def test_an_unknown_label_is_never_right():
    given_ = Predictions(("a", "b"), np.array([-1, 0]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    found = measure_without(given_, np.array([1]), split="dev", confidence=0.95, seed=0)
    assert [measured.value for measured in found] == [0.5, 0.0, 0.5]


@pytest.mark.parametrize("leaked", [[3], [-1]])
def test_a_row_that_is_not_in_the_split_is_refused(leaked):
    with pytest.raises(InvalidInputError, match="positions among the 3 rows of dev"):
        measure([1, 0, 1], leaked)


def test_the_interval_covers_the_true_effect():
    """400 draws, 95 % intervals: an interval that forgets the leaked share or one group falls far below."""
    rng = np.random.default_rng(1)
    on_leaked, on_others, share, covered = 0.97, 0.85, 0.2, 0
    is_leaked = np.arange(300) < 60
    for _ in range(400):
        right = rng.random(300) < np.where(is_leaked, on_leaked, on_others)
        effect = measure(right, np.flatnonzero(is_leaked))["leak_effect"]
        covered += effect.low <= share * (on_leaked - on_others) <= effect.high
    assert 376 <= covered <= 399


def test_rows_of_one_cluster_make_the_interval_wider():
    right = np.repeat(np.random.default_rng(2).random(40) < 0.8, 5)
    leaked, clusters = np.arange(100), np.repeat(np.arange(40), 5)
    alone, together = measure(right, leaked), measure(right, leaked, clusters=clusters)
    for name in alone:
        assert alone[name].value == together[name].value
        assert together[name].high - together[name].low > 1.5 * (alone[name].high - alone[name].low)
