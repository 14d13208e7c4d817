"""The plain rule `drift.score > threshold -> alarm`, without a budget: what many tools do by default.

Leaves to others: what a threshold means and how often it fires by chance (`observe.plain_rule`).
Always: it decides by each window alone, and says that it has no evidence; it needs no past.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.observe.quantities import DetectorStep, Floats, Memory, WatchPlan

# Past any level, and far enough below all that it leaves no trace.
_FIRES, _IS_QUIET = 1e3, -1e3


@dataclass(frozen=True)
class ThresholdDetector:
    """Fires where one statistic of any column exceeds a threshold.

    Attributes:
        statistic: Which.
        threshold: In its unit; KL 0.05 is a shift of 0.32 standard deviations.
    """

    statistic: str = "kl"
    threshold: float = 0.05
    name: str = "threshold"
    has_evidence: bool = False

    @property
    def statistics(self) -> frozenset[str]:
        """The one that the rule is about."""
        return frozenset({self.statistic})

    def begin(self, plan: WatchPlan) -> Memory:
        """It needs to know nothing."""
        del plan
        return {}

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
        """Far above every level where a value exceeds the threshold; a column's weight of 0 leaves it out."""
        del bucket, is_frozen
        mine = np.array([name == self.statistic for name in plan.statistics]) & (plan.weights > 0)
        fires = mine & (values > self.threshold)
        log_es = np.where(fires, _FIRES, _IS_QUIET)
        return DetectorStep(memory, float(log_es.max()), log_es, at)

    def restart(self, memory: Memory, plan: WatchPlan) -> Memory:
        """As it was."""
        del plan
        return memory
