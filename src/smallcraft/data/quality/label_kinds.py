"""Tells a wrong label from one of two that fit, and from a row that is merely hard, by several witnesses.

A witness is the model, the row's copies, its nearest rows, or people's votes. G is the given label, S the
suggested one. The rule, in order; a witness that is not there, or is not asked, says nothing:

1. votes make one label more likely than all others together: S is *wrong*, G is *hard* (people agree where
   the model does not), a third one is *ambiguous*; votes that decide nothing are *ambiguous*
2. *ambiguous*: the model sees both labels, or other copies of the row carry different labels and no more of
   them S than G, or the model is sure of S and the copies or the nearest rows carry G
3. *wrong*: the model is sure of S and nobody backs G
4. *hard*: the rest, where the model leans to S without being sure

Both bounds of the model come from the data. Its standard are the rows of S that it rightly knows: predicted
as S, and above the class threshold of confident learning. It *sees both* labels where the margin
`log p_G - log p_S` is above what 95 % of these rows show for G: of equally well known rows whose label
was exchanged by mistake, it calls at most one in twenty ambiguous. It is *sure* where `p_S` is at least its
mean over the rows of S that are not flagged. Copies and nearest rows carry G where more of them do than S,
of the nearest rows two at least.
What more than one in twenty well known rows of S show for G is usual for S, and no sign of a second label.
Copies must not have taught the model that judges the row, else it only echoes them.
Left to others: which rows are flagged (`stats.confident`), what is told (`data.quality.label_issues`).
Source: exchangeable errors within a class are the assumption of Northcutt et al. (2021), JAIR 70, section 2;
the rank of the bound is that of a class-conditional conformal test, Vovk (2012), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.stats.label_scores import LEAST_PROBABILITY

KINDS = ("wrong", "ambiguous", "hard")
NEIGHBOURS = 5
# One nearest row may itself carry a wrong label.
_LEAST_NEIGHBOURS = 2
# The level of the test for "sees both": the share of truly exchanged labels it may call ambiguous.
LEVEL = 0.05
# A label above it is more likely than all others together.
HALF = 0.5
UNDECIDED_VOTES = -1
NO_VOTES = -2


@dataclass(frozen=True)
class Backing:
    """How many of the row's copies, or of its nearest rows, carry which label.

    Attributes:
        given: `(m,)` int64.
        suggested: `(m,)` int64.
        total: `(m,)` int64, with any label.
    """

    given: NDArray[np.int64]
    suggested: NDArray[np.int64]
    total: NDArray[np.int64]


@dataclass(frozen=True)
class VotedLabels:
    """What people say of each row.

    Attributes:
        classes: Names of the codes; those of the predictions first, then labels that only people gave.
        label: `(m,)` int64 code; -1 where the votes decide nothing, -2 where there are none.
        support: `(m,)` float64, probability of the likeliest label.
    """

    classes: tuple[str, ...]
    label: NDArray[np.int64]
    support: NDArray[np.float64]


@dataclass(frozen=True)
class Witnesses:
    """What the witnesses say of `m` flagged rows; None for a witness that was not there.

    Attributes:
        margin: `(m,)` float64, `log p_given - log p_suggested`.
        usual_margin: `(m,)` float64, what 95 % of well known rows of the suggested label stay at or below.
        sureness: `(m,)` float64, `p_suggested`.
        usual_sureness: `(m,)` float64, its mean over rows of that label that are not flagged.
        copies: Other rows that equal it.
        neighbours: Its nearest rows.
        votes: People.
    """

    margin: NDArray[np.float64]
    usual_margin: NDArray[np.float64]
    sureness: NDArray[np.float64]
    usual_sureness: NDArray[np.float64]
    copies: Backing | None = None
    neighbours: Backing | None = None
    votes: VotedLabels | None = None

    @property
    def sees_both(self) -> NDArray[np.bool_]:
        """`(m,)`: the model gives the given label more than a row of the suggested one would show."""
        return np.asarray(self.margin > self.usual_margin)

    @property
    def is_sure(self) -> NDArray[np.bool_]:
        """`(m,)`: the model is as sure of the suggested label as it is on its rows, and sees no other."""
        return np.asarray((self.sureness >= self.usual_sureness) & ~self.sees_both)


def tell_kinds(
    witnesses: Witnesses, given: NDArray[np.int64], suggested: NDArray[np.int64]
) -> NDArray[np.str_]:
    """The rule of the header.

    Args:
        witnesses: Of `m` flagged rows.
        given: `(m,)` codes.
        suggested: `(m,)` codes, each another than the given one.

    Returns:
        `(m,)` of `KINDS`.

    >>> sure = Witnesses(*(np.array([value]) for value in (-5.0, -2.0, 0.9, 0.8)))
    >>> tell_kinds(sure, np.array([0]), np.array([1])).tolist()
    ['wrong']
    """
    sure, none = witnesses.is_sure, np.zeros(len(given), dtype=bool)
    contradicted, repeated, elsewhere = none, none, none
    if (copies := witnesses.copies) is not None:
        contradicted = (copies.total > copies.given) & (copies.suggested <= copies.given)
        repeated = (copies.total > 0) & (copies.total == copies.given)
    if (near := witnesses.neighbours) is not None:
        elsewhere = (near.given > near.suggested) & (near.given >= _LEAST_NEIGHBOURS)
    kinds = np.where(sure, "wrong", "hard").astype("<U9")
    kinds[witnesses.sees_both | contradicted | (sure & (repeated | elsewhere))] = "ambiguous"
    if witnesses.votes is not None:
        label = witnesses.votes.label
        kinds[label != NO_VOTES] = "ambiguous"
        kinds[label == suggested] = "wrong"
        kinds[label == given] = "hard"
    return kinds


def usual_margins(
    labels: NDArray[np.int64], probs: NDArray[np.floating], known: NDArray[np.bool_], *, level: float = LEVEL
) -> NDArray[np.float64]:
    """How much a row of one label shows for each other one, at most, in all but a share `level` of rows.

    Args:
        labels: `(n,)` given codes.
        probs: `(n, k)`.
        known: `(n,)`: the rows whose label the model rightly knows.
        level: Share of such rows that may lie above.

    Returns:
        `(k, k)` float64: at `[i, j]` the bound on `log p_i - log p_j` over known rows of `j`, an order
        statistic; the largest one where the class has too few rows; infinite where it has none.

    >>> probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> usual_margins(np.array([0, 0, 1]), probs, np.ones(3, dtype=bool)).round(2).tolist()
    [[0.0, -0.85], [-1.39, 0.0]]
    """
    k = probs.shape[1]
    bounds = np.full((k, k), np.inf)
    rows = np.flatnonzero(known)
    rows = rows[np.argsort(labels[rows], kind="stable")]
    starts = np.searchsorted(labels[rows], np.arange(k + 1))
    for j in range(k):
        own = rows[starts[j] : starts[j + 1]]
        if not len(own):
            continue
        support = log_support(probs[own])
        support -= support[:, [j]]
        rank = min(int(np.ceil((1 - level) * (len(own) + 1))), len(own))
        bounds[:, j] = np.partition(support, rank - 1, axis=0)[rank - 1]
    return bounds


def usual_sureness(
    labels: NDArray[np.int64], probs: NDArray[np.floating], flagged: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """`(k,)` mean probability of the given label over rows that are not flagged; infinite for no rows.

    >>> probs = np.array([[0.9, 0.1], [0.7, 0.3], [0.1, 0.9]])
    >>> usual_sureness(np.array([0, 0, 0]), probs, np.array([False, False, True])).round(2).tolist()
    [0.8, inf]
    """
    rows = np.flatnonzero(~flagged)
    k = probs.shape[1]
    sums = np.bincount(labels[rows], weights=probs[rows, labels[rows]], minlength=k)
    counts = np.bincount(labels[rows], minlength=k)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def rightly_known(
    labels: NDArray[np.int64], probs: NDArray[np.floating], thresholds: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """`(n,)`: predicted as given, with no less than the class threshold."""
    own = probs[np.arange(len(labels)), labels]
    return np.asarray((own >= thresholds[labels]) & (own >= probs.max(axis=1)))


def count_copies(
    groups: NDArray[np.int64],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    suggested: NDArray[np.int64],
) -> Backing:
    """Labels of the other rows of each row's group.

    Args:
        groups: `(n,)` numbers, equal for copies.
        labels: `(n,)` given codes.
        rows: `(m,)` positions to ask about.
        suggested: `(m,)` codes.

    >>> groups, labels = np.array([7, 7, 7, 9]), np.array([0, 1, 1, 0])
    >>> count_copies(groups, labels, np.array([0]), np.array([1])).suggested.tolist()
    [2]
    """
    _, codes = np.unique(groups, return_inverse=True)
    width = int(max(labels.max(), suggested.max(initial=0))) + 1
    cells, counts = np.unique(codes.astype(np.int64) * width + labels, return_counts=True)
    own = codes[rows].astype(np.int64) * width
    given = _count_at(cells, counts, own + labels[rows]) - 1
    total = np.bincount(codes)[codes[rows]] - 1
    return Backing(given, _count_at(cells, counts, own + suggested), total.astype(np.int64))


def count_neighbours(
    labels_of_neighbours: NDArray[np.int64], given: NDArray[np.int64], suggested: NDArray[np.int64]
) -> Backing:
    """Labels of the nearest rows.

    Args:
        labels_of_neighbours: `(m, q)` codes, -1 where there is no such row.
        given: `(m,)` codes.
        suggested: `(m,)` codes.
    """
    found = labels_of_neighbours
    return Backing(
        (found == given[:, None]).sum(axis=1).astype(np.int64),
        (found == suggested[:, None]).sum(axis=1).astype(np.int64),
        (found >= 0).sum(axis=1).astype(np.int64),
    )


def read_votes(
    classes: tuple[str, ...], posterior: NDArray[np.floating], has_votes: NDArray[np.bool_]
) -> VotedLabels:
    """The label that is more likely than all others together, if there is one.

    Args:
        classes: `k` names.
        posterior: `(m, k)` probability of each label by the votes.
        has_votes: `(m,)`.

    >>> read_votes(("a", "b"), np.array([[0.2, 0.8], [0.5, 0.5]]), np.array([True, True])).label.tolist()
    [1, -1]
    """
    best = posterior.argmax(axis=1).astype(np.int64)
    support = posterior.max(axis=1).astype(np.float64)
    decided = np.where(support > HALF, best, UNDECIDED_VOTES)
    return VotedLabels(classes, np.where(has_votes, decided, NO_VOTES).astype(np.int64), support)


def log_support(probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logarithm of probabilities, finite where they are zero."""
    return np.asarray(np.log(np.maximum(np.asarray(probs, dtype=np.float64), LEAST_PROBABILITY)))


def _count_at(
    cells: NDArray[np.int64], counts: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.int64]:
    at = np.minimum(np.searchsorted(cells, wanted), len(cells) - 1)
    return np.where(cells[at] == wanted, counts[at], 0).astype(np.int64)
