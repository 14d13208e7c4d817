"""What was seen of two arms while one weight held: whole numbers that may be added up, nothing else.

The tests are functions of these alone, so routers ship counts, in any order, and nobody keeps events.
Arrays may carry axes before those named here, so that thousands of simulated rollouts are counted at once.

The tests are right because chance alone chose the arm of whatever they count. Hence what a router counts:

- Of a request without a key: everything, in `Step.counts`. Of its rows the first one only, for rows of one
  request share its arm.
- Of a request with a key: nothing at first but `requests` (of `Step.keyed`). A key whose bucket is below the
  largest weight of all earlier steps is *settled*: it was in the new release's arm before, so its arm is no
  chance any more, and nothing else of it counts. Of any other key its first request in this step counts
  (`FirstRequests`) and its first failure in this step, whichever router saw them: once a step, of all
  routers together. Where the memory for keys is full, new keys are not counted; none is ever forgotten,
  for then it would count twice.

An arm counts as decided by the bucket, also when the other arm answered in its place.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

# Edges of latency in seconds: 0.1 ms, each 1.05 times the last, up to a minute, so that a margin of 5 % is
# exactly one bin. A latency below the first edge is bin 0, one at or above the last edge is the last bin.
LATENCY_RATIO = 1.05
LATENCY_EDGES_S: NDArray[np.float64] = 1e-4 * np.power(LATENCY_RATIO, np.arange(274), dtype=np.float64)
LATENCY_BINS = len(LATENCY_EDGES_S) + 1
# Confidence in equal bins of 0 to 1.
CONFIDENCE_BINS = 20
STABLE, CANARY = 0, 1


@dataclass(frozen=True)
class ArmCounts:
    """Both arms during one step of a rollout; axis 0 of each array is (stable, canary).

    Attributes:
        requests: `(2,)` int64, all, answered ones and failed ones; maturity is measured by these.
        subjects: `(2,)` int64, those that count as evidence: requests without a key, first requests of keys.
        errors: `(2,)` int64, failures and time-outs among them; of a key its first failure in the step.
        latency: `(2, LATENCY_BINS)` int64, answers and time-outs; time-outs, and requests that are older
            than any answer may be, are in the last bin, once. Other failures are in no bin.
        classes: `(2, k + 1)` int64, how often each class of the stable release's was answered in the first
            row; abstentions and other classes last.
        confidence: `(2, CONFIDENCE_BINS)` int64, of first rows.
        rows: `(2,)` int64, first rows answered.
        escalated: `(2,)` int64, first rows for which further stages were asked.
        compared: int64, requests that both releases answered in SHADOW.
        disagreed: int64, those whose first rows have different answers.
    """

    requests: NDArray[np.int64]
    subjects: NDArray[np.int64]
    errors: NDArray[np.int64]
    latency: NDArray[np.int64]
    classes: NDArray[np.int64]
    confidence: NDArray[np.int64]
    rows: NDArray[np.int64]
    escalated: NDArray[np.int64]
    compared: NDArray[np.int64]
    disagreed: NDArray[np.int64]

    def __add__(self, other: ArmCounts) -> ArmCounts:
        """Counts of both together."""
        return ArmCounts(*(mine + theirs for mine, theirs in zip(_values(self), _values(other), strict=True)))


@dataclass(frozen=True)
class FirstRequests:
    """Of each key its first request in a step, as rows, so that of several routers' rows one is counted.

    Attributes:
        keys: `(n,)` uint64, the keys' hashes.
        arm: `(n,)` int64, 0 for stable, 1 for canary.
        latency: `(n,)` int64, its bin; -1 for none.
        answer: `(n,)` int64, its class, or `k` for another; -1 for none.
        confidence: `(n,)` int64, its bin; -1 for none.
        escalated: `(n,)` int64, 0 or 1; -1 where no row was answered.
        disagreed: `(n,)` int64, 0 or 1; -1 where the other release was not asked too.
    """

    keys: NDArray[np.uint64]
    arm: NDArray[np.int64]
    latency: NDArray[np.int64]
    answer: NDArray[np.int64]
    confidence: NDArray[np.int64]
    escalated: NDArray[np.int64]
    disagreed: NDArray[np.int64]

    def only(self, kept: NDArray[np.bool_]) -> FirstRequests:
        """Some of the rows: those of keys that were not counted before."""
        return FirstRequests(*(getattr(self, field.name)[kept] for field in fields(self)))


def no_counts(classes: int) -> ArmCounts:
    """All zero, for `classes` classes."""

    def zeros(*shape: int) -> NDArray[np.int64]:
        return np.zeros(shape, dtype=np.int64)

    return ArmCounts(
        requests=zeros(2),
        subjects=zeros(2),
        errors=zeros(2),
        latency=zeros(2, LATENCY_BINS),
        classes=zeros(2, classes + 1),
        confidence=zeros(2, CONFIDENCE_BINS),
        rows=zeros(2),
        escalated=zeros(2),
        compared=zeros(),
        disagreed=zeros(),
    )


def count_first_requests(firsts: FirstRequests, *, classes: int) -> ArmCounts:
    """What first requests add to `Step.keyed`; their `requests` and `errors` are told apart from these.

    Args:
        firsts: Rows of keys that were not counted in this step before.
        classes: How many the stable release has.

    >>> import numpy as np
    >>> keys_and_arms, answered, failed = ([7, 9], [0, 1]), (3, 2, 19, 0, -1), (-1, -1, -1, -1, -1)
    >>> rows = [np.array(values) for values in (*keys_and_arms, *zip(answered, failed))]
    >>> counts = count_first_requests(FirstRequests(*rows), classes=2)
    >>> counts.subjects.tolist(), counts.rows.tolist(), counts.latency.sum(axis=1).tolist()
    ([1, 1], [1, 0], [1, 0])
    """

    def binned(places: NDArray[np.int64], bins: int) -> NDArray[np.int64]:
        there = places >= 0
        flat = firsts.arm[there] * bins + places[there]
        return np.bincount(flat, minlength=2 * bins).reshape(2, bins).astype(np.int64)

    none = no_counts(classes)
    return ArmCounts(
        requests=none.requests,
        subjects=np.bincount(firsts.arm, minlength=2).astype(np.int64),
        errors=none.errors,
        latency=binned(firsts.latency, LATENCY_BINS),
        classes=binned(firsts.answer, classes + 1),
        confidence=binned(firsts.confidence, CONFIDENCE_BINS),
        rows=np.bincount(firsts.arm[firsts.escalated >= 0], minlength=2).astype(np.int64),
        escalated=np.bincount(firsts.arm[firsts.escalated == 1], minlength=2).astype(np.int64),
        compared=np.asarray(np.count_nonzero(firsts.disagreed >= 0)),
        disagreed=np.asarray(np.count_nonzero(firsts.disagreed == 1)),
    )


def _values(counts: ArmCounts) -> tuple[NDArray[np.int64], ...]:
    return (
        *(counts.requests, counts.subjects, counts.errors, counts.latency, counts.classes),
        *(counts.confidence, counts.rows, counts.escalated, counts.compared, counts.disagreed),
    )
