import dataclasses

import pytest
from benchmarks.records import verdict
from benchmarks.rollouts.contestants import CONTESTANTS, OURS, SOURCES
from benchmarks.rollouts.kept import KeptCell, Made, read_all
from benchmarks.rollouts.page import PAGE, bars_of, draw, render_page
from benchmarks.rollouts.picture import PICTURE
from benchmarks.rollouts.questions import QUESTIONS

from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.ours import Smallcraft
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.simulate import simulate_rule

MADE = Made(
    settings="",
    sources="",
    date="2026-11-28 10:00 UTC",
    cpu_s=1.5,
    machine={"cores": "2"},
    versions={"numpy": "2.0"},
)
RULES = (
    Smallcraft(RolloutPlan(), tick_s=30.0, name=OURS),
    Flagger("Flagger", tick_s=30.0, weights=(0.2, 0.4)),
)


@pytest.fixture(scope="module")
def kept():
    return {
        name: [
            KeptCell(simulate_rule(rule, SCENARIOS[name], rollouts=5, seed=1, horizon_s=600.0), MADE)
            for rule in RULES
        ]
        for name in ("fine", "sticky", "errors")
    }


def test_page_and_picture_are_what_the_kept_cells_say():
    found = read_all(one.name for one in CONTESTANTS)
    if not found:
        pytest.skip("nothing is kept yet")
    assert PAGE.read_text(encoding="utf-8") == render_page(found)
    assert PICTURE.read_text(encoding="utf-8") == draw(found)


def test_every_scenario_answers_one_question_of_its_kind():
    asked = [name for question in QUESTIONS for name in question.scenarios]
    assert sorted(asked) == sorted(SCENARIOS)
    for question in QUESTIONS:
        for name in question.scenarios:
            assert SCENARIOS[name].is_worse == (question.kind == "harmful"), name


def test_false_rollbacks_and_harm_are_held_against_their_bars(kept):
    rows = {row.what: row for row in bars_of(kept)}
    assert [row.bar for row in rows.values()] == [5.0, 5.0, 5.0, 10.0, 10.0]
    fine, harm = rows["false rollbacks, `fine`"], rows["excess bad requests, `errors`"]
    assert fine.ours.value == 100 * kept["fine"][0].cell.rolled_back.share
    assert harm.ours.value == kept["errors"][0].cell.excess_bad.mean
    assert rows["excess bad requests, `slow_tail`"].ours is None


def test_a_missed_bar_is_said_aloud(kept):
    cell = kept["errors"][0].cell
    worse = dataclasses.replace(
        cell, excess_bad=dataclasses.replace(cell.excess_bad, mean=10.5, interval=None)
    )
    page = render_page({**kept, "errors": [KeptCell(worse, MADE)]})
    row = next(row for row in bars_of({"errors": [KeptCell(worse, MADE)]}) if row.ours is not None)
    assert verdict(row, is_noisy=False) == "missed"
    assert "| excess bad requests, `errors` | 10.50 | <= 10 | **missed** |" in page


def test_every_rule_has_a_line_in_every_scenario_with_its_own_numbers(kept):
    page = render_page(kept)
    for one in kept["errors"]:
        back = one.cell.rolled_back
        assert f"| {one.cell.rule} | {100 * back.share:.1f} [{100 * back.interval.low:.1f}, " in page
    false = page.partition("False rollbacks, %:")[2]
    assert false.lstrip().startswith("| rule | fine | sticky |")
    assert false.count("\n| Flagger |") >= 2


def test_what_did_not_run_is_not_made_up(kept):
    page = render_page({"fine": kept["fine"]})
    assert "Not simulated yet." in page
    assert "not measured" in page


def test_the_page_says_how_every_rule_is_set_and_where_it_was_read(kept):
    page = render_page(kept)
    for contestant in CONTESTANTS:
        assert f"**{contestant.name}**: {contestant.settings}" in page
    for source in SOURCES:
        for path, commit in source.files:
            assert f"`{path}` at `{commit}`" in page


def test_the_page_says_with_what_and_when_it_was_made(kept):
    page = render_page(kept)
    assert "6 cells of 5 rollouts, seed 1, 2026-11-28 10:00 UTC" in page
    assert "numpy 2.0" in page
