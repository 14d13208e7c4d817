"""The buffer before windows: bounded, and what it cannot hold it samples and counts."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from tests.serve.running import row
from tests.serve.windows.answered import ONE_SEGMENT, answered, numbers_told
from tests.serve.worker_threads import numbers_answerer

from smallcraft.data.profiles.profile import SliceName
from smallcraft.serve.protocol.opening import open_infer
from smallcraft.serve.windows.buffer import RowBuffer, Taken
from smallcraft.serve.windows.segments import Segments

NAME = SliceName("m@1")


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    return numbers_answerer(tmp_path_factory.mktemp("bundle"))


def of_rows(answerer, rows):
    tensor = row()["inputs"][0]
    body = {"inputs": [{**tensor, "shape": [rows, 4], "data": rows * tensor["data"]}]}
    return answered(answerer, open_infer(json.dumps(body).encode()))


def firsts(taken: Taken) -> list[float]:
    """The first number of each row."""
    return [
        number
        for columns in taken.columns
        for rows in columns.tables().values()
        for number in rows.numbers["x0"].tolist()
    ]


def left_out(taken: Taken) -> Counter[SliceName]:
    return sum((Counter(columns.left_out) for columns in taken.columns), Counter())


def test_all_that_fits_is_taken_once_and_in_order(answerer):
    buffer = RowBuffer(most_rows=10, most_bytes=1 << 20, segments=ONE_SEGMENT, seed=(0,))
    for first in (1.0, 2.0, 3.0):
        buffer.answered(*numbers_told(answerer, first))
    buffer.failed("m@1")
    taken = buffer.take()
    assert taken
    assert firsts(taken) == [1.0, 2.0, 3.0]
    assert taken.errors == {NAME: 1}
    assert not left_out(taken)
    assert not buffer.take()


def test_rows_that_do_not_fit_are_left_out_by_chance_and_counted(answerer):
    told = [numbers_told(answerer, float(first)) for first in range(40)]
    kept: Counter[float] = Counter()
    runs = 400
    for seed in range(runs):
        buffer = RowBuffer(most_rows=10, most_bytes=1 << 20, segments=ONE_SEGMENT, seed=(seed,))
        for one in told:
            buffer.answered(*one)
        taken = buffer.take()
        assert taken.rows <= 10
        assert left_out(taken) == {NAME: 40 - taken.rows}
        kept.update(firsts(taken))
    # The chance is the same for each, first and last: a binomial of this mean, within five deviations.
    counts = np.array([kept[float(first)] for first in range(40)])
    share = counts.sum() / (40 * runs)
    assert 0.125 < share < 0.25
    assert np.abs(counts - share * runs).max() < 5 * np.sqrt(runs * share * (1 - share))


def test_a_full_buffer_stays_within_its_limits_whatever_is_sent(answerer):
    one = RowBuffer(most_rows=9, most_bytes=1 << 20, segments=ONE_SEGMENT, seed=(0,))
    one.answered(*numbers_told(answerer))
    limit = 3 * one.take().columns[0].size
    buffer = RowBuffer(most_rows=8, most_bytes=limit, segments=ONE_SEGMENT, seed=(1,))
    sent = [of_rows(answerer, rows) for rows in (1, 2, 1, 8, 9, 1, 3, 1)]
    came = 0
    for one in 20 * sent:
        buffer.answered(*one)
        came += one.given.question.inputs.n
        assert (buffer._rows <= 3, buffer._bytes <= limit) == (True, True)
    taken = buffer.take()
    assert taken.rows == len(firsts(taken)) <= 3
    assert taken.rows + left_out(taken)[NAME] == came


def test_after_a_take_every_row_is_held_again(answerer):
    buffer = RowBuffer(most_rows=4, most_bytes=1 << 20, segments=ONE_SEGMENT, seed=(2,))
    for _ in range(50):
        buffer.answered(*numbers_told(answerer))
    buffer.take()
    for first in (1.0, 2.0, 3.0, 4.0):
        buffer.answered(*numbers_told(answerer, first))
    assert firsts(buffer.take()) == [1.0, 2.0, 3.0, 4.0]


def test_the_same_seed_keeps_the_same(answerer):
    told = [numbers_told(answerer, float(first)) for first in range(30)]
    taken = []
    for _ in range(2):
        buffer = RowBuffer(most_rows=5, most_bytes=1 << 20, segments=ONE_SEGMENT, seed=(7, 1))
        for one in told:
            buffer.answered(*one)
        taken.append(firsts(buffer.take()))
    assert taken[0] == taken[1]


def test_it_says_when_there_is_enough_for_a_turn(answerer):
    ready = []
    one = numbers_told(answerer)
    buffer = RowBuffer(most_rows=9, most_bytes=1 << 20, segments=ONE_SEGMENT, seed=(0,))
    buffer.answered(*one)
    size = buffer.take().columns[0].size
    for limits, enough in (({"ready_rows": 3, "most_bytes": 1 << 20}, 3), ({"most_bytes": 10 * size}, 5)):
        buffer = RowBuffer(
            most_rows=100, segments=ONE_SEGMENT, seed=(0,), on_ready=lambda: ready.append(True), **limits
        )
        for _ in range(2):
            ready.clear()
            for _ in range(enough - 1):
                buffer.answered(*one)
            assert not ready
            buffer.answered(*one)
            assert ready
            assert buffer.take().rows == enough


def test_rows_that_are_left_out_are_counted_in_their_segments(answerer):
    buffer = RowBuffer(most_rows=6, most_bytes=1 << 20, segments=Segments("region", most=2), seed=(0,))
    for number in range(30):
        buffer.answered(*numbers_told(answerer, parameters={"region": ("north", "south")[number % 2]}))
    taken = buffer.take()
    here = Counter({name: rows.n for c in taken.columns for name, rows in c.tables().items()})
    expected = {SliceName("m@1", name): 15 for name in ("north", "south")}
    assert here + left_out(taken) == expected
    assert set(left_out(taken)) == set(expected)
