"""The page of `smallcraft evaluate`: one HTML file that says how good each model is; opens offline.

The comparison stands first, then each model's scores, gates, slices and cost, and what it all rests on. The
layout is in `pages`.
Always: equal inputs give equal bytes; whatever a person or a model wrote is shown as text, never as markup,
and cut where it is long; the page loads nothing, and its own policy forbids it to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from smallcraft.pipeline.evaluations.record import EvaluatedModel, Evaluation
from smallcraft.pipeline.report_parts.figures import words
from smallcraft.pipeline.report_parts.quoting import Quote, inert, quote
from smallcraft.pipeline.templates import page_environment
from smallcraft.records import Measurement, Outcome

if TYPE_CHECKING:
    from jinja2 import Environment

_MARKS = {Outcome.PASS: "✓", Outcome.FAIL: "✕", Outcome.UNDECIDED: "?"}


@dataclass(frozen=True)
class SliceRow:
    """One class or group, with what was measured of it by name."""

    name: str
    n: int
    cells: tuple[Measurement | None, ...]


@dataclass(frozen=True)
class SliceTable:
    """Classes, or groups: one row a slice, one column a quantity."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[SliceRow, ...]


def render_evaluation_page(found: Evaluation, *, now: datetime) -> str:
    """The page as one HTML document.

    Args:
        found: The evaluation.
        now: Printed as its time; has a time zone.

    Returns:
        HTML without any reference to another file or host.
    """
    return (
        _environment()
        .get_template("evaluation.html.jinja")
        .render(
            found=found,
            marks=_MARKS,
            tables={model.name: slice_tables(model) for model in found.models},
            now=now.astimezone(UTC),
        )
    )


def slice_tables(model: EvaluatedModel) -> tuple[SliceTable, ...]:
    """The slices of a model: classes first, worst first; then groups in their order."""
    classes = [m for m in model.slices if m.slice.startswith("class=")]
    groups = [m for m in model.slices if not m.slice.startswith("class=")]
    tables = []
    if classes:
        rows = sorted(_rows(classes), key=_worst_first)
        tables.append(SliceTable("Each class, lowest first", _columns(classes), tuple(rows)))
    if groups:
        tables.append(SliceTable("Each group", _columns(groups), tuple(_rows(groups))))
    return tuple(tables)


def _columns(measured: Sequence[Measurement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found.name for found in measured))


def _rows(measured: Sequence[Measurement]) -> list[SliceRow]:
    columns, rows = _columns(measured), []
    for name in dict.fromkeys(found.slice for found in measured):
        inside = {found.name: found for found in measured if found.slice == name}
        first = next(iter(inside.values()))
        rows.append(SliceRow(name, first.n, tuple(inside.get(column) for column in columns)))
    return rows


def _worst_first(row: SliceRow) -> tuple[float, str]:
    values = [cell.value for cell in row.cells if cell is not None and cell.value is not None]
    return (min(values) if values else math.inf, row.name)


def _number(measured: Measurement) -> str:
    assert measured.value is not None
    return f"{measured.value:.4g}" if measured.unit == "s" else f"{measured.value:.3f}"


def _bounds(measured: Measurement) -> str:
    if measured.low is None or measured.high is None:
        return ""
    return f"[{measured.low:.3f}, {measured.high:.3f}]"


@cache
def _environment() -> Environment:
    environment = page_environment(inert)
    environment.filters |= {"words": words, "quote": _quoted, "number": _number, "bounds": _bounds}
    return environment


def _quoted(text: str, most: int) -> Quote:
    return quote(text, most=most)
