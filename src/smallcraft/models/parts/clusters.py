"""Groups classes that a cheap model confuses, into clusters of similar size.

Numbers in, numbers out.
Always: the same numbers give the same clusters, numbered from 0 in the order of their first class, and every
class is in one.
Not covered: how many clusters pay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LARGEST_SHARE = 1.25


def cluster_classes(
    probs: NDArray[np.float64], labels: NDArray[np.int64], *, n_clusters: int
) -> NDArray[np.int64]:
    """Agglomerative clusters by mean confusion, none much larger than the others where that can be.

    The two clusters whose classes are taken for each other most are joined, again and again; a union with
    more than 1.25 times its share of the rows waits until nothing else is left to join.

    Args:
        probs: `(n, k)` out-of-fold probabilities.
        labels: `(n,)` codes.
        n_clusters: At least 1; no more than classes are made.

    Returns:
        `(k,)` int64, the cluster of each class.
    """
    k = probs.shape[1]
    sizes = np.bincount(labels, minlength=k).astype(np.float64)
    most = _LARGEST_SHARE * sizes.sum() / max(n_clusters, 1)
    affinity = confusion(probs, labels)
    members = np.eye(k, dtype=np.float64)
    while len(members) > max(n_clusters, 1):
        counts = members.sum(axis=1)
        mean = (members @ affinity @ members.T) / np.outer(counts, counts)
        rows = members @ sizes
        together = rows[:, None] + rows
        is_pair = np.triu(np.ones_like(mean, dtype=np.bool_), 1)
        fits = is_pair & (together <= most)
        scores = np.where(fits, mean, -np.inf) if fits.any() else np.where(is_pair, -together, -np.inf)
        first, second = np.unravel_index(int(scores.argmax()), scores.shape)
        members[first] += members[second]
        members = np.delete(members, second, axis=0)
    firsts = members.argmax(axis=1)
    clusters: NDArray[np.int64] = members[np.argsort(firsts)].argmax(axis=0).astype(np.int64)
    return clusters


def confusion(probs: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often two classes are taken for each other, `(k, k)`, symmetric, the diagonal empty.

    Args:
        probs: `(n, k)` probabilities.
        labels: `(n,)` codes.
    """
    k = probs.shape[1]
    is_class = labels[:, None] == np.arange(k)
    taken = is_class.T.astype(np.float64) @ probs / np.maximum(is_class.sum(axis=0), 1)[:, None]
    both: NDArray[np.float64] = (taken + taken.T) / 2
    np.fill_diagonal(both, 0.0)
    return both
