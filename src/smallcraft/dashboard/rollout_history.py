"""A rollout over time: what each of its receipts, and each look at it while it ran, shows of both arms.

A receipt carries the counts that it was decided on, so every point is computed from counts by the same rules
that decided, with bands that hold at all times together.
Leaves to others: finding receipts and states (`serve.state`), drawing (`dashboard.views.rollout`).
Always: an arm without answers has no rate and no quantile, not 0.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Interval
from smallcraft.serve.rollout.causes import as_e_value
from smallcraft.serve.rollout.comparing import latency_quantile
from smallcraft.serve.rollout.counts import CANARY, LATENCY_EDGES_S, STABLE, ArmCounts
from smallcraft.serve.rollout.evidence import GUARDRAILS, RolloutEvidence
from smallcraft.serve.rollout.phases import weigh_state
from smallcraft.serve.rollout.receipts import Receipt
from smallcraft.serve.rollout.standing import RolloutState, merged
from smallcraft.serve.rollout.stored_form import state_from
from smallcraft.stats.sequences.betting import anytime_interval, count_mistakes, log_excess_evidence

LEVEL = 0.95
QUANTILES = (0.5, 0.95, 0.99)
COMBINED = "combined"
_MOST_LOOKS = 240
_MOST_RECEIPTS = 512


@dataclass(frozen=True)
class Quantile:
    """One quantile of an arm's latency, in milliseconds.

    Attributes:
        ms: Upper end of its bin; None without answers, or among time-outs.
        low_ms: Lower end of a band that holds at all times together; None where nothing bounds it.
        high_ms: Upper end likewise.
    """

    ms: float | None
    low_ms: float | None
    high_ms: float | None


@dataclass(frozen=True)
class ArmThen:
    """What one arm had shown.

    Attributes:
        subjects: Requests that count as evidence.
        errors: Failures among them.
        rate: Bounds of its error rate at all times together; None without any.
        latency: By quantile.
    """

    subjects: int
    errors: int
    rate: Interval | None
    latency: Mapping[float, Quantile]

    @property
    def share(self) -> float | None:
        """Of failures; None without any request."""
        return self.errors / self.subjects if self.subjects else None


@dataclass(frozen=True)
class Moment:
    """A rollout at one time.

    Attributes:
        at_s: Seconds since 1970 UTC.
        phase: That it is in from then on.
        weight: Share of traffic that the new release gets from then on.
        e_values: By guardrail, and `combined`; those that could not be had yet are left out.
        stable: The one arm.
        canary: The other.
    """

    at_s: float
    phase: str
    weight: float
    e_values: Mapping[str, float]
    stable: ArmThen
    canary: ArmThen


class History:
    """Moments of rollouts, kept in memory: of receipts, and of looks between them; many threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_receipts: dict[str, Moment] = {}
        self._rollout = ""
        self._looks: list[Moment] = []

    def note(self, state: RolloutState, at_s: float) -> None:
        """Remember where a rollout stands; one rollout is kept, and of many looks every other one."""
        moment = moment_of(state, at_s)
        with self._lock:
            if state.id != self._rollout:
                self._rollout, self._looks = state.id, []
            self._looks.append(moment)
            if len(self._looks) > _MOST_LOOKS:
                del self._looks[::2]

    def moments(self, receipts: Sequence[Receipt]) -> tuple[Moment, ...]:
        """A rollout from its beginning, oldest first.

        Args:
            receipts: All of it.
        """
        found = [self._at_receipt(receipt) for receipt in receipts]
        with self._lock:
            if receipts and receipts[0].rollout == self._rollout:
                found += self._looks
        return tuple(sorted(found, key=lambda moment: moment.at_s))

    def _at_receipt(self, receipt: Receipt) -> Moment:
        """What a receipt was decided on, with what it led to."""
        known = self._at_receipts.get(receipt.digest)
        if known is None:
            form, to = receipt.form, receipt.form["to"]
            before = moment_of(state_from(form["state"]), datetime.fromisoformat(form["at"]).timestamp())
            known = replace(before, phase=to["phase"], weight=to["weight"])
            if len(self._at_receipts) >= _MOST_RECEIPTS:
                self._at_receipts.clear()
            self._at_receipts[receipt.digest] = known
        return known


def moment_of(state: RolloutState, at_s: float) -> Moment:
    """A rollout as its state shows it.

    Args:
        state: With the counts of all its steps.
        at_s: When; seconds since 1970 UTC.
    """
    counts = _counting(state)
    return Moment(
        at_s,
        state.phase,
        state.weight,
        _e_values(weigh_state(state)),
        _arm(counts, STABLE),
        _arm(counts, CANARY),
    )


def _counting(state: RolloutState) -> ArmCounts | None:
    """Of all steps that count; those of SHADOW while it lasts."""
    steps = [step for step in state.steps if step.kind != "shadow"] or list(state.steps)
    total: ArmCounts | None = None
    for step in steps:
        total = merged(step) if total is None else total + merged(step)
    return total


def _e_values(evidence: RolloutEvidence | None) -> Mapping[str, float]:
    if evidence is None:
        return {}
    found = {
        name: as_e_value(float(weighed.against))
        for name in GUARDRAILS
        if (weighed := evidence.guardrails.get(name)) is not None
    }
    return {**found, COMBINED: as_e_value(float(evidence.combined))}


def _arm(counts: ArmCounts | None, arm: int) -> ArmThen:
    if counts is None:
        return ArmThen(0, 0, None, {})
    subjects, errors = int(counts.subjects[arm]), int(counts.errors[arm])
    mistakes = count_mistakes(np.array(errors), np.array(subjects))
    rate = anytime_interval(mistakes, level=LEVEL) if subjects else None
    return ArmThen(
        subjects, errors, rate, {level: _quantile(counts.latency[arm], level) for level in QUANTILES}
    )


def _quantile(bins: NDArray[np.int64], level: float) -> Quantile:
    """A quantile, between the last time that surely came before it and the first that surely did not."""
    seconds = latency_quantile(bins, level)
    if seconds is None:
        return Quantile(None, None, None)
    n, within = bins.sum(), np.cumsum(bins)[:-1]
    log_needed = np.log(2 / (1 - LEVEL))
    trials = np.full(within.shape, n)
    is_above = log_excess_evidence(count_mistakes(n - within, trials), 1 - level) >= log_needed
    is_below = log_excess_evidence(count_mistakes(within, trials), level) >= log_needed
    low = LATENCY_EDGES_S[is_above][-1] if is_above.any() else None
    high = LATENCY_EDGES_S[is_below][0] if is_below.any() else None
    return Quantile(
        1000 * seconds if np.isfinite(seconds) else None,
        None if low is None else 1000 * float(low),
        None if high is None else 1000 * float(high),
    )
