"""docs/drift.md: what the kept cells say, nothing else."""

from __future__ import annotations

import dataclasses

import pytest
from benchmarks.drift.cells import DelayCell, QuietCell
from benchmarks.drift.contestants import OURS, PEERS, RULES
from benchmarks.drift.kept import KeptCell, Made, read_all
from benchmarks.drift.measure import streams_of
from benchmarks.drift.page import PAGE, bars_of, most_alarms, render_page
from benchmarks.drift.picture import PICTURE, render_picture
from benchmarks.drift.real import Line, RealData, read_real
from benchmarks.drift.streams import CHANGES, WORLDS
from benchmarks.records import verdict

MADE = Made("", "2026-11-28 10:00 UTC", 1.5, {"cores": "2"}, {"numpy": "2.0", "evidently": "0.7.23"})
PEER_RULE = next(iter(PEERS[0].rules))
REAL = RealData(
    (Line("census", "is it seen", "in week 55", True), Line("x", "paged", "1", False)), "now", 3.0
)


@pytest.fixture
def kept():
    def cells(one, other):
        return [KeptCell(one, MADE), KeptCell(other, MADE)]

    quiet = {
        world: cells(
            QuietCell(
                *(OURS, world, 0, 720, (1, *[0] * (streams_of(world) - 1))),
                *((2, *[0] * (streams_of(world) - 1)), (24,) * streams_of(world)),
            ),
            QuietCell(PEER_RULE, world, 0, 720, (460,)),
        )
        for world in WORLDS
    }
    delays = {
        change: cells(
            DelayCell(OURS, change, 0, 60, (5, 7, 6)), DelayCell(PEER_RULE, change, 0, 60, (None, None))
        )
        for change in CHANGES
    }
    return quiet | delays


def test_page_and_picture_are_what_the_kept_cells_say():
    found = read_all(RULES)
    if not found:
        pytest.skip("nothing is kept yet")
    assert PAGE.read_text(encoding="utf-8") == render_page(found, read_real())
    assert PICTURE.read_text(encoding="utf-8") == render_picture(found)


def test_the_bar_of_false_alarms_is_what_the_budget_stays_within_99_times_of_100():
    assert (most_alarms(30), most_alarms(10)) == (8, 4)


def test_every_world_and_the_delay_are_held_against_their_bars(kept):
    rows = {row.what: row for row in bars_of(kept)}
    assert len(rows) == 2 * len(WORLDS) + 1
    alarms, delay = rows["false alarms in 30 first months, `iid`"], rows["mean delay, `three_columns`"]
    assert (alarms.ours.value, alarms.bar, verdict(alarms, is_noisy=False)) == (2, 8, "met")
    assert (delay.ours.value, delay.bar, verdict(delay, is_noisy=False)) == (6.0, 7.0, "met")


def test_a_missed_bar_is_said_aloud(kept):
    cell = dataclasses.replace(kept["heavy"][0].cell, alarms=(9, *[0] * 29))
    page = render_page({**kept, "heavy": [KeptCell(cell, MADE)]}, None)
    assert "| false alarms in 30 later months, `heavy` | 9 | <= 8 | **missed** |" in page


def test_every_rule_has_a_line_with_its_own_numbers(kept):
    page = render_page(kept, REAL)
    assert f"| {PEER_RULE} | 460 [419, 504] |" in page
    assert f"| {PEER_RULE} | never (0 of 2) |" in page
    assert f"| {OURS} | 6.00 [4.87, 7.13] |" in page
    assert "| census | is it seen | in week 55 | met |" in page
    assert "| x | paged | 1 | **missed** |" in page


def test_what_did_not_run_is_not_made_up(kept):
    page = render_page({"iid": kept["iid"]}, None)
    assert page.count("Not played yet.") == 2
    assert "| mean delay, `three_columns` | not measured |" in page


def test_the_page_says_how_every_rule_is_set_and_what_every_scene_is(kept):
    page = render_page(kept, REAL)
    for peer in PEERS:
        for rule, words in peer.rules.items():
            assert f"- **{rule}**: {words}." in page
    for scene in (*WORLDS.values(), *CHANGES.values()):
        assert f"- `{scene.name}`: {scene.about}" in page
    assert "evidently 0.7.23" in page


def test_the_picture_has_a_line_for_every_rule_that_ran(kept):
    picture = render_picture(kept)
    assert picture.count('text-anchor="end"') == 2
    assert ">smallcraft</text>" in picture
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
