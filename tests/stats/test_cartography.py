import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.cartography import map_training


def test_coordinates_agree_with_hand_computed_ones():
    """Three epochs; the rows are learned at once, late, and never."""
    history = np.array([[0.9, 0.1, 0.2], [0.9, 0.4, 0.1], [0.9, 0.7, 0.3]])
    margins = np.array([[2.0, -2.0, -1.0], [2.0, -0.5, -3.0], [2.0, 1.0, -2.0]])
    found = map_training(history, margins=margins)
    assert found.confidence == pytest.approx([0.9, 0.4, 0.2])
    assert found.variability == pytest.approx([0.0, np.sqrt((0.09 + 0.0 + 0.09) / 3), np.sqrt(0.02 / 3)])
    assert found.correctness == pytest.approx([1.0, 1 / 3, 0.0])
    assert found.area == pytest.approx([2.0, -0.5, -2.0])


def test_the_area_is_the_mean_logit_margin_of_the_source():
    """Pleiss et al., equation 1: the given label's logit less the highest other one, over the epochs."""
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(4, 6, 3)), rng.integers(0, 3, 6)
    by_hand = [
        np.mean([z[i, y] - max(z[i, c] for c in range(3) if c != y) for z in logits])
        for i, y in enumerate(labels)
    ]
    probs = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    own = probs[:, np.arange(6), labels]
    others = probs.copy()
    others[:, np.arange(6), labels] = 0
    assert map_training(own, margins=np.log(own / others.max(axis=2))).area == pytest.approx(by_hand)


@given(st.integers(2, 8), st.integers(1, 30), st.integers(0, 1000))
def test_the_order_of_epochs_and_the_copying_of_rows_change_nothing(epochs, n, seed):
    rng = np.random.default_rng(seed)
    history, margins = rng.random((epochs, n)), rng.normal(size=(epochs, n))
    order = rng.permutation(epochs)
    one, other = map_training(history, margins=margins), map_training(history[order], margins=margins[order])
    for name in ("confidence", "variability", "correctness", "area"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-12)
    assert (one.variability <= 0.5 + 1e-12).all()


def test_without_margins_neither_correctness_nor_area_is_told():
    found = map_training(np.full((2, 3), 0.4))
    assert found.correctness is None
    assert found.area is None


def test_a_tie_is_not_correct():
    found = map_training(np.full((2, 1), 0.5), margins=np.zeros((2, 1)))
    assert found.correctness == [0.0]


def test_a_row_that_was_not_watched_has_no_coordinates():
    history = np.array([[0.5, np.nan], [0.7, np.nan]])
    margins = np.array([[0.0, np.nan], [1.0, np.nan]])
    found = map_training(history, margins=margins)
    assert found.confidence[0] == pytest.approx(0.6)
    for values in (found.confidence, found.variability, found.correctness, found.area):
        assert np.isnan(values[1])
        assert np.isfinite(values[0])


def test_nothing_watched_at_all_is_allowed():
    assert np.isnan(map_training(np.full((2, 2), np.nan)).confidence).all()
    assert map_training(np.empty((2, 0))).confidence.shape == (0,)


def test_float32_logs_are_averaged_in_float64():
    history = np.tile(np.array([[0.1], [0.2], [0.3]], dtype=np.float32), (100, 1))
    assert map_training(history).confidence == pytest.approx(
        history.astype(np.float64).mean(axis=0), abs=1e-12
    )


def test_logits_passed_as_a_history_are_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match="got -2 to 3; pass logits as `margins`"):
        map_training(np.array([[-2.0], [3.0]]))


def test_one_epoch_is_refused():
    with pytest.raises(InvalidInputError, match=r"at least two epochs, got shape \(1, 5\)"):
        map_training(np.full((1, 5), 0.5))


def test_margins_of_other_rows_are_refused():
    with pytest.raises(InvalidInputError, match=r"the shape of the history, \(2, 5\), got \(2, 4\)"):
        map_training(np.full((2, 5), 0.5), margins=np.zeros((2, 4)))
