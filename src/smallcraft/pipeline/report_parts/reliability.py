"""Whether the winner means its confidence: how often answers of like confidence are right, bin by bin on dev.

Always: the bins are those of the expected calibration error, so that picture, table and number agree; a bin
without rows is left out; rows of one key count as less than a row each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.pipeline.report_parts.points import TOOLTIP_BREAK
from smallcraft.pipeline.report_parts.wording import counted
from smallcraft.stats.calibration import ECE_BINS, equal_mass_bins
from smallcraft.stats.intervals import share_interval

# Below this, in hundredths, a difference is not worth a word.
_ONE_POINT = 0.01


@dataclass(frozen=True)
class ReliabilityBin:
    """Answers of about the same confidence.

    Attributes:
        least: Lowest confidence in the bin.
        most: Highest confidence in the bin.
        confidence: Their mean.
        right: Share of them that is right.
        low: Lower bound of that share.
        high: Upper bound.
        rows: How many answers.
    """

    least: float
    most: float
    confidence: float
    right: float
    low: float
    high: float
    rows: int

    @property
    def hover(self) -> str:
        """Everything that is known of it, for the tooltip."""
        return TOOLTIP_BREAK.join(
            (
                f"confidence {self.least:.2f} to {self.most:.2f}",
                f"right {self.right:.3f} [{self.low:.3f}, {self.high:.3f}]",
                counted(self.rows, "row"),
            )
        )


@dataclass(frozen=True)
class Reliability:
    """How far confidence can be believed.

    Attributes:
        bins: Lowest confidence first.
        confidence: Mean over all rows.
        right: Share of all rows that is right.
        rows: How many.
    """

    bins: tuple[ReliabilityBin, ...]
    confidence: float
    right: float
    rows: int

    @property
    def sentence(self) -> str:
        """The whole in words."""
        gap = self.confidence - self.right
        verdict = "it means what it says on average"
        if abs(gap) >= _ONE_POINT:
            points = f"{abs(gap) * 100:.1f} points"
            verdict = f"it is {points} too sure" if gap > 0 else f"it is {points} too modest"
        return f"On average it is {self.confidence:.3f} sure and {self.right:.3f} right: {verdict}."


def describe_reliability(
    confidence_of_row: NDArray[np.floating],
    right: NDArray[np.bool_],
    *,
    level: float = 0.95,
    clusters: NDArray[np.int64] | None = None,
) -> Reliability | None:
    """Confidence beside the share that is right; None without rows.

    Args:
        confidence_of_row: `(n,)` probability of the class that was answered.
        right: `(n,)` bool.
        level: Two-sided coverage of each bin's interval, a fraction in (0, 1).
        clusters: `(n,)` int64, equal for rows of one key; None where every row stands alone.
    """
    if not len(right):
        return None
    # As a release keeps it, so that its card and its report show the same picture.
    sure = np.asarray(confidence_of_row, dtype=np.float32).astype(np.float64)
    bins = equal_mass_bins(sure, ECE_BINS)
    found = tuple(
        _bin(sure[rows], right[rows], level, None if clusters is None else clusters[rows])
        for rows in (np.flatnonzero(bins == place) for place in range(ECE_BINS))
        if len(rows)
    )
    return Reliability(found, float(sure.mean()), float(right.mean()), len(right))


def _bin(
    sure: NDArray[np.float64],
    right: NDArray[np.bool_],
    level: float,
    clusters: NDArray[np.int64] | None,
) -> ReliabilityBin:
    bounds = share_interval(right, level=level, clusters=clusters)
    return ReliabilityBin(
        least=float(sure.min()),
        most=float(sure.max()),
        confidence=float(sure.mean()),
        right=float(right.mean()),
        low=bounds.low,
        high=bounds.high,
        rows=len(right),
    )
