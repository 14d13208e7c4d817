"""A rollout of a service whose senders keep their arm and differ: some fail often, some have long texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tests.serve.rollout.two_arms import CLASSES, CONFIDENT, LATENCY

from smallcraft.serve.rollout.counts import LATENCY_BINS, ArmCounts

KEYS = 1000
# How often each key sends: the i-th as often as 1 / i ** 1.1.
_SENDS = np.cumsum(np.arange(1, KEYS + 1.0) ** -1.1)
_SENDS /= _SENDS[-1]


@dataclass(frozen=True)
class Keyed:
    """What was counted in one step, at several looks: `(looks, ...)`.

    Attributes:
        every: Of all requests, as if none had a key.
        once: Of each key that is not settled its first request and its first failure.
    """

    every: ArmCounts
    once: ArmCounts


def roll_out_keys(
    rng: np.random.Generator, weights: Sequence[float], requests: int, looks: int
) -> list[Keyed]:
    """Steps of equally many requests, of which nothing is the new release's fault."""
    bucket = rng.random(KEYS)
    fails = np.minimum(0.01 * rng.lognormal(-0.5, 1.0, KEYS), 0.9)
    slower = np.rint(rng.normal(0, 0.4, KEYS) / np.log(1.05)).astype(int)
    steps, settled = [], 0.0
    for weight in weights:
        keys = np.minimum(np.searchsorted(_SENDS, rng.random(requests)), KEYS - 1)
        arm = (bucket[keys] < weight).astype(int)
        failed = rng.random(requests) < fails[keys]
        drawn = rng.choice(LATENCY_BINS, requests, p=LATENCY) + slower[keys]
        latency = np.clip(drawn, 0, LATENCY_BINS - 2)
        look = np.arange(requests) * looks // requests
        free = bucket[keys] >= settled
        seen = (arm, failed, latency, rng.choice(len(CLASSES), requests, p=CLASSES), look, looks)
        everything = np.ones(requests, dtype=bool)
        steps.append(
            Keyed(
                every=_count(everything, failed, *seen),
                once=_count(_first(keys, free), _first(keys, free & failed), *seen),
            )
        )
        settled = weight
    return steps


def _first(keys: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The first request of each key among some."""
    places = np.flatnonzero(among)
    first = np.zeros(len(keys), dtype=bool)
    first[places[np.unique(keys[places], return_index=True)[1]]] = True
    return first


def _count(
    subjects: np.ndarray,
    failures: np.ndarray,
    arm: np.ndarray,
    failed: np.ndarray,
    latency: np.ndarray,
    answer: np.ndarray,
    look: np.ndarray,
    looks: int,
) -> ArmCounts:
    def total(which: np.ndarray, places: np.ndarray, bins: int) -> np.ndarray:
        counts = np.zeros((looks, 2, bins), dtype=int)
        np.add.at(counts, (look[which], arm[which], places[which]), 1)
        return counts.cumsum(axis=0)

    answered, one = subjects & ~failed, np.zeros_like(arm)
    number = total(subjects, one, 1)[..., 0]
    confidence = total(answered, one, len(CONFIDENT))
    return ArmCounts(
        requests=number,
        subjects=number,
        errors=total(failures, one, 1)[..., 0],
        latency=total(answered, latency, LATENCY_BINS),
        classes=total(answered, answer, len(CLASSES) + 1),
        confidence=confidence,
        rows=total(answered, one, 1)[..., 0],
        escalated=np.zeros((looks, 2), dtype=int),
        compared=np.zeros(looks, dtype=int),
        disagreed=np.zeros(looks, dtype=int),
    )
