"""Some of a workshop's rows: given ones, or a subset that covers all there is.

Always: every class keeps its share, and at least one row; the same rows and seed give the same subset.
Left to others: what is learnt from them (`models.curve`, the rungs).
Not covered: rows that should be labelled next (`label`); here the labels are known.

Source:
    Sener and Savarese (2018), Active learning for convolutional neural networks: a core-set approach (to
    cover by centres); Arthur and Vassilvitskii (2007), k-means++ (to find them).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.random_projection import GaussianRandomProjection

from smallcraft.bundle.blocks.block import Block
from smallcraft.bundle.inputs import Inputs
from smallcraft.errors import InvalidInputError
from smallcraft.models.memory import Arrays
from smallcraft.models.parts.linear import design_matrix
from smallcraft.models.parts.static import make_static
from smallcraft.models.parts.vocabulary import fit_ngrams, train_tokenizer
from smallcraft.models.recipe import fit_features
from smallcraft.models.workshop import Workshop

_WIDTH = 256
_ITERATIONS = 10


def sample_workshop(workshop: Workshop, rows: int | None) -> Workshop:
    """The workshop with a coverage-first subset of its rows; itself where it has no more than those.

    Args:
        workshop: All rows.
        rows: How many to keep, at least one a class; None for all.

    Raises:
        InvalidInputError: Fewer rows than classes.
    """
    if rows is None or rows >= len(workshop.labels):
        return workshop
    return take_rows(workshop, choose_rows(workshop, rows), name=f"sample{rows}")


def choose_rows(workshop: Workshop, rows: int) -> NDArray[np.int64]:
    """`(rows,)` positions of the subset, ascending; remembered, so that asking again is cheap."""

    def choose() -> Arrays:
        return {"rows": cover_rows(embed_rows(workshop), strata_of(workshop), rows, seed=workshop.seed)}

    found = workshop.memory.recall(f"sample/{workshop.name}-{rows}", choose)
    return np.asarray(found["rows"], dtype=np.int64)


def take_rows(workshop: Workshop, rows: NDArray[np.int64], *, name: str) -> Workshop:
    """The workshop of some rows, in the order given.

    Args:
        workshop: All rows.
        rows: `(m,)` positions over all parts.
        name: Of the one part they become; equal names must mean equal rows, since memory goes by it.
    """
    return replace(
        workshop,
        parts=((name, _join([inputs for _, inputs in workshop.parts]).take(rows.astype(np.intp))),),
        labels=workshop.labels[rows],
        folds=workshop.folds[rows],
        teacher=None if workshop.teacher is None else workshop.teacher[rows],
        _made={},
    )


def _join(parts: list[Inputs]) -> Inputs:
    if len(parts) == 1:
        return parts[0]
    has_text = parts[0].texts is not None
    return Inputs(
        n=sum(part.n for part in parts),
        texts=[text for part in parts for text in part.texts or []] if has_text else None,
        numbers=np.concatenate([part.numbers for part in parts]),
        categories=tuple(
            [value for part in parts for value in part.categories[at]]
            for at in range(len(parts[0].categories))
        ),
    )


def embed_rows(workshop: Workshop) -> NDArray[np.float64]:
    """`(n, width)` what each row says: the mean of its token embeddings, n-grams without an encoder, columns.

    What is wide is projected to 256 random directions, which keeps distances nearly as they are.
    """
    blocks: list[Block] = []
    if workshop.spec.text:
        blocks.append(_text_block(workshop))
    if workshop.spec.numbers or workshop.spec.categories:
        blocks.append(fit_features(workshop, beside_text=bool(workshop.spec.text)))
    matrix = design_matrix([workshop.encode(block) for block in blocks])
    if isinstance(matrix, np.ndarray):
        return matrix
    if matrix.shape[1] <= _WIDTH:
        return np.asarray(matrix.toarray(), dtype=np.float64)
    projection = GaussianRandomProjection(_WIDTH, random_state=workshop.seed)
    return np.asarray(projection.fit_transform(matrix), dtype=np.float64)


def _text_block(workshop: Workshop) -> Block:
    if workshop.backbone is not None:
        return make_static(workshop.embedding_files())
    return fit_ngrams(train_tokenizer(workshop.texts), workshop.originals)


def strata_of(workshop: Workshop) -> NDArray[np.int64]:
    """Classes; of several labels a row their combinations; of numbers ten equally full bins."""
    labels = workshop.labels
    if workshop.task == "multilabel":
        _, combination = np.unique(labels, axis=0, return_inverse=True)
        return np.asarray(combination, dtype=np.int64).ravel()
    if workshop.task == "regression":
        return np.searchsorted(np.quantile(labels, np.arange(1, 10) / 10), labels).astype(np.int64)
    return labels


def cover_rows(
    embeddings: NDArray[np.float64], strata: NDArray[np.int64], size: int, *, seed: int
) -> NDArray[np.int64]:
    """Rows that cover the others: within each stratum, the one nearest to each of as many centres as it gets.

    Args:
        embeddings: `(n, width)`.
        strata: `(n,)` codes; each gets its share of `size`, and at least one row.
        size: Rows to choose, at least one a stratum and at most `n`.
        seed: Seeds the centres.

    Returns:
        `(size,)` int64 positions, ascending.

    Raises:
        InvalidInputError: A bound above does not hold.
    """
    codes, counts = np.unique(strata, return_counts=True)
    if not len(codes) <= size <= len(strata):
        raise InvalidInputError(
            f"a sample must have from {len(codes)} rows, one a class, to {len(strata)}, got {size}; "
            "change `sample` under [ladder]"
        )
    chosen = [
        _cover(embeddings, np.flatnonzero(strata == code), quota, seed)
        for code, quota in zip(codes.tolist(), _quotas(counts, size).tolist(), strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _quotas(counts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Shares of `size` by largest remainder, at least 1 and at most what there is."""
    exact = counts * (size / counts.sum())
    quotas = np.maximum(np.floor(exact), 1).astype(np.int64)
    while quotas.sum() != size:
        step = 1 if quotas.sum() < size else -1
        open_ = quotas < counts if step > 0 else quotas > 1
        lack = np.where(open_, (exact - quotas) * step, -np.inf)
        quotas[int(np.argmax(lack))] += step
    return np.asarray(quotas)


def _cover(
    embeddings: NDArray[np.float64], rows: NDArray[np.int64], quota: int, seed: int
) -> NDArray[np.int64]:
    if quota == len(rows):
        return rows
    points = embeddings[rows]
    _, first = np.unique(points, axis=0, return_index=True)
    chosen = first if len(first) <= quota else _nearest_to_centres(points, quota, seed)
    # Copies fill up what different rows leave open, and so do rows of an empty cluster.
    rest = np.setdiff1d(np.arange(len(rows)), chosen)[: quota - len(chosen)]
    found: NDArray[np.int64] = rows[np.concatenate([chosen, rest])]
    return found


def _nearest_to_centres(points: NDArray[np.float64], quota: int, seed: int) -> NDArray[np.int64]:
    found = KMeans(quota, n_init=1, max_iter=_ITERATIONS, random_state=seed).fit(points)
    distance = np.linalg.norm(points - found.cluster_centers_[found.labels_], axis=1)
    order = np.lexsort((distance, found.labels_))
    _, nearest = np.unique(found.labels_[order], return_index=True)
    picked: NDArray[np.int64] = order[nearest]
    return picked
