"""Verdicts follow from the numbers, and what is kept reads back the same."""

from __future__ import annotations

import json

import pytest
from benchmarks.records import Listing, Row, Sample, SuiteResult, from_json, median_of, to_json, verdict
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.floats(min_value=0, max_value=1e6, allow_nan=False)


def row(value: float | None, *, bar: float | None, **more) -> Row:
    return Row(
        "it", "ms", None if value is None else Sample(value, 1, **more.pop("sample", {})), bar=bar, **more
    )


@given(value=NUMBERS, bar=NUMBERS)
def test_a_bar_is_met_on_its_good_side_and_missed_on_the_other(value, bar):
    at_most = verdict(row(value, bar=bar), is_noisy=False)
    at_least = verdict(row(value, bar=bar, sense="at_least"), is_noisy=False)
    assert at_most == ("met" if value <= bar else "missed")
    assert at_least == ("met" if value >= bar else "missed")


@pytest.mark.parametrize(
    ("low", "clock", "is_noisy", "expected"),
    [
        (0.9, "wall", True, "undecided"),
        (0.9, "cpu", True, "undecided"),
        (0.9, "wall", False, "missed"),
        (0.9, "none", True, "missed"),
        (1.1, "wall", True, "missed"),
    ],
)
def test_noise_leaves_a_time_undecided_only_when_the_quickest_run_meets_the_bar(
    low, clock, is_noisy, expected
):
    found = row(1.2, bar=1.0, clock=clock, sample={"low": low, "high": 2.0})
    assert verdict(found, is_noisy=is_noisy) == expected


def test_what_was_not_measured_is_neither_met_nor_missed():
    assert verdict(row(None, bar=1.0), is_noisy=False) == "not measured"
    assert verdict(row(1.0, bar=None), is_noisy=False) == ""


@given(st.lists(NUMBERS, min_size=1))
def test_the_median_lies_between_the_least_and_the_greatest(values):
    found = median_of(values)
    assert (found.low, found.high, found.n) == (min(values), max(values), len(values))
    assert found.low <= found.value <= found.high


def test_a_result_reads_back_as_it_was_kept():
    kept = SuiteResult(
        suite="s",
        about="a",
        date="d",
        command="c",
        machine={"cores": "2"},
        is_noisy=True,
        versions={"numpy": "2"},
        rows=(
            Row(
                "it",
                "ms",
                Sample(1.0, 3, "runs", 0.5, 2.0),
                {"peer": Sample(2.0, 1)},
                bar=1.5,
                floor=Sample(0.1, 1),
            ),
            Row("that", "%", None),
        ),
        listings=(Listing("title", ("a", "b"), (("1", "2"),)),),
        notes=("n",),
    )
    assert from_json(json.loads(json.dumps(to_json(kept)))) == kept
