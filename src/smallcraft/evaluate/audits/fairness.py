"""How a candidate treats groups: rates, accuracy and calibration of each, and each group against the rest.

For every declared group column and every two of them: `base_rate`, `selection_rate`, `tpr`, `fpr`, `ppv`,
`accuracy` and `calibration_gap`, and `<name>_gap`, this group minus all other rows. With more than two
classes and no class named as the outcome only accuracy and calibration are asked.
Always: every group appears, one with too few rows without a value and with the reason; shares carry counts
for exact bounds; the shrunken share of a small group stands in the detail and is never the value.
Left to others: which gap is too wide (`smallcraft.gates`); whether the groups' labels are right.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.groups import Partition, partition_rows
from smallcraft.evaluate.measuring.estimates import (
    Averaged,
    Counted,
    Place,
    average,
    count_share,
    gap_interval,
    measure_gap,
    measure_mean,
    measure_mean_gap,
    measure_share,
    unmeasured,
)
from smallcraft.records import AuditResult, Finding, Measurement, Predictions
from smallcraft.stats.intervals import normal_quantile, two_sided_tail
from smallcraft.stats.shrinkage import shrink_toward

LEAST_ROWS = 30
SMALL_ROWS = 200
CALIBRATION = "calibration_gap"
_DATA_ONLY = "base_rate_gap"
_MOST_FINDINGS = 50

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Rate:
    """A share of rows: which count, among which, and what these are called."""

    name: str
    hits: Mask
    domain: Mask | None
    rows: str


@dataclass(frozen=True)
class FairnessAudit:
    """Groups side by side.

    Attributes:
        name: Its key in the folder's table.
        least_rows: A number over fewer rows is not given; on both sides of a gap.
        depth: 1 for single columns only, 2 for pairs of columns as well.
    """

    name: str = "fairness"
    least_rows: int = LEAST_ROWS
    depth: int = 2

    def measure(self, subject: AuditSubject) -> AuditResult:
        """All groups; counting is one pass a partition, whatever the number of groups."""
        place = Place("all", subject.split, subject.confidence)
        if subject.predictions is None or not subject.groups:
            why = "it needs predictions beside the truth" if subject.groups else "no group column is declared"
            why += "; name one under `groups` in [data]" if not subject.groups else ""
            return AuditResult(self.name, f"not measured: {why}", (unmeasured("accuracy_gap", place, why),))
        predictions = subject.predictions
        partitions = partition_rows(subject.groups, rows=len(predictions.truth), depth=self.depth)
        rates, gaps = _rates(predictions, subject.positive), _calibration(predictions, subject.positive)
        found: list[Measurement] = []
        for partition in partitions:
            for rate in rates:
                found += self._measure_rate(rate, partition, predictions, place)
            found += self._measure_calibration(gaps, partition, predictions, place)
        clear = clear_gaps(found)
        # With two values in a column each gap is the other one turned round; one of them is enough.
        once = {(gap.name, round(abs(gap.value or 0.0), 12)): gap for gap in reversed(clear)}
        told = [gap for gap in clear if any(gap is kept for kept in once.values())]
        findings = tuple(_finding(self.name, gap) for gap in told[:_MOST_FINDINGS])
        return AuditResult(self.name, _summary(partitions, found, clear), tuple(found), findings)

    def _measure_rate(
        self, rate: Rate, partition: Partition, predictions: Predictions, place: Place
    ) -> Iterator[Measurement]:
        inside, outside = _count(rate, partition, predictions, place.confidence)
        shrunken = _shrunken(inside)
        for name, counted, rest, value in zip(partition.names, inside, outside, shrunken, strict=True):
            here = dataclasses.replace(place, slice=name)
            share = measure_share(rate.name, counted, here, least=self.least_rows, why=rate.rows)
            yield _told(share, value if 0 < counted.trials < SMALL_ROWS else None)
            yield measure_gap(f"{rate.name}_gap", counted, rest, here, least=self.least_rows, why=rate.rows)

    def _measure_calibration(
        self,
        values: tuple[NDArray[np.float64], NDArray[np.float64]],
        partition: Partition,
        predictions: Predictions,
        place: Place,
    ) -> Iterator[Measurement]:
        inside, outside = _average(*values, partition, predictions.clusters)
        for name, averaged, rest in zip(partition.names, inside, outside, strict=True):
            here = dataclasses.replace(place, slice=name)
            yield measure_mean(CALIBRATION, averaged, here, least=self.least_rows)
            yield measure_mean_gap(f"{CALIBRATION}_gap", averaged, rest, here, least=self.least_rows)


def positive_code(predictions: Predictions, positive: str | None) -> int | None:
    """Which class is the outcome: the named one, the second of two, else none.

    Raises:
        InvalidInputError: A name that is none of the classes.
    """
    if positive is None:
        return 1 if len(predictions.classes) == 2 else None
    if positive not in predictions.classes:
        known = ", ".join(map(repr, predictions.classes[:10]))
        raise InvalidInputError(
            f"the positive class must be one of {known}, got '{positive}'"
            f"{nearest_name(positive, predictions.classes)}"
        )
    return predictions.classes.index(positive)


def clear_gaps(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Gaps of the model whose interval leaves out 0 even after Bonferroni over all of them, widest first."""
    gaps = _model_gaps(measurements)
    reach = {id(gap): _distance_from_zero(gap, len(gaps)) for gap in gaps}
    clear = [gap for gap in gaps if reach[id(gap)] > 0]
    return sorted(clear, key=lambda gap: -reach[id(gap)])


