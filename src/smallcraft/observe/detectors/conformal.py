"""The default: where a window's number ranks among those of calm windows before it, as an e-value.

Leaves to others: forecasts, ranks, bets, what joins the past (`stats.sequences.window_streams`).
Always: the promise rests on calm windows being alike, up to their season and their hanging on the window
before; no law of the numbers is assumed, and the rows of a window may hang together as they like.
Not covered: a level that wanders, before some 120 windows are known: until then it may raise up to several
times the false alarms that were promised. A change in one number alone takes 5 windows at the least where
200 are known: a rank among so many is no stronger evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.observe.quantities import ONLY_RISES, DetectorStep, Floats, Memory, WatchPlan
from smallcraft.stats.sequences.conformal import Bets
from smallcraft.stats.sequences.detectors import DetectorState, change_began, log_evidence
from smallcraft.stats.sequences.window_streams import (
    LEAST_IN_BUCKET,
    StreamRules,
    StreamState,
    pack_stream,
    restart_stream,
    start_stream,
    stream_bets,
    unpack_stream,
    watch_window,
)

# Misses of forecasts before the first bet: from fewer, what stays of a window in the next is fitted so
# loosely that numbers that wander raise alarms.
LEAST_POOL = 40
# Windows that are remembered in all, and of one place of the season.
_POOL, _LEAST_MEMORY = 720, 12
_LOG_NOTHING = -1e4


@dataclass(frozen=True)
class ConformalDetector:
    """Window-level conformal e-values by season bucket."""

    name: str = "conformal"
    has_evidence: bool = True
    statistics: frozenset[str] = frozenset(
        {
            *("shift", "spread", "skew", "low", "high", "missing", "unseen"),
            *(f"share_{place}" for place in range(1, 6)),
        }
    )

    def begin(self, plan: WatchPlan) -> Memory:
        """An empty past."""
        return pack_state(start_stream(rules_of(plan)))

    def windows_needed(self, memory: Memory, plan: WatchPlan, *, bucket: int) -> int:
        """Until this place of the season, and the misses of forecasts, have enough."""
        here = max(LEAST_IN_BUCKET - int(memory["filled"][bucket]), 0) * plan.cycle
        return here + max(LEAST_POOL - int(memory["missed"]), 0)

    def learn(self, memory: Memory, values: Floats, plan: WatchPlan, *, bucket: int, at: int) -> Memory:
        """The past with one more window."""
        state = unpack_stream(memory)
        step = watch_window(state, values, rules_of(plan), bucket=bucket, at=at, is_learning=True)
        return pack_state(step.state)

    def judge(
        self, memory: Memory, values: Floats, plan: WatchPlan, *, bucket: int, at: int, is_frozen: bool
    ) -> DetectorStep:
        """By the rank of each miss of a forecast among the past ones."""
        rules = rules_of(plan)
        step = watch_window(unpack_stream(memory), values, rules, bucket=bucket, at=at, is_frozen=is_frozen)
        bets, detectors = stream_bets(rules), step.state.detectors
        return DetectorStep(
            pack_state(step.state),
            float(step.log_mixture),
            evidence_by_quantity(detectors, bets, plan),
            int(change_began(detectors, bets.weight)),
            bool(step.is_frozen),
        )

    def restart(self, memory: Memory, plan: WatchPlan) -> Memory:
        """The same past, no evidence."""
        del plan
        yes, no = np.array(True), np.array(False)
        state: StreamState = restart_stream(unpack_stream(memory), which=yes, is_new_normal=no)
        return pack_state(state)


def pack_state(state: StreamState) -> Memory:
    """A stream as arrays by name."""
    return {name: np.asarray(value) for name, value in pack_stream(state).items()}


def rules_of(plan: WatchPlan) -> StreamRules:
    """A plan in the words of the streams."""
    sides = np.array([1 if name in ONLY_RISES else 0 for name in plan.statistics], dtype=np.int64)
    return StreamRules(
        weights=plan.weights,
        sides=sides,
        names=plan.names,
        log_alarm=plan.log_level,
        buckets=plan.buckets,
        memory=max(_POOL // plan.buckets, _LEAST_MEMORY),
        seed=plan.seed,
    )


def evidence_by_quantity(state: DetectorState, bets: Bets, plan: WatchPlan) -> Floats:
    """`(m,)` logarithms: of each quantity the weighted mean over its bets, which is an e-value again.

    Args:
        state: Of the bets.
        bets: Each about one quantity, in their order; a quantity without one has no evidence.
        plan: Of the quantities.
    """
    found = np.full(len(plan.statistics), _LOG_NOTHING)
    believed = bets.weight > 0
    places, weights = bets.statistic[believed], bets.weight[believed]
    logs = np.maximum(log_evidence(state, horizon=plan.horizon), _LOG_NOTHING)[believed]
    # Bets stand in the order of what they are about.
    begins = np.flatnonzero(np.diff(places, prepend=-1))
    sums = np.logaddexp.reduceat(logs + np.log(weights), begins)
    found[places[begins]] = sums - np.log(np.add.reduceat(weights, begins))
    return found
