"""The audits on the report: what each found of the winner, as sentence, pictures, tables and findings.

Always: everything an audit measured is in a table; a picture never stands without its table.
Left to others: how it looks (`pipeline/pages`), how charts are drawn (`quality_charts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smallcraft.pipeline.quality_charts import Slices, find_slices, slice_name
from smallcraft.pipeline.report_parts.check_parts import SlicesPart, describe_slices
from smallcraft.pipeline.report_parts.figures import MeasuredRow, describe, words
from smallcraft.pipeline.report_parts.wording import Figure
from smallcraft.records import AuditResult, Finding, Measurement

# What a person looks at first; the other quantities have their tables.
DRAWN = ("accuracy_gap", "tpr_gap", "flip_rate", "counterfactual_flip_rate", "error_rate")
_OPEN_FINDINGS = 5


@dataclass(frozen=True)
class AuditPart:
    """One audit as the page tells it.

    Attributes:
        name: In words.
        result: What it found.
        measured: What it measured of the whole split.
        drawn: Quantities with a picture, slice by slice.
        listed: The other quantities, slice by slice.
        opened: The worst findings.
        more: How many findings are not shown.
    """

    name: str
    result: AuditResult
    measured: tuple[MeasuredRow, ...]
    drawn: tuple[SlicesPart, ...]
    listed: tuple[SlicesPart, ...]
    opened: tuple[Finding, ...]
    more: int


@dataclass(frozen=True)
class AblationRow:
    """What the winner loses without one of its parts.

    Attributes:
        part: Its name.
        measured: By what.
        figure: Whole minus without, with its interval.
        sentence: The same in words, and what could have been detected.
    """

    part: str
    measured: str
    figure: Figure
    sentence: str


def describe_audits(results: Sequence[AuditResult]) -> tuple[AuditPart, ...]:
    """Every audit, in the order in which they were made."""
    return tuple(_part(result) for result in results)


def describe_ablations(parts: Sequence[Measurement]) -> tuple[AblationRow, ...]:
    """What each part of the winner adds, by the declared metric and, where it matters, by log-loss."""
    return tuple(
        AblationRow(
            part.slice.partition("=")[2],
            words(part.name.removesuffix("_without")),
            describe(part),
            part.detail,
        )
        for part in parts
    )


def _part(result: AuditResult) -> AuditPart:
    whole = [m for m in result.measurements if "=" not in m.slice]
    slices = find_slices(result.measurements)
    drawn = [found for found in slices if found.quantity in _DRAWN_WORDS]
    return AuditPart(
        name=words(result.audit),
        result=result,
        measured=tuple(MeasuredRow(words(m.name), describe(m), m) for m in whole),
        drawn=tuple(describe_slices(_worst_first(found)) for found in drawn),
        listed=tuple(_without_picture(_worst_first(found)) for found in slices if found not in drawn),
        opened=result.findings[:_OPEN_FINDINGS],
        more=max(0, len(result.findings) - _OPEN_FINDINGS),
    )


_DRAWN_WORDS = frozenset(words(name) for name in DRAWN)


def _worst_first(slices: Slices) -> Slices:
    """A gap is bad in both directions, a rate of flips or errors when it is high."""
    if slices.quantity.endswith("gap"):
        return replace(slices, measurements=tuple(sorted(slices.measurements, key=_gap_size)))
    return slices


def _gap_size(measurement: Measurement) -> tuple[bool, float, str]:
    value = measurement.value
    return value is None, 0.0 if value is None else -abs(value), measurement.slice


def _without_picture(slices: Slices) -> SlicesPart:
    rows = tuple(MeasuredRow(slice_name(m), describe(m), m) for m in slices.measurements)
    return SlicesPart(slices, None, f"{slices.title}.", rows)
