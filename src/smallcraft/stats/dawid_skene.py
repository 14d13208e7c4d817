"""Who is right when annotators disagree: Dawid-Skene by MAP-EM, with majority vote and one-coin as controls.

Integer codes in, posteriors out; names, files and calibration belong to `data.quality.consensus`. A witness
is a classifier heard as one more annotator that says one of its own codes of every item.
Always: `objective` (log-likelihood plus log-priors, up to a constant) is exact and never falls from pass to
pass; an item without votes or witness has the class prior; a tie of votes goes to the class with more votes
overall, then to the first one.
Posteriors are over-confident where annotators err together: calibrate before showing one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.vote_symbols import Symbols, Witness, make_symbols, vote_shares

if TYPE_CHECKING:
    from smallcraft.stats.kernels.votes import VotePass

MAX_ITERATIONS = 500
TOLERANCE = 1e-6
CROWD_ROUNDS = 3
# How many votes of a class it takes before an annotator's own record outweighs the crowd's.
CROWD_VOTES = 20.0
# The same where nobody else voted on the items: a witness must bring that much against an annotator.
LONE_VOTES = 100.0
# Votes that the crowd is taken to have cast before, rightly and wrongly, for each true class.
_RIGHT, _WRONG = 20.0, 0.1
# Items in all, dealt out evenly: no class is impossible because nobody has voted for it yet.
_CLASS_ITEMS = 1.0
# Items of each class that the witness is taken to have seen before, coded like all items.
_WITNESS_ITEMS = 1.0


@dataclass(frozen=True)
class VoteFit:
    """What the votes say, and how far each annotator is to be believed.

    Attributes:
        posterior: `(n, k)` float64, rows sum to 1.
        confusion: `(annotators, k, k)` float64, true class by vote; rows sum to 1.
        prior: `(k,)` float64.
        witness: `(k, codes)` float64, true class by code of the witness; None without one.
        log_likelihood: Of all votes (and codes), in nats.
        objective: The log-likelihood plus the log-priors, which EM climbs.
        iterations: Passes over the votes.
        converged: False when the passes ran out first.
    """

    posterior: NDArray[np.float64]
    confusion: NDArray[np.float64]
    prior: NDArray[np.float64]
    witness: NDArray[np.float64] | None
    log_likelihood: float
    objective: float
    iterations: int
    converged: bool


def fit_dawid_skene(
    starts: NDArray[np.int64],
    annotator: NDArray[np.int32],
    label: NDArray[np.int32],
    *,
    n_annotators: int,
    n_classes: int,
    pseudo_votes: NDArray[np.float64] | None = None,
    witness: Witness | None = None,
    max_iter: int = MAX_ITERATIONS,
    tol: float = TOLERANCE,
) -> VoteFit:
    """One confusion matrix an annotator, by EM from the vote shares to the nearest maximum a posteriori.

    Args:
        starts: `(n + 1,)` int64; item `i` has the votes `starts[i]` to `starts[i + 1]`.
        annotator: `(m,)` int32 codes.
        label: `(m,)` int32 codes.
        n_annotators: How many annotators there are.
        n_classes: How many classes there are, `k`.
        pseudo_votes: `(k, k)` or `(annotators, k, k)` votes added to each annotator's own, true class by
            vote, all above 0; None for `CROWD_VOTES` a class, dealt out as the whole crowd errs against
            the majority: an annotator with three votes is judged like the crowd.
        witness: A classifier that is heard too.
        max_iter: Most passes over the votes.
        tol: Stop when a pass lifts the objective by less than this a vote.

    Raises:
        InvalidInputError: A code out of range, a pseudo-vote that is not above 0, or too large a table.

    Source:
        Dawid and Skene (1979), Applied Statistics 28:20-28, with Dirichlet priors.

    >>> starts = np.array([0, 3, 6])
    >>> label = np.array([0, 0, 1, 1, 1, 1], dtype=np.int32)
    >>> who = np.array([0, 1, 2, 0, 1, 2], dtype=np.int32)
    >>> fit_dawid_skene(starts, who, label, n_annotators=3, n_classes=2).posterior.argmax(axis=1).tolist()
    [0, 1]
    """
    votes = make_symbols(starts, annotator, label, n_annotators, n_classes)
    shares = vote_shares(votes)
    if pseudo_votes is None:
        pseudo_votes = _crowd_votes(votes, votes.counts(shares))
    heard = votes if witness is None else votes.heard_with(witness)
    pseudo = _checked_pseudo_votes(pseudo_votes, votes)
    state = _climb(heard, shares, _matrices(heard, pseudo), max_iter=max_iter, tol=tol)
    return _fit_of(heard, state)


def fit_crowd(
    starts: NDArray[np.int64],
    annotator: NDArray[np.int32],
    label: NDArray[np.int32],
    *,
    n_annotators: int,
    n_classes: int,
    witness: Witness | None = None,
) -> VoteFit:
    """Dawid-Skene whose prior is the crowd's own record, in steps that each learn from what can teach it.

    1. From items with two votes or more: each annotator's confusion, drawn towards the crowd's, which is
       estimated anew `CROWD_ROUNDS` times. A lone vote says nothing of who cast it.
    2. From the same items: again, with the witness heard.
    3. From all items with a vote: the class prior and what the codes of the witness mean.

    Where no item has two votes nothing tells a wrong vote from a right one: alone, every vote stands as it
    is; a witness, which can only tell an annotator from the others, is heard against a prior of
    `LONE_VOTES`. Parameters as in `fit_dawid_skene`.
    """
    votes = make_symbols(starts, annotator, label, n_annotators, n_classes)
    heard = votes if witness is None else votes.heard_with(witness)
    sizes, start = np.diff(votes.starts), vote_shares(votes)
    pseudo, passes = _crowd_votes(votes, votes.counts(start)), 0
    table = _matrices(votes, pseudo).table(np.zeros((votes.rows, n_classes)))
    several = votes.only(sizes >= 2)
    if len(several.symbol):
        shares = start[sizes >= 2]
        for _ in range(CROWD_ROUNDS):  # (1)
            state = _climb(several, shares, _matrices(several, pseudo))
            shares, passes = state.found.posterior, passes + state.passes
            pseudo = _crowd_votes(several, state.found.counts)
        if witness is not None:  # (2)
            several = heard.only(sizes >= 2)
            state = _climb(several, shares, _matrices(several, pseudo))
            passes += state.passes
        table = state.table
        start = heard.passed(table, state.prior).posterior
    elif witness is not None:
        lone = _matrices(heard, pseudo * (LONE_VOTES / CROWD_VOTES))
        table = _climb(heard.only(sizes >= 1), start[sizes >= 1], lone).table
    taught = heard.only(sizes >= 1)  # (3)
    state = _climb(taught, start[sizes >= 1], _matrices(heard, pseudo, frozen=table[: votes.rows]))
    return _fit_of(heard, replace(state, passes=passes + state.passes))


def one_coin(
    starts: NDArray[np.int64],
    annotator: NDArray[np.int32],
    label: NDArray[np.int32],
    *,
    n_annotators: int,
    n_classes: int,
    max_iter: int = MAX_ITERATIONS,
    tol: float = TOLERANCE,
) -> VoteFit:
    """A control with one number an annotator: the chance of a right vote, wrong ones spread evenly.

    The prior is `CROWD_VOTES` votes an annotator, right as often as the crowd agrees with the majority.
    Parameters as in `fit_dawid_skene`.

    Source:
        Zhang, Chen, Zhou, Jordan (2016), JMLR 17(102), the one-coin model of section 2.
    """
    votes = make_symbols(starts, annotator, label, n_annotators, n_classes)
    shares = vote_shares(votes)
    crowd = votes.by_annotator(votes.counts(shares)).sum(axis=0)
    right = (float(np.trace(crowd)) + _RIGHT) / (float(crowd.sum()) + _RIGHT + _WRONG)
    return _fit_of(votes, _climb(votes, shares, _coins(votes, right), max_iter=max_iter, tol=tol))


def majority_vote(
    starts: NDArray[np.int64],
    annotator: NDArray[np.int32],
    label: NDArray[np.int32],
    *,
    n_annotators: int,
    n_classes: int,
) -> VoteFit:
    """A control without a model: the posterior is the share of votes, a tie leans to the common class.

    Confusions are counted against it. Parameters as in `fit_dawid_skene`.
    """
    votes = make_symbols(starts, annotator, label, n_annotators, n_classes)
    shares = vote_shares(votes)
    learner = _matrices(votes, _crowd_votes(votes, votes.counts(shares)))
    counts = votes.counts(shares)
    table, prior = learner.table(counts), _class_prior(shares[np.diff(votes.starts) > 0].sum(axis=0))
    found = votes.passed(table, prior)
    state = _State(table, prior, found, learner.objective(found, table, prior), 1, True)
    return replace(_fit_of(votes, state), posterior=shares)


@dataclass(frozen=True)
class _Learner:
    """The M-step: a table from counts, and the log-prior that it maximises along with them."""

    added: NDArray[np.float64]
    table: Callable[[NDArray[np.float64]], NDArray[np.float64]]

    def objective(self, found: VotePass, table: NDArray[np.float64], prior: NDArray[np.float64]) -> float:
        classes = _CLASS_ITEMS / len(prior) * float(np.log(prior).sum())
        return found.log_likelihood + float(np.vdot(self.added, np.log(table))) + classes


@dataclass(frozen=True)
class _State:
    """Where a climb ended."""

    table: NDArray[np.float64]
    prior: NDArray[np.float64]
    found: VotePass
    objective: float
    passes: int
    converged: bool


def _climb(
    votes: Symbols,
    posterior: NDArray[np.float64],
    learner: _Learner,
    *,
    max_iter: int = MAX_ITERATIONS,
    tol: float = TOLERANCE,
) -> _State:
    """EM from a posterior until a pass gains less than `tol` a vote."""
    counts, sums = votes.counts(posterior), posterior[np.diff(votes.starts) > 0].sum(axis=0)
    before = -np.inf
    for passes in range(1, max_iter + 1):
        table, prior = learner.table(counts), _class_prior(sums)
        found = votes.passed(table, prior)
        now = learner.objective(found, table, prior)
        if now - before <= tol * len(votes.symbol):
            return _State(table, prior, found, now, passes, True)
        before, counts, sums = now, found.counts, found.class_counts
    return _State(table, prior, found, now, max_iter, False)


def _class_prior(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = sums + _CLASS_ITEMS / len(sums)
    return np.asarray(raised / raised.sum())


def _matrices(
    votes: Symbols, pseudo: NDArray[np.float64], *, frozen: NDArray[np.float64] | None = None
) -> _Learner:
    """A confusion matrix an annotator, or the frozen ones; and one for the witness."""
    k, own = votes.classes, votes.annotators * votes.classes
    added = np.empty((votes.rows, k))
    votes.by_annotator(added)[:] = np.swapaxes(pseudo, -1, -2)
    if votes.codes:
        seen = np.bincount(votes.symbol[votes.symbol >= own] - own, minlength=votes.codes) + 1.0
        added[own:] = (_WITNESS_ITEMS * seen / seen.sum())[:, None]

    def table(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        made = counts + added
        if frozen is None:
            block = votes.by_annotator(made)
            block /= block.sum(axis=1, keepdims=True)
        else:
            made[:own] = frozen
        made[own:] /= made[own:].sum(axis=0)
        return made

    return _Learner(added, table)


def _coins(votes: Symbols, right: float) -> _Learner:
    """One chance of a right vote an annotator."""
    k = votes.classes
    same = np.eye(k, dtype=bool)
    pseudo = np.where(same, CROWD_VOTES * right / k, CROWD_VOTES * (1 - right) / (k * max(k - 1, 1)))

    def table(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        block = votes.by_annotator(counts) + pseudo
        hit = block[:, same].sum(axis=1) / block.sum(axis=(1, 2))
        made = np.where(same, hit[:, None, None], ((1 - hit) / max(k - 1, 1))[:, None, None])
        return np.asarray(made.reshape(votes.rows, k))

    return _Learner(np.tile(pseudo, (votes.annotators, 1)), table)


def _crowd_votes(votes: Symbols, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(k, k)` pseudo-votes of every annotator, true class by vote: `CROWD_VOTES` a class, as all err."""
    k = votes.classes
    crowd = votes.by_annotator(counts).sum(axis=0).T + _WRONG / max(k - 1, 1)
    crowd[np.diag_indices(k)] += _RIGHT - _WRONG / max(k - 1, 1)
    return np.asarray(CROWD_VOTES * crowd / crowd.sum(axis=1, keepdims=True))


def _fit_of(votes: Symbols, state: _State) -> VoteFit:
    """The result for all items, whichever of them taught."""
    found = votes.passed(state.table, state.prior)
    witness = state.table[votes.annotators * votes.classes :].T if votes.codes else None
    return VoteFit(
        posterior=found.posterior,
        confusion=np.swapaxes(votes.by_annotator(state.table), 1, 2),
        prior=state.prior,
        witness=witness,
        log_likelihood=found.log_likelihood,
        objective=state.objective,
        iterations=state.passes,
        converged=state.converged,
    )


def _checked_pseudo_votes(pseudo: NDArray[np.float64], votes: Symbols) -> NDArray[np.float64]:
    k = votes.classes
    if pseudo.shape not in ((k, k), (votes.annotators, k, k)) or not (pseudo > 0).all():
        raise InvalidInputError(
            f"pseudo_votes must be {k} x {k}, or one such matrix an annotator, all above 0; got shape "
            f"{pseudo.shape}; add a small number to the zeros"
        )
    return pseudo
