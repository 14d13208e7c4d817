"""Embeddings with planted near-duplicates, the same for every contestant: seeded, nothing to hand over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CLUSTERS, _PLANTED_SHARE = 200, 0.01


@dataclass(frozen=True)
class Planted:
    """Unit rows, and which are near-duplicates: `copies[i]` of `originals[i]`, at a cosine above 0.99."""

    rows: np.ndarray
    originals: np.ndarray
    copies: np.ndarray


def draw_vectors(n: int, d: int) -> Planted:
    """`n` rows in 200 clusters (cosine about 0.5 within one); one in a hundred is another's copy, turned."""
    rng = np.random.default_rng(11)
    centres = rng.standard_normal((_CLUSTERS, d), dtype=np.float32)
    rows = rng.standard_normal((n, d), dtype=np.float32)
    rows += centres[rng.integers(0, _CLUSTERS, n)]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    count = int(n * _PLANTED_SHARE)
    originals, copies = rng.permutation(n)[: 2 * count].reshape(2, count)
    cosine = rng.uniform(0.9901, 1.0, (count, 1)).astype(np.float32)
    away = rng.standard_normal((count, d), dtype=np.float32)
    away -= (away * rows[originals]).sum(axis=1, keepdims=True) * rows[originals]
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    rows[copies] = cosine * rows[originals] + np.sqrt(1 - cosine**2) * away
    return Planted(rows, originals, copies)
