"""The page on serving: rows and tables follow from the runs, and a server that failed has no numbers."""

from __future__ import annotations

import pytest
from benchmarks.records import verdict
from benchmarks.serving.measure import Taken
from benchmarks.serving.ours import WAYS, name_of
from benchmarks.serving.server_process import ServerError
from benchmarks.suites import serving
from benchmarks.suites.serving import LOOP
from benchmarks.suites.suite import Surroundings


def taken(cpu_us=50.0, per_second=1000.0):
    return Taken(cpu_us, per_second, 1.0, 2.0, 100.0, 500, 20.0)


def loop(cpu_us=20.0, per_second=400.0):
    return {"cpu_us": cpu_us, "per_second": per_second, "n": 100}


RUNS = {
    LOOP: [loop(), loop(cpu_us=25.0), loop(cpu_us=21.0)],
    name_of("in process"): [{1: taken(cpu), 16: taken(cpu)} for cpu in (90.0, 80.0, 120.0)],
    name_of("isolated"): [None, None, None],
    "raw uvicorn": [{1: taken(70.0), 16: taken(65.0)}] * 3,
    "slow": [{1: taken(900.0), 16: taken(800.0)}] * 3,
    "broken": [{1: taken(), 16: taken()}, None, None],
}


def test_a_bar_is_of_the_way_and_form_that_was_measured():
    rows = serving._cost_rows(RUNS, "json")
    assert [row.bar for row in rows] == [100.0, 140.0]
    assert [row.ours.value if row.ours else None for row in rows] == [90.0, None]
    assert rows[0].floor.value == 21.0
    assert rows[0].peers["raw uvicorn"].value == 70.0
    assert [verdict(row, is_noisy=False) for row in rows] == ["met", "not measured"]
    assert {row.bar for row in serving._cost_rows(RUNS, "binary")} == {70.0, 110.0}


def test_times_of_the_loop_are_those_of_the_medians():
    ratio = serving._ratio_rows(RUNS)[0].ours
    assert ratio.value == pytest.approx(90 / 21)
    assert ratio.low < ratio.value < ratio.high


def test_the_encoder_row_takes_our_better_way_and_keeps_the_others_apart():
    row = serving._encoder_row(RUNS)
    assert row.ours.value == pytest.approx(2.5)
    assert set(row.peers) == {"raw uvicorn", "slow"}
    assert verdict(row, is_noisy=False) == "met"
    nobody = serving._encoder_row({LOOP: RUNS[LOOP]})
    assert (nobody.ours, nobody.peers) == (None, {})


def test_a_table_has_a_line_a_server_the_cheapest_first_and_the_loop_at_last():
    listing = serving._listing("t", RUNS, 1)
    assert [line[0] for line in listing.lines] == ["raw uvicorn", name_of("in process"), "slow", LOOP]
    assert [line[2] for line in listing.lines] == ["0.778", "1.00", "10.00", ""]
    assert all(len(line) == len(listing.columns) for line in listing.lines)


def test_a_table_without_ours_says_nothing_about_times_ours():
    listing = serving._listing("t", {"slow": RUNS["slow"]}, 16)
    assert [line[2] for line in listing.lines] == [""]


def test_a_server_that_fails_is_told_once_and_not_tried_again(tmp_path):
    tries = []

    def fail():
        tries.append(1)
        raise ServerError("it ended\nand said much")

    around = Surroundings(tmp_path)
    attempt = serving._kept(around, "peer", fail)
    assert [attempt(), attempt(), attempt()] == [None, None, None]
    assert len(tries) == 1
    assert around.absent == ["peer was not measured: it ended"]


def test_the_generators_own_cost_is_told():
    assert "20 CPU-us" in serving._client_notes(RUNS)[0]
    assert serving._client_notes({LOOP: RUNS[LOOP]}) == ()


def test_every_way_and_form_has_a_bar():
    assert set(serving._BARS) == {(form, way) for form in ("json", "binary") for way in WAYS}
