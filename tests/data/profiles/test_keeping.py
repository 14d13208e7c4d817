"""Keeping rows piece by piece: the pieces, merged, are what is kept of all."""

from __future__ import annotations

import json

import numpy as np
import pytest

from smallcraft.data.profiles import keeping
from smallcraft.data.profiles.keeping import RowKeeper, kept_row
from smallcraft.data.profiles.kept import KeepLimits, KeptRow, keep_rows, merge_kept
from smallcraft.data.profiles.profile import SliceName
from smallcraft.data.profiles.rows import AnswerRows, Rows

LIMITS = KeepLimits(random=5, unsure=4, far=3)
NAME = SliceName("helpdesk@3")


def batch(size, *, first, rng):
    answers = AnswerRows(["a"] * size, rng.uniform(size=size))
    return Rows(size, categories={"row": [str(first + row) for row in range(size)]}, answers=answers)


@pytest.mark.parametrize("sizes", [[1] * 40, [7, 0, 1, 30], [100]])
def test_pieces_merged_are_what_is_kept_of_all_rows(sizes):
    rng = np.random.default_rng(3)
    keeper = RowKeeper(LIMITS, rng=np.random.default_rng(0))
    draws = np.random.default_rng(0)
    pieces, everything, first = [], [], 0
    for size in sizes:
        rows, distances = batch(size, first=first, rng=rng), rng.normal(size=size)
        pieces.append(keeper.keep(NAME, rows, distances))
        drawn = draws.integers(0, 1 << 64, size, dtype=np.uint64)
        everything += [kept_row(rows, row, int(drawn[row]), distances) for row in range(size)]
        first += size
    assert merge_kept(pieces) == keep_rows(everything, n=first, limits=LIMITS)


def test_few_rows_are_told_once_the_arms_are_full():
    rng = np.random.default_rng(0)
    keeper = RowKeeper(LIMITS, rng=rng)
    told = [len(keeper.keep(NAME, batch(1, first=row, rng=rng), None).rows) for row in range(2_000)]
    # 9 places, each taken anew about ln(2000 / 5) times.
    assert sum(told) < 9 * 12
    assert sum(told[1_000:]) < 30


@pytest.mark.parametrize("value", [0.5, np.nan])
def test_rows_that_are_alike_are_written_down_no_oftener(value, monkeypatch):
    written = []

    def counted(*told):
        written.append(told[1])
        return kept_row(*told)

    monkeypatch.setattr(keeping, "kept_row", counted)
    rng = np.random.default_rng(5)
    keeper = RowKeeper(LIMITS, rng=rng)
    for _ in range(40):
        alike = np.full(50, value)
        keeper.keep(NAME, Rows(50, answers=AnswerRows(["a"] * 50, alike)), alike)
    # Three arms of 12 places, each taken anew about ln(2000 / 5) times.
    assert 0 < len(written) < 12 * 12


def test_an_arm_without_places_keeps_nothing():
    keeper = RowKeeper(KeepLimits(random=2, unsure=0, far=0), rng=np.random.default_rng(0))
    rng = np.random.default_rng(1)
    for _ in range(3):
        told = keeper.keep(NAME, batch(9, first=0, rng=rng), rng.normal(size=9))
        assert (told.n, len(told.rows) <= 2) == (9, True)


def test_slices_are_kept_apart():
    rng = np.random.default_rng(0)
    keeper = RowKeeper(LIMITS, rng=rng)
    for name in ("a@1", "b@1"):
        assert len(keeper.keep(SliceName(name), batch(3, first=0, rng=rng), None).rows) == 3


def test_row_is_kept_as_it_came():
    rows = Rows(
        1,
        numbers={"age": np.array([41.5]), "income": np.array([np.nan])},
        categories={"city": [None]},
        texts={"message": ["où ?" + "x" * 5_000]},
        answers=AnswerRows([("a", "b")], np.array([0.75]), task="multilabel"),
    )
    row = kept_row(rows, 0, 7, np.array([2.5]))
    assert json.loads(row.record) == {
        "message": ("où ?" + "x" * 5_000)[:4_000],
        "age": 41.5,
        "income": None,
        "city": None,
    }
    assert (row.draw, row.answer, row.confidence, row.distance) == (7, '["a", "b"]', 0.75, 2.5)


def test_numbers_that_are_none_are_not_kept():
    rows = Rows(1, answers=AnswerRows(["a"], np.array([np.nan])))
    row = kept_row(rows, 0, 7, np.array([np.inf]))
    assert (row.confidence, row.distance) == (None, None)


def test_row_that_nobody_answered_has_no_answer():
    assert kept_row(Rows(1), 0, 7, None) == KeptRow(7, "{}")
