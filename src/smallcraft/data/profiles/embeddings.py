"""Embeddings as a few numbers: 16 whitened random projections and the nearest of 32 centres.

Both are learned from the reference once and go with it, so windows are measured as the reference was.
Whitened: the reference has variance 1 in each projection, so that no direction drowns the others.
Leaves to others: profiles of them (`data.profiles.measuring`).
Always: a row's numbers depend on it and the map alone; a row with NaN has NaN and no cell.
Source: k-means++ of Arthur and Vassilvitskii (2007), SODA; Lloyd (1982).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError

PROJECTIONS, CELLS = 16, 32
_MOST_ROWS = 20_000
_ROUNDS = 25
# Directions with less of the largest variance than this are rounding.
_LEAST_VARIANCE = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EmbeddingMap:
    """How embeddings of `d` numbers are measured.

    Attributes:
        mean: `(d,)` float32.
        directions: `(d, p)` float32, p at most 16.
        centres: `(k, d)` float32, k at most 32.
        spread: Mean distance of the reference's rows to their centres.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]
    centres: NDArray[np.float32]
    spread: float

    @property
    def width(self) -> int:
        """How many numbers an embedding has."""
        return len(self.mean)


@dataclass(frozen=True)
class EmbeddingFacts:
    """What is seen of `n` embeddings.

    Attributes:
        projected: `(n, p)` float64; NaN where there is no embedding.
        cells: `(n,)` int64 nearest centre, -1 where there is no embedding.
        distances: `(n,)` float64 to it, in units of the reference's mean one; NaN likewise.
    """

    projected: Floats
    cells: NDArray[np.int64]
    distances: Floats


def read_embeddings(embeddings: NDArray[np.float32], way: EmbeddingMap) -> EmbeddingFacts:
    """Measure embeddings.

    Args:
        embeddings: `(n, d)`, NaN in rows that have none.
        way: Of the reference.

    Raises:
        InvalidInputError: They have another width than those of the reference.
    """
    if embeddings.ndim != 2 or embeddings.shape[1] != way.width:
        raise InvalidInputError(
            f"embeddings must have the reference's {way.width} numbers a row, got shape {embeddings.shape};"
            " make a reference with this encoder"
        )
    is_there = np.isfinite(embeddings).all(axis=1)
    rows = embeddings[is_there].astype(np.float32, copy=False)
    projected = np.full((len(embeddings), way.directions.shape[1]), np.nan)
    cells = np.full(len(embeddings), -1, dtype=np.int64)
    distances = np.full(len(embeddings), np.nan)
    if len(rows):
        # How a product is rounded depends on its shape; as float32 that is not to be seen.
        exact = (rows - way.mean.astype(np.float64)) @ way.directions.astype(np.float64)
        projected[is_there] = exact.astype(np.float32)
        squares = _squared_distances(rows, way.centres)
        nearest = squares.argmin(axis=1)
        cells[is_there] = nearest
        near = np.sqrt(squares[np.arange(len(rows)), nearest]) / (way.spread or 1.0)
        distances[is_there] = near.astype(np.float32)
    return EmbeddingFacts(projected, cells, distances)


def learn_embedding_map(embeddings: NDArray[np.float32], *, rng: np.random.Generator) -> EmbeddingMap:
    """Projections and centres of a reference.

    Args:
        embeddings: `(n, d)`; rows with NaN are left out, and of more than 20,000 a random sample is used.
        rng: Draws the sample, the projections and the first centres.

    Raises:
        InvalidInputError: Fewer than two whole rows.
    """
    rows = embeddings[np.isfinite(embeddings).all(axis=1)].astype(np.float64)
    if len(rows) < 2:
        raise InvalidInputError(
            f"a reference wants at least 2 rows with an embedding, got {len(rows)}; leave embeddings out"
        )
    if len(rows) > _MOST_ROWS:
        rows = rows[rng.choice(len(rows), _MOST_ROWS, replace=False)]
    mean = rows.mean(axis=0)
    directions = _whitened_directions(rows - mean, rng)
    centres = _centres(rows, rng)
    spread = float(np.sqrt(_squared_distances(rows, centres).min(axis=1)).mean())
    return EmbeddingMap(
        mean.astype(np.float32), directions.astype(np.float32), centres.astype(np.float32), spread
    )


def _whitened_directions(centred: Floats, rng: np.random.Generator) -> Floats:
    variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    is_real = variances > _LEAST_VARIANCE * max(variances[-1], np.finfo(np.float64).tiny)
    whitening = axes[:, is_real] / np.sqrt(variances[is_real])
    drawn = rng.standard_normal((whitening.shape[1], min(PROJECTIONS, whitening.shape[1])))
    orthonormal, _ = np.linalg.qr(drawn)
    directions: Floats = whitening @ orthonormal
    return directions


def _centres(rows: Floats, rng: np.random.Generator) -> Floats:
    centres = _first_centres(rows, rng)
    for _ in range(_ROUNDS):
        nearest = _squared_distances(rows, centres).argmin(axis=1)
        order = np.argsort(nearest, kind="stable")
        sizes = np.bincount(nearest, minlength=len(centres))
        is_used = sizes > 0
        starts = (np.cumsum(sizes) - sizes)[is_used]
        moved = centres.copy()
        moved[is_used] = np.add.reduceat(rows[order], starts) / sizes[is_used, np.newaxis]
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def _first_centres(rows: Floats, rng: np.random.Generator) -> Floats:
    """Each drawn with a chance that grows with its squared distance to those before; different ones only."""
    chosen: list[Floats] = [rows[rng.integers(len(rows))]]
    nearest = _squared_distances(rows, chosen[0][np.newaxis])[:, 0]
    while len(chosen) < CELLS and nearest.sum() > 0:
        chosen.append(rows[rng.choice(len(rows), p=nearest / nearest.sum())])
        nearest = np.minimum(nearest, _squared_distances(rows, chosen[-1][np.newaxis])[:, 0])
    return np.array(chosen)


def _squared_distances(rows: NDArray[np.floating], centres: NDArray[np.floating]) -> Floats:
    """`(n, k)`."""
    squares = (rows**2).sum(axis=1)[:, np.newaxis] - 2 * rows @ centres.T + (centres**2).sum(axis=1)
    distances: Floats = np.maximum(squares, 0.0).astype(np.float64)
    return distances
