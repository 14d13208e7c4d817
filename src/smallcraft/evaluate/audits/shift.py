"""Natural shifts inside one split: is a candidate as good on the last rows as on the first, in each group?

By time: the rows in four periods of equally many rows (fewer where rows share a time), each with `accuracy`
and `confidence_gap` (mean confidence of the predicted class minus accuracy), and `accuracy_change` and
`confidence_gap_change`, that period minus the first. By group: `confidence_gap` of each; its accuracy against
the rest is a matter of the fairness audit.
Always: periods are independent rows; a period with too few rows has no value and says so.
Left to others: other data sets (`evaluate.cross`); shift of inputs without labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.groups import Partition, partition_rows
from smallcraft.evaluate.measuring.estimates import (
    Averaged,
    Counted,
    Place,
    average_gaps,
    count_share,
    measure_gap,
    measure_mean,
    measure_mean_gap,
    measure_share,
    unmeasured,
)
from smallcraft.records import AuditResult, Measurement, Predictions
from smallcraft.stats.calibration import equal_mass_bins

TIME = "time"
PERIODS = 4
LEAST_ROWS = 30


@dataclass(frozen=True)
class Segment:
    """What is counted over the rows of one slice."""

    right: Counted
    gap: Averaged


@dataclass(frozen=True)
class ShiftAudit:
    """Slices that came about by themselves, side by side.

    Attributes:
        name: Its key in the folder's table.
        least_rows: A number over fewer rows is not given; on both sides of a change.
    """

    name: str = "shift"
    least_rows: int = LEAST_ROWS

    def measure(self, subject: AuditSubject) -> AuditResult:
        """Periods of the time, where the subject's metadata have `time`; then groups."""
        place = Place("all", subject.split, subject.confidence)
        why = _why_not(subject)
        if why or subject.predictions is None:
            return AuditResult(
                self.name, f"not measured: {why}", (unmeasured("accuracy_change", place, why),)
            )
        predictions = subject.predictions
        found: list[Measurement] = []
        if TIME in subject.metadata:
            periods = time_periods(np.asarray(subject.metadata[TIME], dtype=np.float64))
            found += self._by_time(periods, predictions, place)
        for partition in partition_rows(subject.groups, rows=len(predictions.truth), depth=1):
            found += self._by_group(partition, predictions, place)
        return AuditResult(self.name, _summary(found), tuple(found))

    def _by_time(self, periods: Partition, predictions: Predictions, place: Place) -> Iterator[Measurement]:
        if len(periods.names) < 2:
            yield unmeasured("accuracy_change", place, "the rows have no two times; give more of the past")
        segments = _segments(periods, predictions, place.confidence)
        for number, (name, segment) in enumerate(zip(periods.names, segments, strict=True)):
            here = dataclasses.replace(place, slice=name)
            yield measure_share("accuracy", segment.right, here, least=self.least_rows)
            yield measure_mean("confidence_gap", segment.gap, here, least=self.least_rows)
            if number > 0:
                first = segments[0]
                yield measure_gap("accuracy_change", segment.right, first.right, here, least=self.least_rows)
                yield measure_mean_gap(
                    "confidence_gap_change", segment.gap, first.gap, here, least=self.least_rows
                )

    def _by_group(
        self, partition: Partition, predictions: Predictions, place: Place
    ) -> Iterator[Measurement]:
        segments = _segments(partition, predictions, place.confidence)
        for name, segment in zip(partition.names, segments, strict=True):
            here = dataclasses.replace(place, slice=name)
            yield measure_mean("confidence_gap", segment.gap, here, least=self.least_rows)


def time_periods(times: NDArray[np.float64]) -> Partition:
    """Rows in up to four periods of about equally many rows, by time; rows of equal time are never parted.

    Args:
        times: `(n,)` numbers in any unit; a row whose time is missing (NaN) is in no period.
    """
    known = np.isfinite(times)
    codes = np.full(len(times), -1, dtype=np.int64)
    if known.any():
        codes[known] = np.unique(equal_mass_bins(times[known], PERIODS), return_inverse=True)[1]
    many = int(codes.max(initial=-1)) + 1
    return Partition((TIME,), tuple(f"{TIME}=period {at + 1} of {many}" for at in range(many)), codes)


def _segments(partition: Partition, predictions: Predictions, confidence: float) -> list[Segment]:
    right = predictions.truth == predictions.predicted
    found = []
    for code in range(len(partition.names)):
        rows = partition.codes == code
        clusters = None if predictions.clusters is None else predictions.clusters[rows]
        found.append(
            Segment(
                right=count_share(right[rows], confidence=confidence, clusters=clusters),
                gap=average_gaps(
                    predictions.probs[rows].max(axis=1, initial=0.0), right[rows], clusters=clusters
                ),
            )
        )
    return found


def _why_not(subject: AuditSubject) -> str:
    if subject.predictions is None:
        return "it needs predictions beside the truth"
    if TIME not in subject.metadata and not subject.groups:
        return "there is neither a time column nor a group column; name one in [data]"
    return ""


def _summary(measurements: list[Measurement]) -> str:
    changes = [found for found in measurements if found.name == "accuracy_change"]
    gaps = [found for found in measurements if found.name == "confidence_gap" and found.value is not None]
    told = []
    if changes and changes[-1].value is not None:
        last = changes[-1]
        told.append(
            f"accuracy of the last period minus the first {last.value:+.3f} "
            f"[{last.low:+.3f}, {last.high:+.3f}]"
        )
    elif changes:
        told.append(f"change over time {changes[-1].detail}")
    if gaps:
        widest = max(gaps, key=lambda found: abs(found.value or 0.0))
        told.append(
            f"confidence is furthest from accuracy in {widest.slice}, "
            f"{widest.value:+.3f} [{widest.low:+.3f}, {widest.high:+.3f}]"
        )
    return "; ".join(told) or f"no slice has {LEAST_ROWS} rows"
