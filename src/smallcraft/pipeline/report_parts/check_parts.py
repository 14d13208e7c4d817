"""The checks on the data quality page, one by one: what each measured, flagged and found.

Always: everything that a check said is there, whatever its name; each chart comes with its table's rows.
Left to others: how it looks (`pipeline/pages`), how charts are drawn (`quality_charts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smallcraft.pipeline.charts import render_svg
from smallcraft.pipeline.quality_charts import (
    MOST_POINTS,
    Histogram,
    Slices,
    draw_histogram,
    draw_slices,
    find_histograms,
    find_slices,
    plain_numbers,
    slice_name,
)
from smallcraft.pipeline.report_parts.figures import MeasuredRow, describe, printed_number, words
from smallcraft.pipeline.report_parts.wording import counted
from smallcraft.records import CheckResult, Finding, Measurement, Outcome

_OPEN_FINDINGS = 3
_OUTCOMES = (Outcome.FAIL, Outcome.UNDECIDED, Outcome.PASS)


@dataclass(frozen=True)
class HistogramPart:
    """A histogram as picture and as table."""

    histogram: Histogram
    svg: str
    caption: str


@dataclass(frozen=True)
class SlicesPart:
    """A quantity slice by slice: as picture, None where nothing was measured, and as table."""

    slices: Slices
    svg: str | None
    caption: str
    rows: tuple[MeasuredRow, ...]


@dataclass(frozen=True)
class CheckPart:
    """One check as the page tells it.

    Attributes:
        anchor: Its name inside the page.
        flagged: How many rows it flagged, each counted once.
        measured: What it measured of whole splits.
        numbers: Its counts by name in words, without those of histograms.
        opened: The worst findings.
        folded: The others.
    """

    anchor: str
    result: CheckResult
    flagged: int
    measured: tuple[MeasuredRow, ...]
    histograms: tuple[HistogramPart, ...]
    slices: tuple[SlicesPart, ...]
    numbers: tuple[tuple[str, str], ...]
    opened: tuple[Finding, ...]
    folded: tuple[Finding, ...]


def describe_checks(checks: Sequence[CheckResult]) -> tuple[CheckPart, ...]:
    """Every check, FAIL first."""
    return tuple(_check_part(f"check-{place}", check) for place, check in enumerate(by_outcome(checks)))


def by_outcome(checks: Sequence[CheckResult]) -> list[CheckResult]:
    """FAIL, then UNDECIDED, then PASS; otherwise in the order in which they were made."""
    return sorted(checks, key=lambda check: _OUTCOMES.index(check.outcome))


def count_flagged(check: CheckResult) -> int:
    """Rows that the check flagged, each once, whatever the reasons; those it tells of where it flags none."""
    if not check.flagged:
        return len({(found.split, found.row) for found in check.findings if found.row is not None})
    splits = dict.fromkeys(flagged.split for flagged in check.flagged)
    return sum(
        len(np.unique(np.concatenate([flagged.rows for flagged in check.flagged if flagged.split == split])))
        for split in splits
    )


def _check_part(anchor: str, check: CheckResult) -> CheckPart:
    whole = [measurement for measurement in check.measurements if "=" not in measurement.slice]
    return CheckPart(
        anchor=anchor,
        result=check,
        flagged=count_flagged(check),
        measured=tuple(MeasuredRow(_measured_name(m), describe(m), m) for m in whole),
        histograms=tuple(_histogram_part(histogram) for histogram in find_histograms(check)),
        slices=tuple(describe_slices(slices) for slices in find_slices(check.measurements)),
        numbers=tuple((words(name), printed_number(value)) for name, value in plain_numbers(check).items()),
        opened=check.findings[:_OPEN_FINDINGS],
        folded=check.findings[_OPEN_FINDINGS:],
    )


def _histogram_part(histogram: Histogram) -> HistogramPart:
    first, last = histogram.bars[0], histogram.bars[-1]
    most = max(histogram.bars, key=lambda bar: bar.count)
    rows = counted(sum(bar.count for bar in histogram.bars), "row")
    alt = f"{histogram.title}: {rows} from {first.low:g} to {last.high:g}; "
    alt += f"most, {most.count:,}, from {most.low:g} to {most.high:g}"
    below = " Bars below 0 stand out." if any(bar.is_below_zero for bar in histogram.bars) else ""
    caption = f"{histogram.title}: how many rows lie where.{below}"
    return HistogramPart(histogram, render_svg(draw_histogram(histogram), alt=alt), caption)


def describe_slices(slices: Slices) -> SlicesPart:
    """A quantity slice by slice, with its picture."""
    rows = tuple(MeasuredRow(slice_name(m), describe(m), m) for m in slices.measurements)
    points = slices.points
    if not points:
        return SlicesPart(slices, None, f"{slices.title}.", rows)
    alt = f"{slices.title}, worst first; worst {points[0].name} at {points[0].value:.3f}"
    shown = f"the {MOST_POINTS} worst of {len(rows):,}" if len(rows) > MOST_POINTS else "worst first"
    caption = f"{slices.title}, {shown}, with intervals."
    return SlicesPart(slices, render_svg(draw_slices(slices), alt=alt), caption, rows)


def _measured_name(measurement: Measurement) -> str:
    on_split = f" on {measurement.split}" if measurement.split else ""
    of_slice = "" if measurement.slice == "all" else f", {measurement.slice}"
    return f"{words(measurement.name)}{on_split}{of_slice}"
