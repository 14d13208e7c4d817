"""A month's digest: alarms of a release beside the budget they were raised under.

Always: an alarm counts in the month it was opened in; one that nobody judged yet is told as open, not as
false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.observe.alarms import RECOVERY, Alarm, HarmVerdict
from smallcraft.observe.windows import month_of


@dataclass(frozen=True)
class Digest:
    """What happened in a month.

    Attributes:
        month: In UTC, such as `2026-11`.
        windows: How many were watched.
        undecided: Windows in which the guardrail could not have raised an alarm yet.
        budget: False alarms a month that were allowed.
        alarms: All that were opened in it.
        harmful: How many of these do harm.
        benign: How many do none.
        unknown: How many wait for labels.
        recovered: How many went away by themselves: candidates for false ones.
        open: How many nobody closed.
    """

    month: str
    release: str
    windows: int
    undecided: int
    budget: float
    alarms: int
    harmful: int
    benign: int
    unknown: int
    recovered: int
    open: int

    @property
    def sentence(self) -> str:
        """The digest in a line."""
        told = f"{self.alarms} alarm{'s' * (self.alarms != 1)}"
        kinds = f"{self.harmful} harmful, {self.benign} benign, {self.unknown} unknown"
        return (
            f"{self.release}, {self.month}: {told} ({kinds}) in {self.windows} windows; the budget is"
            f" {self.budget:g} false ones; {self.open} open, {self.recovered} went away by itself"
            + (
                f"; {self.undecided} windows were watched before an alarm was possible"
                if self.undecided
                else ""
            )
        )


def digest_month(
    alarms: Sequence[Alarm], *, release: str, month: str, windows: int, undecided: int, budget: float
) -> Digest:
    """Count a month.

    Args:
        alarms: Of any month and release.
        release: Whose digest.
        month: Such as `2026-11`.
        windows: How many windows of it were watched.
        undecided: In how many of these no alarm was possible yet.
        budget: False alarms a month.
    """
    mine = [alarm for alarm in alarms if alarm.release == release and month_of(alarm.opened_s - 1) == month]
    verdicts = [alarm.harm.verdict for alarm in mine]
    return Digest(
        month=month,
        release=release,
        windows=windows,
        undecided=undecided,
        budget=budget,
        alarms=len(mine),
        harmful=verdicts.count(HarmVerdict.HARMFUL),
        benign=verdicts.count(HarmVerdict.BENIGN),
        unknown=verdicts.count(HarmVerdict.UNKNOWN),
        recovered=sum(alarm.closing is not None and alarm.closing.by == RECOVERY for alarm in mine),
        open=sum(alarm.is_open for alarm in mine),
    )
