"""Compiled loops over item-sorted votes: grouping, repeated votes, one pass of expectation and counting.

A vote is a *symbol*: one row of a table that holds, for each true class, the probability of that vote. An
annotator owns `k` neighbouring symbols, a classifier that is heard as one more annotator owns its own.
What the table means and how it is made from counts belongs to `stats.dawid_skene`.
Always: each kernel has a plain numpy twin (`..._plain`) with the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

_TINY, _HUGE = 1e-150, 1e150
_LOG_HUGE = float(np.log(_HUGE))


@dataclass(frozen=True)
class VotePass:
    """What one pass over all votes gives.

    Attributes:
        posterior: `(n, k)` float64; the class prior where an item has no vote.
        counts: `(symbols, k)` float64 expected votes of each symbol by true class.
        class_counts: `(k,)` float64 expected items of each class, items without votes left out.
        log_likelihood: Of all votes, in nats.
    """

    posterior: NDArray[np.float64]
    counts: NDArray[np.float64]
    class_counts: NDArray[np.float64]
    log_likelihood: float


def expect_and_count(
    starts: NDArray[np.int64],
    symbol: NDArray[np.int32],
    table: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> VotePass:
    """The E-step, and the counts that the next M-step needs, in one pass.

    Args:
        starts: `(n + 1,)` int64; item `i` has the votes `starts[i]` to `starts[i + 1]`.
        symbol: `(m,)` int32 row of `table` for each vote.
        table: `(symbols, k)` float64 probability of the symbol given the true class, all above 0.
        prior: `(k,)` float64 class prior, all above 0.
    """
    return VotePass(*_expect_and_count(starts, symbol, table, prior))


@njit(cache=True)
def _expect_and_count(
    starts: NDArray[np.int64],
    symbol: NDArray[np.int32],
    table: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    classes = table.shape[1]
    posterior = np.empty((len(starts) - 1, classes))
    counts, class_counts = np.zeros(table.shape), np.zeros(classes)
    log_likelihood = 0.0
    share = np.empty(classes)
    for item in range(len(starts) - 1):
        begin, end = starts[item], starts[item + 1]
        if begin == end:
            posterior[item] = prior
            continue
        log_likelihood += _multiply(symbol[begin:end], table, prior, share)
        for c in range(classes):
            posterior[item, c] = share[c]
            class_counts[c] += share[c]
        for vote in range(begin, end):
            row = symbol[vote]
            for c in range(classes):
                counts[row, c] += share[c]
    return posterior, counts, class_counts, log_likelihood


@njit(cache=True)
def _multiply(
    symbols: NDArray[np.int32],
    table: NDArray[np.float64],
    prior: NDArray[np.float64],
    share: NDArray[np.float64],
) -> float:
    """Fill `share` with the posterior of one item; returns the log-likelihood of its votes."""
    classes, log_scale = len(prior), 0.0
    for c in range(classes):
        share[c] = prior[c]
    for row in symbols:
        largest = 0.0
        for c in range(classes):
            share[c] *= table[row, c]
            largest = max(largest, share[c])
        if largest < _TINY:
            # Only ratios matter; the factor is taken out of the likelihood again.
            log_scale += _LOG_HUGE
            for c in range(classes):
                share[c] *= _HUGE
    total = 0.0
    for c in range(classes):
        total += share[c]
    for c in range(classes):
        share[c] /= total
    return float(np.log(total) - log_scale)


def expect_and_count_plain(
    starts: NDArray[np.int64],
    symbol: NDArray[np.int32],
    table: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> VotePass:
    """`expect_and_count` in numpy, with logarithms."""
    items = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    scores = np.tile(np.log(prior), (len(starts) - 1, 1))
    np.add.at(scores, items, np.log(table)[symbol])
    top = scores.max(axis=1, keepdims=True)
    totals = top + np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
    posterior = np.exp(scores - totals)
    counts = np.zeros_like(table)
    np.add.at(counts, symbol, posterior[items])
    voted = np.diff(starts) > 0
    return VotePass(posterior, counts, posterior[voted].sum(axis=0), float(totals[voted].sum()))


@dataclass(frozen=True)
class GroupedVotes:
    """Votes in order of their item; within an item in the order they came.

    Attributes:
        starts: `(n + 1,)` int64.
        order: `(m,)` int64 position of each vote in the input.
    """

    starts: NDArray[np.int64]
    order: NDArray[np.int64]


def group_by_item(item: NDArray[np.uint32], items: int) -> GroupedVotes:
    """Sort votes by item, by counting.

    Args:
        item: `(m,)` uint32 codes below `items`.
        items: How many items there are.
    """
    return GroupedVotes(*_group_by_item(item, items))


@njit(cache=True)
def _group_by_item(item: NDArray[np.uint32], items: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    starts, order = np.zeros(items + 1, dtype=np.int64), np.empty(len(item), dtype=np.int64)
    for vote in range(len(item)):
        starts[item[vote] + 1] += 1
    for place in range(1, len(starts)):
        starts[place] += starts[place - 1]
    after = starts[:-1].copy()
    for vote in range(len(item)):
        code = item[vote]
        order[after[code]] = vote
        after[code] += 1
    return starts, order


def group_by_item_plain(item: NDArray[np.uint32], items: int) -> GroupedVotes:
    """`group_by_item` in numpy."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(item, minlength=items))]).astype(np.int64)
    return GroupedVotes(starts, np.argsort(item, kind="stable").astype(np.int64))


def first_votes(
    starts: NDArray[np.int64], annotator: NDArray[np.int32], annotators: int
) -> NDArray[np.int64]:
    """For each vote the position of the first vote that its annotator cast on the item: itself, mostly.

    Args:
        starts: `(n + 1,)` int64.
        annotator: `(m,)` int32 codes below `annotators`.
        annotators: How many annotators there are.
    """
    first: NDArray[np.int64] = _first_votes(starts, annotator, annotators)
    return first


@njit(cache=True)
def _first_votes(
    starts: NDArray[np.int64], annotator: NDArray[np.int32], annotators: int
) -> NDArray[np.int64]:
    first, latest = np.empty(len(annotator), dtype=np.int64), np.full(annotators, -1, dtype=np.int64)
    for item in range(len(starts) - 1):
        for vote in range(starts[item], starts[item + 1]):
            who = annotator[vote]
            if latest[who] < starts[item]:
                latest[who] = vote
            first[vote] = latest[who]
    return first


def first_votes_plain(
    starts: NDArray[np.int64], annotator: NDArray[np.int32], annotators: int
) -> NDArray[np.int64]:
    """`first_votes` in numpy."""
    items = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    pairs = items * annotators + annotator
    _, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], dtype=np.int64)
