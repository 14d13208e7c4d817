"""E-values of rows against the reference itself: for batches whose rows could stand in any order.

Leaves to others: the e-value of a column's rows (`stats.sequences.score_tilts`); it comes in as the statistic
`tilt`, a natural logarithm.
Always: it needs no past windows.
Not covered: live traffic, whose rows hang together; there each window looks like a change (`conformal`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.observe.detectors.conformal import evidence_by_quantity
from smallcraft.observe.quantities import DetectorStep, Floats, Memory, WatchPlan
from smallcraft.stats.sequences.conformal import Bets
from smallcraft.stats.sequences.detectors import (
    DetectorState,
    advance,
    change_began,
    log_mixture,
    start_detectors,
)

STATISTIC = "tilt"


@dataclass(frozen=True)
class TiltsDetector:
    """Takes the logarithm of a column's e-value as it is."""

    name: str = "tilts"
    has_evidence: bool = True
    statistics: frozenset[str] = frozenset({STATISTIC})

    def begin(self, plan: WatchPlan) -> Memory:
        """It needs to know nothing but the reference."""
        return _pack(start_detectors((), len(_bets(plan).weight)))

    def windows_needed(self, memory: Memory, plan: WatchPlan, *, bucket: int) -> int:
        """None."""
        del memory, plan, bucket
        return 0

    def learn(self, memory: Memory, values: Floats, plan: WatchPlan, *, bucket: int, at: int) -> Memory:
        """It learns nothing."""
        del values, plan, bucket, at
        return memory

    def judge(
        self, memory: Memory, values: Floats, plan: WatchPlan, *, bucket: int, at: int, is_frozen: bool
    ) -> DetectorStep:
        """The values; 1 as an e-value for what was not measured."""
        del bucket, is_frozen
        bets = _bets(plan)
        is_tilt = np.array([name == STATISTIC for name in plan.statistics])
        logs = np.where(is_tilt, np.nan_to_num(values, nan=0.0), 0.0)
        state = advance(_unpack(memory), logs, at=at)
        return DetectorStep(
            _pack(state),
            float(log_mixture(state, bets.weight)),
            evidence_by_quantity(state, bets, plan),
            int(change_began(state, bets.weight)),
        )

    def restart(self, memory: Memory, plan: WatchPlan) -> Memory:
        """Without evidence."""
        del memory
        return self.begin(plan)


def _bets(plan: WatchPlan) -> Bets:
    """One a quantity; only tilts have weight."""
    is_tilt = np.array([name == STATISTIC for name in plan.statistics])
    weights = np.where(is_tilt, plan.weights, 0.0)
    ones = np.ones(len(weights))
    shares = weights / weights.sum() if weights.sum() > 0 else ones / len(ones)
    return Bets(np.arange(len(weights)), ones, ones, shares)


def _pack(state: DetectorState) -> Memory:
    return {
        "log_level": state.log_level,
        "log_run": state.log_run,
        "began": state.began,
        "steps": np.asarray(state.steps),
    }


def _unpack(memory: Memory) -> DetectorState:
    return DetectorState(memory["log_level"], memory["log_run"], memory["began"], memory["steps"])
