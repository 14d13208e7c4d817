"""Embeddings: whitened projections and cells of the reference."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.profiles.embeddings import learn_embedding_map, read_embeddings
from smallcraft.errors import InvalidInputError


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 24)) * 6
    scales = np.geomspace(0.1, 3, 24)
    return (centres[rng.integers(0, 4, 800)] + rng.normal(size=(800, 24)) * scales).astype(np.float32)


@pytest.fixture(scope="module")
def way(rows):
    return learn_embedding_map(rows, rng=np.random.default_rng(1))


def test_projections_of_the_reference_are_white(rows, way):
    projected = read_embeddings(rows, way).projected
    assert projected.shape == (800, 16)
    np.testing.assert_allclose(projected.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(projected.T, bias=True), np.eye(16), atol=5e-3)


def test_cells_are_the_nearest_centres(rows, way):
    facts = read_embeddings(rows, way)
    distances = np.linalg.norm(rows[:, None, :].astype(float) - way.centres, axis=2)
    assert (facts.cells == distances.argmin(axis=1)).mean() > 0.999
    np.testing.assert_allclose(facts.distances, distances.min(axis=1) / way.spread, rtol=1e-3, atol=1e-3)
    assert facts.distances.mean() == pytest.approx(1.0, rel=1e-3)


def test_centres_are_used_and_better_than_random_rows(rows, way):
    assert way.centres.shape == (32, 24)
    drawn = rows[np.random.default_rng(2).choice(800, 32, replace=False)].astype(float)
    at_random = np.linalg.norm(rows[:, None, :] - drawn, axis=2).min(axis=1).mean()
    assert len(np.unique(read_embeddings(rows, way).cells)) == 32
    assert way.spread < at_random


def test_rows_from_elsewhere_are_far(rows, way):
    assert read_embeddings(rows + 20, way).distances.min() > read_embeddings(rows, way).distances.max()


def test_row_without_an_embedding_has_no_numbers(rows, way):
    holed = rows[:3].copy()
    holed[1, 5] = np.nan
    facts = read_embeddings(holed, way)
    assert np.isnan(facts.projected[1]).all()
    assert (facts.cells[1], np.isnan(facts.distances[1])) == (-1, True)
    np.testing.assert_allclose(
        facts.projected[[0, 2]], read_embeddings(rows[[0, 2]], way).projected, atol=1e-4
    )


def test_other_width_is_refused(way):
    with pytest.raises(InvalidInputError, match="reference's 24 numbers a row, got shape"):
        read_embeddings(np.zeros((2, 3), np.float32), way)


def test_map_is_the_same_for_the_same_seed(rows, way):
    again = learn_embedding_map(rows, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(again.directions, way.directions)
    np.testing.assert_array_equal(again.centres, way.centres)


@pytest.mark.parametrize("count", [2, 5])
def test_few_or_equal_rows_make_a_map_of_what_there_is(count):
    rows = np.repeat(np.eye(6, dtype=np.float32)[:count], 10, axis=0)
    way = learn_embedding_map(rows, rng=np.random.default_rng(0))
    assert way.directions.shape == (6, count - 1)
    assert len(np.unique(way.centres.round(4), axis=0)) == count
    assert np.isfinite(read_embeddings(rows, way).distances).all()


def test_no_embeddings_are_refused():
    with pytest.raises(InvalidInputError, match="at least 2 rows with an embedding, got 1"):
        learn_embedding_map(np.array([[1.0, 2.0], [np.nan, 1.0]], np.float32), rng=np.random.default_rng(0))
