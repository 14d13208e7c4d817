"""What every reader returns: one file's columns as they stand in it, with the line of each row.

Types and faults of values belong to `data.columns`.
Always: `frame`, `lines` and the file's rows agree in order; rows that could not be parsed are in `broken`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.badrows import BadRow


@dataclass(frozen=True)
class RawFile:
    """One file as read.

    Attributes:
        name: The file, for messages.
        frame: The wanted columns (all when none were named).
        columns: Every column of the file, in its order.
        lines: `(n,)` 1-based line on which each row starts; None where the format has no lines.
        broken: Records that could not be read as rows.
    """

    name: str
    frame: pl.DataFrame
    columns: tuple[str, ...]
    lines: NDArray[np.int64] | None
    broken: tuple[BadRow, ...] = ()

    def line_of(self, row: int) -> int | None:
        """1-based line on which a row (0-based) starts; None where the format has no lines."""
        return None if self.lines is None else int(self.lines[row])
