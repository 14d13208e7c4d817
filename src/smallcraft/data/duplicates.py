"""Finds rows that are copies of each other: exact after normalising, or near by character trigrams.

The search itself belongs to `data.ngrams`.
Always: the same texts give the same groups; a near pair is verified exactly (Jaccard of trigram sets).
Beware of chains: groups are transitive, so texts made from one template may join one by one into a group
whose ends differ. A high `similarity` keeps that rare: at 0.85 one changed letter in a text of about 40
letters still joins, one changed word in a short sentence does not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from smallcraft.data.ngrams import gram_sets, similar_pairs, usable_bound
from smallcraft.data.table import row_digests
from smallcraft.errors import InvalidInputError
from smallcraft.records import Roles

# Marks of a sentence only: the signs of "c++", "50%" or an emoji make a difference.
_OUTER_PUNCTUATION = " .,;:!?¡¿…\"'`´‘’‚“”„«»‹›()[]{}–—"
# Measured (docs/experiments.md): 0.9 finds about half of the planted near copies, 0.8 joins sentences that
# mean different things, so that one in twenty pairs disagrees in its label.
NEAR_COPY = 0.85
# More different texts than this in one chain were made from one template; they are not copies of each other.
LONGEST_CHAIN = 50
PAIR_DTYPE = np.dtype([("left", np.int64), ("right", np.int64), ("similarity", np.float64)])


def normalised(text: str) -> str:
    """A text without what makes no difference: case, width, spacing, punctuation at the ends.

    >>> normalised("  Where is　my CARD?? ")
    'where is my card'
    """
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.strip(_OUTER_PUNCTUATION) or folded


def exact_groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Group number of each text; equal normalised texts share one, numbered by first appearance.

    >>> exact_groups(["Hi!", "bye", "hi"]).tolist()
    [0, 1, 0]
    """
    numbers: dict[str, int] = {}
    groups = (numbers.setdefault(normalised(text), len(numbers)) for text in texts)
    return np.fromiter(groups, dtype=np.int64, count=len(texts))


def duplicate_groups(texts_or_rows: Sequence[str], *, similarity: float = NEAR_COPY) -> NDArray[np.int64]:
    """Group number of each row; exact and near duplicates, and what they chain to, share one.

    A chain of more than 50 different texts is a template, not a set of copies: there only exact ones count.

    Args:
        texts_or_rows: One text a row.
        similarity: Least Jaccard index of the trigram sets, in (0, 1]; 1 looks for exact copies only.

    Returns:
        `(n,)` int64, numbered from 0 by first appearance.

    Raises:
        InvalidInputError: `similarity` is outside (0, 1].

    >>> duplicate_groups(["Lost card", "lost card!", "found it"]).tolist()
    [0, 0, 1]
    """
    _check_similarity(similarity)
    exact = exact_groups(texts_or_rows)
    if similarity == 1.0 or not len(exact):
        return exact
    distinct = [normalised(texts_or_rows[row]) for row in first_rows(exact)]
    pairs = similar_pairs(gram_sets(distinct), bound=similarity)
    return _without_templates(joined_groups(exact, pairs.first, pairs.second), exact)


def _without_templates(groups: NDArray[np.int64], exact: NDArray[np.int64]) -> NDArray[np.int64]:
    """The groups, but one that chains more than `LONGEST_CHAIN` texts falls back to exact copies."""
    first = first_rows(exact)
    chained = np.bincount(groups[first], minlength=int(groups.max()) + 1)
    return renumbered(np.where(chained[groups] > LONGEST_CHAIN, len(groups) + exact, groups))


