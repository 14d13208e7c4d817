from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.models.dynamics import watch_rows


def blobs(n_classes: int, *, rows: int = 300, wrong: int = 15, seed: int = 0):
    """Well separated classes, some rows with another class's label."""
    rng = np.random.default_rng(seed)
    truth = np.arange(rows) % n_classes
    matrix = rng.normal(size=(rows, 6)) + 4 * np.eye(n_classes, 6)[truth]
    labels = truth.copy()
    labels[:wrong] = (labels[:wrong] + 1) % n_classes
    return matrix, labels.astype(np.int64), np.arange(rows) < wrong


@pytest.mark.parametrize("n_classes", [2, 4])
def test_mislabelled_rows_have_the_lowest_area_under_the_margin(n_classes):
    matrix, labels, is_wrong = blobs(n_classes)
    found = watch_rows(matrix, labels, n_classes, seed=1)
    area = found.margins.mean(axis=0)
    assert np.median(area[is_wrong]) < 0 < np.median(area[~is_wrong])
    worst = np.argsort(area)[: is_wrong.sum()]
    assert is_wrong[worst].mean() > 0.8


def test_each_epoch_looks_at_every_row():
    matrix, labels, _ = blobs(3)
    found = watch_rows(matrix, labels, 3, epochs=4)
    assert found.self_confidence.shape == found.margins.shape == (4, 300)
    assert np.all((found.self_confidence >= 0) & (found.self_confidence <= 1))


def test_a_positive_margin_means_the_given_label_leads():
    matrix, labels, _ = blobs(2)
    found = watch_rows(matrix, labels, 2, epochs=2)
    assert np.array_equal(found.margins > 0, found.self_confidence > 0.5)


def test_the_same_seed_sees_the_same():
    matrix, labels, _ = blobs(3)
    first, again = (watch_rows(matrix, labels, 3, seed=5) for _ in range(2))
    other = watch_rows(matrix, labels, 3, seed=6)
    assert np.array_equal(first.margins, again.margins)
    assert not np.array_equal(first.margins, other.margins)


@pytest.mark.parametrize(("n_classes", "epochs"), [(1, 5), (3, 1)])
def test_one_epoch_or_one_class_is_nothing_to_watch(n_classes, epochs):
    with pytest.raises(InvalidInputError, match="2 epochs and 2 classes"):
        watch_rows(np.ones((4, 2)), np.zeros(4, dtype=np.int64), n_classes, epochs=epochs)
