"""The rows of dev beside the winner's answers: where the report's examples come from.

Always: only dev gives examples, never the sealed rows; the content of a row in which personal data was found
is not shown; a text is cut where it is long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.report_parts.quoting import Quote, quote
from smallcraft.pipeline.worst_rows import is_private, row_content
from smallcraft.records import AnyPredictions, CheckResult, Roles

OPEN_SPLIT = "dev"
_MOST_CONTENT = 240


@dataclass(frozen=True)
class DevRows:
    """The winner's answers on dev, and the rows that they answer.

    Attributes:
        split: Must be `dev`: nobody learns from sealed rows by reading a report.
        frame: `n` rows, as they were read.
        roles: Which column plays which part.
        predictions: On these rows, in their order.
        lines: `(n,)` positions in the user's file, from 0; None where they are not known.
        confidence: Two-sided coverage of the intervals, a fraction in (0, 1).
    """

    split: str
    frame: pl.DataFrame
    roles: Roles
    predictions: AnyPredictions
    lines: NDArray[np.int64] | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Refuse rows of any other split."""
        if self.split != OPEN_SPLIT:
            raise InvalidInputError(
                f"a report shows rows of {OPEN_SPLIT} only, got rows of {self.split}; pass {OPEN_SPLIT}"
            )


@dataclass(frozen=True)
class ShownDevRow:
    """One row of dev as the page shows it.

    Attributes:
        row: Its position in dev, from 0.
        line: Its position in the user's file, from 0; None where that is not known.
        content: Its text or features; None where they must not be shown.
    """

    row: int
    line: int | None
    content: Quote | None


def show_row(seen: DevRows, row: int, checks: tuple[CheckResult, ...]) -> ShownDevRow:
    """A row of dev; its content only where no personal data was found in it."""
    line = None if seen.lines is None else int(seen.lines[row])
    if is_private(checks, seen.split, row):
        return ShownDevRow(row, line, None)
    content = row_content(seen.frame.row(row, named=True), seen.roles)
    return ShownDevRow(row, line, quote(content, most=_MOST_CONTENT))
