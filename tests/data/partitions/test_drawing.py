"""A sample has its size, depends on seed and place alone, and has rows of every class."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.data.partitions.counting import Typed
from smallcraft.data.partitions.drawing import FEWEST_OF_A_CLASS, draw_rows, plan_drawing
from smallcraft.data.partitions.places import places_of
from smallcraft.records import Roles

ROLES = Roles(label="label", text="text")
ROWS = {0: 4_000, 1: 6_000}
COUNTS = {"common": 9_900, "rare": 90, "single": 10}


def chunk(piece: int) -> tuple[pl.DataFrame, Typed]:
    n = ROWS[piece]
    labels = ["common"] * n
    for row in range(0, n, n // 50):
        labels[row] = "rare"
    if piece == 1:
        labels[1:11] = ["single"] * 10
    frame = pl.DataFrame({"text": [f"row {row} of {piece}" for row in range(n)], "label": labels})
    return frame, Typed(frame, np.arange(n), places_of(piece, 0, n), ())


def drawn(*, most: int, seed: int = 0, counts=None, has_classes: bool = True):
    drawing = plan_drawing(ROWS, counts or COUNTS, most=most, seed=seed, has_classes=has_classes)
    return [draw_rows(*chunk(piece), ROLES, drawing) for piece in ROWS]


@pytest.mark.parametrize("most", [1, 137, 9_999])
def test_the_plain_sample_has_exactly_its_size(most):
    assert sum(int(part.is_plain.sum()) for part in drawn(most=most)) == most


@pytest.mark.parametrize("most", [10_000, 50_000])
def test_a_table_that_fits_is_drawn_whole(most):
    parts = drawn(most=most)
    assert [part.frame.height for part in parts] == list(ROWS.values())
    assert all(part.is_plain.all() for part in parts)


def test_classes_with_few_rows_in_the_sample_get_more_of_theirs():
    frame = pl.concat([part.frame for part in drawn(most=500)])
    counts = dict(frame["label"].value_counts().iter_rows())
    assert counts["single"] == 10
    assert counts["rare"] >= FEWEST_OF_A_CLASS
    assert counts["common"] <= 500


def test_values_are_no_classes_and_are_not_topped_up():
    assert all(part.is_plain.all() for part in drawn(most=500, has_classes=False))


def test_a_larger_sample_holds_the_smaller_one():
    small, large = (
        {place for part in drawn(most=most) for place in part.places[part.is_plain].tolist()}
        for most in (200, 900)
    )
    assert small < large


def test_every_row_is_as_likely_as_any_other():
    times = np.zeros(sum(ROWS.values()))
    for seed in range(200):
        for piece, part in zip(ROWS, drawn(most=1_000, seed=seed, has_classes=False), strict=True):
            rows = (part.places & np.uint64((1 << 40) - 1)).astype(np.int64)
            times[rows + (ROWS[0] if piece else 0)] += 1
    # Binomial of 200 and 0.1: mean 20, deviation 4.2.
    assert times.mean() == 20
    assert abs(times[: ROWS[0]].mean() - 20) < 0.2
    assert times.std() == pytest.approx(4.24, rel=0.05)
