"""Every candidate of every build is told once, whether something was released or not."""

from __future__ import annotations

import pytest
from tests.dashboard.projects import break_facts
from tests.registry.decided import DAYS, REASONS, decided_registry
from tests.registry.memory.sides import facts_of, first_side, second_side, verdict
from tests.registry.memory.test_rounds import BARE

from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.tries import read_tries
from smallcraft.label.outcome import encode_outcome
from smallcraft.pipeline.workspace import Workspace
from smallcraft.registry.memory.trials import decisions_of_candidates, trials_of_build


@pytest.fixture
def registry(tmp_path):
    return decided_registry(Workspace(tmp_path).registry)


def told(tmp_path):
    return [(one.rung, one.release, one.outcome) for one in read_tries(Sources(tmp_path)).tries]


def test_a_released_build_tells_of_its_winner_and_its_losers_once(registry, tmp_path):
    expected = []
    for side in (second_side(), first_side()):
        expected.append((side.facts["chosen"], side.label, "released"))
        expected += [(trial.rung, side.label, trial.status) for trial in trials_of_build(side.facts)]
    assert told(tmp_path) == expected


def test_a_build_that_a_gate_kept_back_is_told_with_no_release(registry, tmp_path):
    before = told(tmp_path)
    facts = facts_of(bundle="b9", verdicts=[verdict("size_mb", "FAIL", "30 MB is not at most 20")])
    registry.record_trials("helpdesk", decisions_of_candidates(facts), now=DAYS[1])
    added = [one for one in told(tmp_path) if one not in before]
    assert added
    assert {release for _, release, _ in added} == {""}
    assert ("ngram", "", "failed") in added


def test_a_released_one_says_what_it_changed_and_why(registry, tmp_path):
    released = [one for one in read_tries(Sources(tmp_path)).tries if one.outcome == "released"]
    assert [one.why for one in released] == list(reversed(REASONS))
    assert "macro_f1" in released[0].changed
    assert released[0].quality.low is not None


def test_a_round_of_labelling_is_told_beside_candidates(registry, tmp_path):
    registry.record_trials("helpdesk", [encode_outcome(BARE)], now=DAYS[1])
    [(time, found)] = read_tries(Sources(tmp_path)).rounds
    assert (time, found.campaign) == ("2026-10-08T12:00:00Z", BARE.campaign)


def test_what_cannot_be_read_is_named_and_hides_nothing_else(registry, tmp_path):
    break_facts(registry, "helpdesk@1")
    found = read_tries(Sources(tmp_path))
    assert any("helpdesk@1" in problem for problem in found.problems)
    assert {one.release for one in found.tries} >= {"helpdesk@2"}


def test_only_what_is_new_is_read_again(registry, tmp_path):
    sources = Sources(tmp_path)
    before = read_tries(sources)
    assert read_tries(sources) is before
    break_facts(registry, "helpdesk@1")
    registry.record_trials("helpdesk", [encode_outcome(BARE)], now=DAYS[1])
    after = read_tries(sources)
    assert (after.tries, after.problems) == (before.tries, ())
    assert len(after.rounds) == 1
