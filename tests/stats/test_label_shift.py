import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.stats.label_shift import estimate_label_shift

GIVEN = np.array([[0.8, 0.15, 0.05], [0.1, 0.85, 0.05], [0.1, 0.2, 0.7]])


def drawn(rng, shares, rows):
    truth = rng.multinomial(rows, shares)
    return np.stack([rng.multinomial(n, given) for n, given in zip(truth, GIVEN, strict=True)])


def test_shares_come_back_where_only_they_changed():
    rng = np.random.default_rng(1)
    confusion, now = drawn(rng, [0.4, 0.4, 0.2], 20000), drawn(rng, [0.1, 0.3, 0.6], 20000)
    found = estimate_label_shift(confusion, now.sum(axis=0), rng=rng)
    assert found.shares == pytest.approx([0.1, 0.3, 0.6], abs=0.02)
    assert found.weights == pytest.approx([0.25, 0.75, 3], abs=0.1)
    assert found.accuracy == pytest.approx(np.diag(now).sum() / 20000, abs=0.01)
    assert found.shares.sum() == pytest.approx(1)


def test_intervals_cover_as_often_as_they_say():
    """200 pairs of 600 labelled and 400 other rows, 90 % intervals of three shares; seed 2."""
    rng = np.random.default_rng(2)
    shares = np.array([0.2, 0.3, 0.5])
    covered = []
    for _ in range(200):
        confusion, now = drawn(rng, [0.4, 0.4, 0.2], 600), drawn(rng, shares, 400)
        found = estimate_label_shift(confusion, now.sum(axis=0), rng=rng, level=0.9, draws=200)
        covered.append((found.low <= shares) & (shares <= found.high))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.05)


def test_the_same_answers_are_no_shift():
    confusion = (GIVEN * 1000).astype(np.int64)
    found = estimate_label_shift(confusion, confusion.sum(axis=0), rng=np.random.default_rng(3))
    assert found.weights == pytest.approx(1)
    assert (found.low <= found.shares).all()
    assert (found.shares <= found.high).all()
    assert found.accuracy_interval.low <= found.accuracy <= found.accuracy_interval.high


@pytest.mark.parametrize(
    ("confusion", "answers"),
    [
        ([[50, 50], [50, 50]], [10, 10]),  # answers say nothing of the class
        ([[50, 50], [0, 0]], [10, 10]),  # a class without labelled rows
        ([[50, 5], [5, 50]], [0, 0]),  # no rows
    ],
)
def test_what_cannot_be_told_is_not_told(confusion, answers):
    assert estimate_label_shift(np.array(confusion), np.array(answers), rng=np.random.default_rng(0)) is None


def test_shapes_that_do_not_match_are_refused():
    with pytest.raises(InvalidInputError, match="a square confusion matrix"):
        estimate_label_shift(np.ones((2, 3), dtype=int), np.ones(3, dtype=int), rng=np.random.default_rng(0))
