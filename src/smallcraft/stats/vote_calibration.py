"""Makes posteriors from votes believable: how much votes, and a witness, are to count.

How far a class lags behind the best one by the votes, in nats, is stretched (`votes`) and bent (`curve`);
then what the witness says is added with a weight of its own, and a bias a class. With known truths all are
fitted; with votes alone only the two weights, by how well the other votes of an item foretell a vote that was
held out. That shows posteriors that are too sure of the annotators, never an error that annotators share.
Always: penalised towards weights and curve of 1 and no bias, so few truths change little; with nothing to
learn from, the posterior stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from smallcraft.stats.dawid_skene import VoteFit
from smallcraft.stats.vote_symbols import Witness

_LEAST = 1e-300
_MOST_HELD_OUT = 50_000


@dataclass(frozen=True)
class Evidence:
    """What speaks for each class, in nats, by source.

    Attributes:
        votes: `(n, k)` float64 log-posterior from the class prior and the votes alone, up to a constant.
        witness: `(n, k)` float64 log-likelihood of what the witness said; None without one.
    """

    votes: NDArray[np.float64]
    witness: NDArray[np.float64] | None

    def at(self, rows: NDArray[np.int64]) -> Evidence:
        """Some items."""
        return Evidence(self.votes[rows], None if self.witness is None else self.witness[rows])


@dataclass(frozen=True)
class EvidenceWeights:
    """How much each source counts.

    Attributes:
        votes: Above 0.
        witness: Above 0.
        bias: `(k,)` float64, nats.
        curve: Power of the lag behind the best class: above 1 a narrow lead counts for less than its share,
            as where some items are hard for all; below 1 a wide one does, as where all may err together.
        bend: The lag that the curve leaves as it is, in nats.
    """

    votes: float
    witness: float
    bias: NDArray[np.float64]
    curve: float = 1.0
    bend: float = 1.0

    def posterior(self, evidence: Evidence) -> NDArray[np.float64]:
        """`(n, k)` float64, rows sum to 1."""
        scores = self.bias - self.votes * self.bent(evidence)
        if evidence.witness is not None:
            scores = scores + self.witness * evidence.witness
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def bent(self, evidence: Evidence) -> NDArray[np.float64]:
        """`(n, k)` float64 lag of each class behind the best by the votes, bent."""
        lag = evidence.votes.max(axis=1, keepdims=True) - evidence.votes
        return lag if self.curve == 1 else np.asarray(self.bend * (lag / self.bend) ** self.curve)


def evidence_of(fit: VoteFit, witness: Witness | None) -> Evidence:
    """Take a posterior apart into what votes and what the witness said."""
    votes = np.log(np.maximum(fit.posterior, _LEAST))
    if fit.witness is None or witness is None:
        return Evidence(votes, None)
    heard = np.log(fit.witness.T)[witness.code]
    heard -= heard.max(axis=1, keepdims=True)
    votes -= heard
    return Evidence(votes - votes.max(axis=1, keepdims=True), heard)


def unweighted(k: int) -> EvidenceWeights:
    """Everything counts as the model of the votes has it."""
    return EvidenceWeights(1.0, 1.0, np.zeros(k))


def weigh_by_truth(evidence: Evidence, truth: NDArray[np.int64]) -> EvidenceWeights:
    """Weights and bias under which known truths are most likely.

    Args:
        evidence: Of items with a known class.
        truth: `(n,)` int64 codes.

    Source:
        Guo et al. (2017), vector scaling, with a curve, and normal priors on the bias and the logarithms of
        the others.
    """
    at = np.arange(len(truth))

    def pull(posterior: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        likely = np.maximum(posterior[at, truth], _LEAST)
        slope = np.zeros_like(posterior)
        slope[at, truth] = -1 / likely
        return -float(np.log(likely).sum()), slope

    return _fitted(evidence, pull, has_truth=True)


def weigh_by_votes(
    evidence: Evidence, said: NDArray[np.float64], *, rng: np.random.Generator
) -> EvidenceWeights:
    """Weights under which held-out votes are most likely; no bias, no curve.

    Args:
        evidence: `(m, k)` for each held-out vote, of the item's other votes.
        said: `(m, k)` chance that this annotator gives this label, by true class.
        rng: Picks the votes, where there are more than 50,000.
    """
    if len(said) > _MOST_HELD_OUT:
        picked = np.sort(rng.choice(len(said), _MOST_HELD_OUT, replace=False))
        evidence, said = evidence.at(picked), said[picked]

    def pull(posterior: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        likely = np.maximum((posterior * said).sum(axis=1, keepdims=True), _LEAST)
        return -float(np.log(likely).sum()), -said / likely

    return _fitted(evidence, pull, has_truth=False)


# The value of a loss and its slope by each probability.
_Pull = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]


def _fitted(evidence: Evidence, pull: _Pull, *, has_truth: bool) -> EvidenceWeights:
    """Minimise the loss plus half the squared parameters: log-weights, log-curve, bias."""
    k = evidence.votes.shape[1]
    lag = evidence.votes.max(axis=1, keepdims=True) - evidence.votes
    bend = float(lag.mean()) or 1.0
    log_lag = np.log(np.maximum(lag, _LEAST) / bend)

    def weights(point: NDArray[np.float64]) -> EvidenceWeights:
        a, b = (float(value) for value in np.exp(point[:2]))
        if not has_truth:
            return EvidenceWeights(a, b, np.zeros(k))
        return EvidenceWeights(a, b, point[3:], float(np.exp(point[2])), bend)

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        tried = weights(point)
        posterior = tried.posterior(evidence)
        value, by_posterior = pull(posterior)
        by_score = posterior * (by_posterior - (posterior * by_posterior).sum(axis=1, keepdims=True))
        by_lag = -tried.votes * by_score * tried.bent(evidence)
        slope = point.copy()
        slope[0] += by_lag.sum()
        if evidence.witness is not None:
            slope[1] += tried.witness * float(np.vdot(by_score, evidence.witness))
        if has_truth:
            slope[2] += tried.curve * float(np.vdot(by_lag, log_lag))
            slope[3:] += by_score.sum(axis=0)
        return value + 0.5 * float(point @ point), slope

    start = np.zeros(3 + k if has_truth else 2)
    bounds = [(-5.0, 5.0), (-5.0, 5.0), (-2.0, 2.0), *[(-20.0, 20.0)] * k][: len(start)]
    return weights(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)