def joined_groups(
    groups: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Groups after joining group `first[i]` with `second[i]`, renumbered by first appearance.

    >>> joined_groups(np.array([0, 1, 2]), np.array([0]), np.array([2])).tolist()
    [0, 1, 0]
    """
    n = int(groups.max(initial=-1)) + 1
    links = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    _, component = connected_components(links, directed=False)
    return renumbered(component[groups])


def renumbered(groups: NDArray[np.integer]) -> NDArray[np.int64]:
    """The same partition, numbered from 0 by first appearance."""
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[number]


def first_rows(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each group, in order of group number."""
    return np.unique(groups, return_index=True)[1].astype(np.int64)


def near_duplicate_pairs(
    left: Sequence[str], right: Sequence[str], *, similarity: float = NEAR_COPY
) -> NDArray[np.void]:
    """Every right text beside every distinct left text that it copies, exactly or nearly.

    Args:
        left: Texts, for example of train. Of exact copies inside `left`, the first row stands for all.
        right: Texts, for example of cert; each row is paired on its own.
        similarity: Least Jaccard index of the trigram sets, in (0, 1].

    Returns:
        Records `(left, right, similarity)` sorted by right, then left; exact copies have similarity 1.

    Raises:
        InvalidInputError: `similarity` is outside (0, 1].

    >>> near_duplicate_pairs(["Hi there", "bye"], ["hi there!"], similarity=0.9).tolist()
    [(0, 0, 1.0)]
    """
    _check_similarity(similarity)
    groups = exact_groups([*left, *right])
    on_left, on_right = groups[: len(left)], groups[len(left) :]
    sides = np.zeros(int(groups.max(initial=-1)) + 1, dtype=np.int64)
    sides[on_left] |= 1
    sides[on_right] |= 2
    both = np.flatnonzero(sides == 3)
    from_left, from_right, how = both, both, np.ones(len(both))
    if similarity < 1.0 and len(groups):
        texts = [*left, *right]
        sets = gram_sets([normalised(texts[row]) for row in first_rows(groups)])
        near = similar_pairs(sets, bound=similarity, sides=sides)
        for a, b in ((near.first, near.second), (near.second, near.first)):
            fits = ((sides[a] & 1) > 0) & ((sides[b] & 2) > 0)
            from_left, from_right = np.append(from_left, a[fits]), np.append(from_right, b[fits])
            how = np.append(how, near.similarity[fits])
    return _row_pairs(on_left, on_right, from_left, from_right, how)


def _row_pairs(
    on_left: NDArray[np.int64],
    on_right: NDArray[np.int64],
    from_left: NDArray[np.int64],
    from_right: NDArray[np.int64],
    how: NDArray[np.float64],
) -> NDArray[np.void]:
    """Pairs of groups as pairs of rows: the first left row of a group, every right row of one."""
    first_left = np.full(int(max(on_left.max(initial=-1), from_left.max(initial=-1))) + 1, -1)
    first_left[on_left[::-1]] = np.arange(len(on_left))[::-1]
    by_group = np.argsort(on_right, kind="stable")
    begin = np.searchsorted(on_right[by_group], from_right, side="left")
    count = np.searchsorted(on_right[by_group], from_right, side="right") - begin
    pair = np.repeat(np.arange(len(from_right)), count)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    found = np.empty(len(pair), dtype=PAIR_DTYPE)
    found["left"] = first_left[from_left[pair]]
    found["right"] = by_group[begin[pair] + within]
    found["similarity"] = how[pair]
    return found[np.lexsort((found["left"], found["right"]))]


def _check_similarity(similarity: float) -> None:
    if not usable_bound(similarity):
        raise InvalidInputError(
            f"similarity must be in (0, 1], got {similarity}; write 0.9, or 1 for exact copies only"
        )


COARSE_SHARE = 0.5


@dataclass(frozen=True)
class RowGroups:
    """Group number of each row, and how copies were told.

    Attributes:
        groups: `(n,)` int64; rows that are copies of each other share a number.
        method: In plain words.
        is_meaningful: False when equal rows say nothing (a coarse table); then every row stands alone.
    """

    groups: NDArray[np.int64]
    method: str
    is_meaningful: bool = True


def row_copies(frame: pl.DataFrame, roles: Roles, *, similarity: float = NEAR_COPY) -> RowGroups:
    """Which rows of a table are copies: by text where there is one, else rows with equal features.

    Similar numbers are not copies, so rows without a text are compared for equality alone; and where fewer
    than `COARSE_SHARE` of such rows are distinct, equal rows are ordinary, not copies.

    Args:
        frame: Rows of a table.
        roles: Its roles.
        similarity: As in `duplicate_groups`.
    """
    if roles.text is not None:
        texts = frame[roles.text].fill_null("").to_list()
        groups = duplicate_groups(texts, similarity=similarity)
        return RowGroups(groups, f"same text, or trigram similarity of {similarity:g} and more")
    numbers: dict[bytes, int] = {}
    groups = np.fromiter(
        (numbers.setdefault(row, len(numbers)) for row in row_digests(frame, roles.features)),
        dtype=np.int64,
        count=frame.height,
    )
    if len(numbers) < COARSE_SHARE * frame.height:
        alone = np.arange(frame.height, dtype=np.int64)
        return RowGroups(alone, "not told: most rows equal another one", is_meaningful=False)
    return RowGroups(groups, "equal features")
