"""Counts of two arms for tests of evidence: drawn for many rollouts at once, or by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
from scipy.special import ndtri

from smallcraft.serve.rollout.counts import (
    CONFIDENCE_BINS,
    LATENCY_BINS,
    LATENCY_EDGES_S,
    ArmCounts,
    no_counts,
)
from smallcraft.serve.rollout.evidence import Baseline

CLASSES = np.array([0.5, 0.3, 0.15, 0.03, 0.02])
CONFIDENT = np.diff(np.linspace(0, 1, CONFIDENCE_BINS + 1) ** 4)


def latency_law(median_s: float = 0.02, *, tail_times: float = 1.0) -> np.ndarray:
    """Log-normal up to its 95th percentile, a Pareto tail of index 2.5 from there on; shares of the bins."""
    u = (np.arange(20_000) + 0.5) / 20_000
    body = median_s * np.exp(0.587 * ndtri(np.minimum(u, 0.95)))
    tail = body[-1] * (np.maximum(1 - u, 1e-9) / 0.05) ** (-1 / 2.5) * tail_times
    seconds = np.where(u < 0.95, body, tail)
    return (
        np.bincount(np.searchsorted(LATENCY_EDGES_S, seconds, side="right"), minlength=LATENCY_BINS) / 20_000
    )


LATENCY = latency_law()


@dataclass(frozen=True)
class Arm:
    """How an arm answers."""

    errors: float = 0.01
    latency: np.ndarray = field(default_factory=lambda: LATENCY)
    classes: np.ndarray = field(default_factory=lambda: CLASSES)
    confidence: np.ndarray = field(default_factory=lambda: CONFIDENT)


def draw_counts(
    rng: np.random.Generator,
    requests: float,
    share: float,
    *,
    rollouts: int,
    stable: Arm | None = None,
    canary: Arm | None = None,
) -> ArmCounts:
    """What about so many requests of each rollout add to its counts; the canary's as the stable's if None."""
    stable = stable or Arm()
    arms = (stable, canary or stable)
    sent = np.stack([rng.poisson(requests * part, rollouts) for part in (1 - share, share)], axis=1)
    errors = np.stack([rng.binomial(sent[:, place], arm.errors) for place, arm in enumerate(arms)], axis=1)
    answered = sent - errors

    def binned(name: str) -> np.ndarray:
        drawn = [rng.multinomial(answered[:, place], getattr(arm, name)) for place, arm in enumerate(arms)]
        return np.stack(drawn, axis=1)

    classes = binned("classes")
    return ArmCounts(
        requests=sent,
        subjects=sent,
        errors=errors,
        latency=binned("latency"),
        classes=np.concatenate([classes, np.zeros_like(classes[..., :1])], axis=-1),
        confidence=binned("confidence"),
        rows=answered,
        escalated=np.zeros_like(answered),
        compared=np.zeros(rollouts, dtype=int),
        disagreed=np.zeros(rollouts, dtype=int),
    )


def nothing(classes: int = len(CLASSES), rollouts: int | None = None) -> ArmCounts:
    """No counts, with an axis for rollouts if asked."""
    counts = no_counts(classes)
    if rollouts is None:
        return counts
    shapes = {each.name: getattr(counts, each.name) for each in fields(counts)}
    return replace(
        counts, **{name: np.zeros((rollouts, *value.shape), int) for name, value in shapes.items()}
    )


def seen_before(seed: int = 99, requests: int = 2000, **declared: float | None) -> Baseline:
    """What SHADOW showed of the stable arm."""
    counts = draw_counts(np.random.default_rng(seed), requests, 0.0, rollouts=1)
    return Baseline(
        latency=counts.latency[0, 0],
        classes=counts.classes[0, 0],
        confidence=counts.confidence[0, 0],
        **declared,
    )