def _model_gaps(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Measured differences of groups, but for those of the data alone."""
    return [
        found
        for found in measurements
        if found.value is not None
        and found.name.endswith("_gap")
        and found.name not in (_DATA_ONLY, CALIBRATION)
    ]


def _distance_from_zero(gap: Measurement, tests: int) -> float:
    """How far the interval, corrected for so many tests, is from 0; negative with 0 inside."""
    assert gap.value is not None
    assert gap.low is not None
    assert gap.high is not None
    assert gap.level is not None
    level = 1 - (1 - gap.level) / tests
    if gap.hits is not None and gap.trials and gap.rest_hits is not None and gap.rest_trials:
        counted, rest = Counted(gap.hits, gap.trials, gap.n), Counted(gap.rest_hits, gap.rest_trials, gap.n)
        interval = gap_interval(counted, rest, level=level)
        low, high = interval.low, interval.high
    else:
        wider = normal_quantile(two_sided_tail(level)) / normal_quantile(two_sided_tail(gap.level))
        low = gap.value - wider * (gap.value - gap.low)
        high = gap.value + wider * (gap.high - gap.value)
    return max(low, -high)


def _rates(predictions: Predictions, positive: str | None) -> tuple[Rate, ...]:
    """What is counted; the domain is None for all rows."""
    predicted = predictions.predicted
    accuracy = Rate("accuracy", predictions.truth == predicted, None, "rows")
    code = positive_code(predictions, positive)
    if code is None:
        return (accuracy,)
    is_positive, is_selected = predictions.truth == code, predicted == code
    name = predictions.classes[code]
    return (
        Rate("base_rate", is_positive, None, "rows"),
        Rate("selection_rate", is_selected, None, "rows"),
        Rate("tpr", is_selected, is_positive, f"rows that are '{name}'"),
        Rate("fpr", is_selected, ~is_positive, f"rows that are not '{name}'"),
        Rate("ppv", is_positive, is_selected, f"rows called '{name}'"),
        accuracy,
    )


def _calibration(
    predictions: Predictions, positive: str | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`(n,)` confidence minus outcome, and the variance that the confidence itself states."""
    code = positive_code(predictions, positive)
    if code is None:
        confidence, outcome = predictions.probs.max(axis=1), predictions.truth == predictions.predicted
    else:
        confidence, outcome = predictions.probs[:, code], predictions.truth == code
    return confidence - outcome, confidence * (1 - confidence)


def _count(
    rate: Rate, partition: Partition, predictions: Predictions, confidence: float
) -> tuple[list[Counted], list[Counted]]:
    """Counts of each group, and of all rows but it."""
    if predictions.clusters is not None:
        return _count_clustered(rate, partition, predictions.clusters, confidence)
    domain = np.ones(len(rate.hits), dtype=np.bool_) if rate.domain is None else rate.domain
    keys = 2 * (partition.codes + 1) + (rate.hits & domain)
    table = np.bincount(keys[domain], minlength=2 * len(partition.names) + 2).reshape(-1, 2)
    trials, hits = table.sum(axis=1), table[:, 1]
    all_trials, all_hits = int(trials.sum()), int(hits.sum())
    pairs = list(zip(hits[1:].tolist(), trials[1:].tolist(), strict=True))
    return (
        [Counted(float(h), float(n), n) for h, n in pairs],
        [Counted(float(all_hits - h), float(all_trials - n), all_trials - n) for h, n in pairs],
    )


def _count_clustered(
    rate: Rate, partition: Partition, clusters: NDArray[np.int64], confidence: float
) -> tuple[list[Counted], list[Counted]]:
    domain = np.ones(len(rate.hits), dtype=np.bool_) if rate.domain is None else rate.domain

    def count(rows: Mask) -> Counted:
        return count_share(rate.hits[rows], confidence=confidence, clusters=clusters[rows])

    codes = range(len(partition.names))
    return (
        [count(domain & (partition.codes == code)) for code in codes],
        [count(domain & (partition.codes != code)) for code in codes],
    )


def _average(
    values: NDArray[np.float64],
    stated: NDArray[np.float64],
    partition: Partition,
    clusters: NDArray[np.int64] | None,
) -> tuple[list[Averaged], list[Averaged]]:
    """Means of each group, and of all rows but it."""
    if clusters is None:
        n = partition.counts()
        sums = [np.append(partition.counts(part), part.sum()) for part in (values, values**2, stated)]
        sizes = np.append(n, len(values))
        inside = [_averaged(sizes[g], *(part[g] for part in sums)) for g in range(len(n))]
        outside = [
            _averaged(sizes[-1] - sizes[g], *(part[-1] - part[g] for part in sums)) for g in range(len(n))
        ]
        return inside, outside

    def mean(rows: Mask) -> Averaged:
        variance = float(stated[rows].mean()) if rows.any() else 0.0
        return average(values[rows], clusters=clusters[rows], stated=variance)

    codes = range(len(partition.names))
    return [mean(partition.codes == c) for c in codes], [mean(partition.codes != c) for c in codes]


def _averaged(n: float, total: float, squares: float, stated: float) -> Averaged:
    """Mean and variance of it from sums; a model's own statement of its doubt is the least variance."""
    if n < 1:
        return Averaged(0.0, 0.0, 0)
    mean = total / n
    spread = max(0.0, squares - n * mean * mean) / max(n - 1, 1) if n > 1 else np.inf
    return Averaged(float(mean), float(max(spread, stated / n) / n), int(n))


def _shrunken(counted: Sequence[Counted]) -> tuple[float, ...]:
    if not any(0 < group.trials < SMALL_ROWS for group in counted):
        return (0.0,) * len(counted)
    return shrink_toward([group.hits for group in counted], [group.trials for group in counted])


def _told(share: Measurement, shrunken: float | None) -> Measurement:
    if shrunken is None:
        return share
    words = f"shrunken toward the whole: {shrunken:.3g}"
    return dataclasses.replace(share, detail=f"{share.detail}; {words}" if share.detail else words)


def _finding(audit: str, gap: Measurement) -> Finding:
    return Finding(
        check=audit,
        split=gap.split or "",
        row=None,
        column=None,
        what=_in_words(gap),
        remedy="look at this group's labels and rows, and label more of it, before the model is changed",
        kind=gap.name,
        score=-abs(gap.value or 0.0),
    )


def _in_words(gap: Measurement) -> str:
    assert gap.value is not None
    side = "below" if gap.value < 0 else "above"
    ends = sorted(abs(end) if gap.value * end > 0 else -abs(end) for end in (gap.low or 0.0, gap.high or 0.0))
    return (
        f"{gap.name.removesuffix('_gap')} of {gap.slice} is {abs(gap.value):.3f} {side} the rest "
        f"[{ends[0]:.3f}, {ends[1]:.3f}]"
    )


def _summary(
    partitions: Sequence[Partition], measurements: Sequence[Measurement], clear: Sequence[Measurement]
) -> str:
    gaps = _model_gaps(measurements)
    groups = sum(len(partition.names) for partition in partitions)
    left_out = sum(partition.left_out for partition in partitions)
    rest = f"; the {left_out} smallest intersections are left out" if left_out else ""
    if not gaps:
        return f"{groups} groups, none with enough rows beside a rest with enough rows{rest}"
    if clear:
        verb = f"{len(clear)} of {len(gaps)} gaps over {groups} groups are more than noise (Bonferroni)"
        return f"{verb}; the largest: {_in_words(clear[0])}{rest}"
    widest = max(gaps, key=lambda gap: abs(gap.value or 0.0))
    return (
        f"none of {len(gaps)} gaps over {groups} groups is more than noise (Bonferroni); "
        f"the widest: {_in_words(widest)}{rest}"
    )
