"""Laws of raw files: rows know their lines where there are any."""

from __future__ import annotations

import numpy as np
import polars as pl

from smallcraft.data.rawfile import RawFile

FRAME = pl.DataFrame({"a": ["x", "y"]})


def test_a_row_knows_the_line_it_starts_on():
    assert RawFile("t.csv", FRAME, ("a",), np.array([2, 5])).line_of(1) == 5


def test_a_format_without_lines_has_none():
    assert RawFile("t.parquet", FRAME, ("a",), None).line_of(1) is None
