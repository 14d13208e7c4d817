"""Fits the decoder from out-of-fold logits: temperature, mix of the stages, and when to escalate.

Numbers in, numbers out. No row's own training labels leak into these: every logit comes from a model that
did not see the row's fold, and neither dev nor cert is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp

from smallcraft.bundle.decoder import Decoder, decode, mix_logits, softmax

_LOG_SCALE_BOUNDS = (-5.0, 5.0)


def fit_decoder(
    logits: Sequence[NDArray[np.float64]],
    labels: NDArray[np.int64],
    *,
    tolerance: float,
    confidence: float,
) -> Decoder:
    """The decoder of one stage, or of several of which the first says who is asked.

    Args:
        logits: For each stage `(n, k)` out-of-fold logits; rows that a stage left out are NaN and unused.
        labels: `(n,)` codes.
        tolerance: Accuracy that a cascade may give up for asking its further stages less often.
        confidence: One-sided, of not giving up more.
    """
    # The first stage's scale from all its rows; what the others are for, from rows that all have seen to.
    alone_known = answered_rows(logits[:1])
    scale = fit_scale(logits[0][alone_known], labels[alone_known])
    if len(logits) == 1:
        return Decoder(scale)
    known = answered_rows(logits)
    logits, labels = [stage[known] for stage in logits], labels[known]
    mix = fit_mix(logits, labels)
    both = np.argmax(mix_logits(mix, logits), axis=1) == labels
    first = softmax(scale * logits[0])
    alone = np.argmax(first, axis=1) == labels
    threshold = choose_threshold(first.max(axis=1), alone, both, tolerance=tolerance, confidence=confidence)
    return Decoder(scale, threshold, mix)


def answered_rows(logits: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """`(n,)` True where every stage has logits: dear rungs train for some folds only."""
    known: NDArray[np.bool_] = np.all([~np.isnan(stage).any(axis=1) for stage in logits], axis=0)
    return known


def fit_scale(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """The inverse temperature with the lowest log-loss.

    Source:
        Guo et al. (2017), On calibration of modern neural networks, section 4.2.
    """

    def loss(log_scale: float) -> float:
        return log_loss(np.exp(log_scale) * logits, labels)

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_SCALE_BOUNDS, method="bounded").x))


def decode_held_out(decoder: Decoder, logits: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """`(n, k)` probabilities from logits out of fold of every stage, as the bundle would give them."""
    first, *others = logits

    def ask(rows: NDArray[np.intp]) -> list[NDArray[np.float64]]:
        return [stage[rows] for stage in others]

    return decode(decoder, first, ask if others else None).probs


def fit_mix(logits: Sequence[NDArray[np.float64]], labels: NDArray[np.int64]) -> tuple[float, ...]:
    """A weight a stage, none negative, so that the sum of logits has the lowest log-loss."""

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        mixed = mix_logits(weights.tolist(), logits)
        residual = softmax(mixed)
        residual[np.arange(len(labels)), labels] -= 1
        slope = [float((residual * part).sum()) / len(labels) for part in logits]
        return log_loss(mixed, labels), np.array(slope)

    start = np.array([fit_scale(part, labels) / len(logits) for part in logits])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(logits))
    return tuple(found.x.tolist())


def log_loss(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean negative log-probability of the labels."""
    chosen = logits[np.arange(len(labels)), labels]
    return float(np.mean(logsumexp(logits, axis=1) - chosen))


def choose_threshold(
    sureness: NDArray[np.float64],
    alone: NDArray[np.bool_],
    both: NDArray[np.bool_],
    *,
    tolerance: float,
    confidence: float,
) -> float:
    """The lowest escalation threshold that is not inferior to the best one.

    Accuracy at a threshold is compared with accuracy at the best threshold on the same rows; the lower bound
    of the difference must lie above minus the tolerance.

    Args:
        sureness: `(n,)` highest probability of the first stage.
        alone: `(n,)` whether the first stage alone is right.
        both: `(n,)` whether both together are right.
        tolerance: Accuracy that may be given up, at least 0.
        confidence: One-sided, in (0.5, 1).

    Returns:
        Rows whose sureness is below it are escalated.
    """
    order = np.argsort(sureness, kind="stable")
    gain = both[order].astype(np.float64) - alone[order]
    # Rows of equal sureness go together: a threshold cannot part them.
    thresholds = np.unique(np.append(sureness, 1.0))
    escalated = np.searchsorted(sureness[order], thresholds, side="left")
    total = np.concatenate([[0.0], np.cumsum(gain)])[escalated]
    changed = np.concatenate([[0.0], np.cumsum(np.abs(gain))])[escalated]
    best = int(np.argmax(total))
    # Between two thresholds only the rows between them change; their gains are -1, 0 or 1.
    n = max(len(sureness), 1)
    given_up = (total[best] - total[: best + 1]) / n
    spread = np.sqrt(np.maximum((changed[best] - changed[: best + 1]) / n - given_up**2, 0.0) / n)
    worst = given_up + NormalDist().inv_cdf(confidence) * spread
    enough = int(np.flatnonzero(worst <= tolerance)[0])
    return float(thresholds[enough]) if escalated[enough] else 0.0
