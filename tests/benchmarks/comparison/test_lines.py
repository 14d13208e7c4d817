"""Who is better follows from two intervals, and every line is of a kept record."""

from __future__ import annotations

import pytest
from benchmarks.comparison.lines import LEVEL, OURS, _read, better_of, read_lines
from benchmarks.records import Sample


@pytest.mark.parametrize(
    ("ours", "theirs", "sense", "better"),
    [
        ((1.0, 0.9, 1.1), (2.0, None, None), "at_most", OURS),
        ((1.0, 0.9, 1.1), (2.0, None, None), "at_least", "they"),
        ((1.0, 0.9, 2.1), (2.0, None, None), "at_most", LEVEL),
        ((3.0, None, None), (2.0, 1.9, 2.1), "at_most", "they"),
        ((2.0, None, None), (2.0, None, None), "at_least", LEVEL),
    ],
)
def test_better_is_whose_interval_lies_wholly_on_the_good_side(ours, theirs, sense, better):
    samples = [Sample(value, 2, "runs", low, high) for value, low, high in (ours, theirs)]
    assert better_of(samples[0], samples[1], "they", sense) == better


@pytest.mark.parametrize(
    ("cell", "value", "low", "high"),
    [
        ("1,163", 1163.0, None, None),
        ("0.288", 0.288, None, None),
        ("85.06 [83.76, 86.28]", 85.06, 83.76, 86.28),
        ("1,072 [766.7, 1,121]", 1072.0, 766.7, 1121.0),
    ],
)
def test_a_cell_of_a_listing_is_read_as_it_was_written(cell, value, low, high):
    found = _read(cell)
    assert (found.value, found.low, found.high) == (value, low, high)


def test_every_line_has_both_numbers_and_says_when_with_what_and_how_to_measure_it_again():
    lines = read_lines()
    assert len(lines) > 40
    for line in lines:
        assert line.theirs
        assert line.ours
        assert line.better in (OURS, LEVEL, line.tool)
        assert line.date.endswith(" UTC")
        assert line.command.startswith("python -m benchmarks")
        assert line.version


def test_tools_stand_together_and_some_of_them_are_better_somewhere():
    lines = read_lines()
    tools = [line.tool for line in lines]
    assert len(dict.fromkeys(tools)) == sum(a != b for a, b in zip(tools, [None, *tools[:-1]], strict=True))
    assert sum(line.better == line.tool for line in lines) >= 5
