"""Finds rows that are copies of each other: exact after normalising, or near by character trigrams.

The search itself belongs to `data.ngrams`.
Always: the same texts give the same groups; a near pair is verified exactly (Jaccard of trigram sets).
Beware of chains: groups are transitive, so texts made from one template may join one by one into a group
whose ends differ. A high `similarity` keeps that rare: at 0.85 one changed letter in a text of about 40
letters still joins, one changed word in a short sentence does not.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from smallcraft.data.ngrams import SimilarPairs, gram_sets, linking_pairs, similar_pairs, usable_bound
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
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    folded = " ".join(text.casefold().split())
    return folded.strip(_OUTER_PUNCTUATION) or folded


@dataclass(frozen=True)
class DistinctTexts:
    """Texts that differ after normalising.

    Attributes:
        groups: `(n,)` int64; rows with one normalised text share a number, numbered by first appearance.
        texts: The normalised text of each group.
    """

    groups: NDArray[np.int64]
    texts: Sequence[str]


def distinct_texts(texts: Iterable[str]) -> DistinctTexts:
    """Normalise texts and number them.

    >>> distinct_texts(["Hi!", "bye", "hi"]).texts
    ['hi', 'bye']
    """
    numbers: dict[str, int] = {}
    groups = np.fromiter((numbers.setdefault(normalised(text), len(numbers)) for text in texts), np.int64)
    return DistinctTexts(groups, list(numbers))


def exact_groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Group number of each text; equal normalised texts share one, numbered by first appearance.

    >>> exact_groups(["Hi!", "bye", "hi"]).tolist()
    [0, 1, 0]
    """
    return distinct_texts(texts).groups


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
    return near_groups(distinct_texts(texts_or_rows), similarity=similarity)


def near_groups(distinct: DistinctTexts, *, similarity: float = NEAR_COPY) -> NDArray[np.int64]:
    """`duplicate_groups` of texts that are normalised already."""
    _check_similarity(similarity)
    exact = distinct.groups
    if similarity == 1.0 or not len(exact):
        return exact
    links = linking_pairs(gram_sets(distinct.texts), bound=similarity)
    return _without_templates(joined_groups(exact, links.first, links.second), exact)


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
    return shared_texts({"left": left, "right": right}, similarity=similarity).pairs("left", "right")


@dataclass(frozen=True)
class SharedTexts:
    """Texts of several splits, and which of them copy one of another split.

    Attributes:
        groups: For each split `(rows,)` int64; rows with one normalised text share a number over all splits.
        near: Pairs of groups that are near copies and lie in two splits.
    """

    groups: Mapping[str, NDArray[np.int64]]
    near: SimilarPairs

    def pairs(self, left: str, right: str) -> NDArray[np.void]:
        """Every right text beside every distinct left text that it copies, as `near_duplicate_pairs`."""
        on_left, on_right = self.groups[left], self.groups[right]
        n = 1 + max((int(groups.max(initial=-1)) for groups in self.groups.values()), default=-1)
        in_left, in_right = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        in_left[on_left], in_right[on_right] = True, True
        both = np.flatnonzero(in_left & in_right)
        from_left, from_right, how = [both], [both], [np.ones(len(both))]
        near = self.near
        for a, b in ((near.first, near.second), (near.second, near.first)):
            fits = in_left[a] & in_right[b]
            from_left.append(a[fits])
            from_right.append(b[fits])
            how.append(near.similarity[fits])
        links = np.concatenate(from_left), np.concatenate(from_right)
        return _row_pairs(on_left, on_right, *links, np.concatenate(how))


def shared_texts(texts: Mapping[str, Sequence[str]], *, similarity: float = NEAR_COPY) -> SharedTexts:
    """One search for copies across any number of splits.

    Args:
        texts: By split.
        similarity: Least Jaccard index of the trigram sets, in (0, 1]; 1 looks for exact copies only.

    Raises:
        InvalidInputError: `similarity` is outside (0, 1].
    """
    _check_similarity(similarity)
    distinct = distinct_texts(chain.from_iterable(texts.values()))
    ends = np.cumsum([len(part) for part in texts.values()])
    groups = dict(zip(texts, np.split(distinct.groups, ends[:-1]), strict=True))
    if similarity == 1.0 or len(distinct.texts) < 2:
        none = np.empty(0, dtype=np.int64)
        return SharedTexts(groups, SimilarPairs(none, none, np.empty(0)))
    sides = np.zeros(len(distinct.texts), dtype=np.int64)
    for place, part in enumerate(groups.values()):
        sides[part] |= 1 << place
    return SharedTexts(groups, similar_pairs(gram_sets(distinct.texts), bound=similarity, sides=sides))


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
        exact: `(n,)` int64; rows with the same normalised text share a number; None where there is no text.
    """

    groups: NDArray[np.int64]
    method: str
    is_meaningful: bool = True
    exact: NDArray[np.int64] | None = None


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
        distinct = distinct_texts(texts)
        groups = near_groups(distinct, similarity=similarity)
        method = f"same text, or trigram similarity of {similarity:g} and more"
        return RowGroups(groups, method, exact=distinct.groups)
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
