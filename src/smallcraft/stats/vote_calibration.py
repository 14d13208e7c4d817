"""Makes posteriors from votes believable: how much votes, and a witness, are to count.

The calibrated log-odds are `a (log prior + votes) + b witness + bias`. With known truths all are fitted; with
votes alone only `a` and `b`, by how well the other votes of an item foretell a vote that was held out. That
shows posteriors that are too sure of the annotators, but never an error that annotators share.
Always: penalised towards `a = b = 1` and no bias, so few truths change little; with nothing to learn from,
the posterior stays as it was.
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
        votes: `a`, above 0.
        witness: `b`, above 0.
        bias: `(k,)` float64, nats.
    """

    votes: float
    witness: float
    bias: NDArray[np.float64]

    def posterior(self, evidence: Evidence) -> NDArray[np.float64]:
        """`(n, k)` float64, rows sum to 1."""
        return _softmax(self.scores(evidence))

    def scores(self, evidence: Evidence) -> NDArray[np.float64]:
        """`(n, k)` float64 logarithms of the posterior, up to a constant."""
        scores = self.votes * evidence.votes + self.bias
        return scores if evidence.witness is None else scores + self.witness * evidence.witness


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
        Guo et al. (2017), vector scaling, with a normal prior on the logarithms of the weights and the bias.
    """
    at = np.arange(len(truth))

    def pull(posterior: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        loss = -float(np.log(np.maximum(posterior[at, truth], _LEAST)).sum())
        residual = posterior.copy()
        residual[at, truth] -= 1
        return loss, residual

    return _fitted(evidence, pull, has_bias=True)


def weigh_by_votes(
    evidence: Evidence, said: NDArray[np.float64], *, rng: np.random.Generator
) -> EvidenceWeights:
    """Weights under which held-out votes are most likely; no bias.

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
        return -float(np.log(likely).sum()), posterior - posterior * said / likely

    return _fitted(evidence, pull, has_bias=False)


_Pull = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]


def _fitted(evidence: Evidence, pull: _Pull, *, has_bias: bool) -> EvidenceWeights:
    """Minimise half the squared parameters plus the loss that `pull` gives with its slope by the scores."""
    k = evidence.votes.shape[1]

    def weights(point: NDArray[np.float64]) -> EvidenceWeights:
        bias = point[2:] if has_bias else np.zeros(k)
        return EvidenceWeights(float(np.exp(point[0])), float(np.exp(point[1])), bias)

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        tried = weights(point)
        value, residual = pull(tried.posterior(evidence))
        slope = point.copy()
        slope[0] += tried.votes * float((residual * evidence.votes).sum())
        if evidence.witness is not None:
            slope[1] += tried.witness * float((residual * evidence.witness).sum())
        if has_bias:
            slope[2:] += residual.sum(axis=0)
        return value + 0.5 * float(point @ point), slope

    start = np.zeros(2 + k if has_bias else 2)
    bounds = [(-5.0, 5.0)] * 2 + [(-20.0, 20.0)] * (len(start) - 2)
    return weights(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
