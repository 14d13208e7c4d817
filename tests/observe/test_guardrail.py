"""The guardrail: what it says of windows, and that it says the same when they are weighed again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import Ending
from smallcraft.observe.detectors import BUILTIN
from smallcraft.observe.guard_form import guard_bytes
from smallcraft.observe.guardrail import (
    GuardOutcome,
    GuardState,
    begin_guard,
    close_guard,
    numbers_of,
    replay,
    warm_up,
    weigh_window,
)
from smallcraft.observe.quantities import Quantity, Reading
from smallcraft.observe.settings import WatchSettings

HOUR = 3600
SETTINGS = WatchSettings()
CONFORMAL = BUILTIN["conformal"]
QUANTITIES = tuple(Quantity(f"c{place}", name) for place in range(3) for name in ("shift", "spread"))


def readings(
    n: int, *, moved_from: int | None = None, moved_to: int | None = None, seed: int = 0
) -> list[Reading]:
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(n, len(QUANTITIES)))
    if moved_from is not None:
        drawn[moved_from:moved_to, 2] += 3.0
    return [
        Reading(at * HOUR, 0, 500, dict(zip(QUANTITIES, row.tolist(), strict=True)))
        for at, row in enumerate(drawn, start=1)
    ]


def begun(settings: WatchSettings = SETTINGS) -> GuardState:
    return begin_guard(QUANTITIES, CONFORMAL, settings)


@pytest.fixture(scope="module")
def shifted():
    """300 windows, of which the last 60 moved."""
    return replay(readings(300, moved_from=240), CONFORMAL, SETTINGS, begun=begun())


def outcomes(turns) -> list[GuardOutcome]:
    return [turn.outcome for turn in turns]


def test_it_says_how_many_windows_it_needs_before_it_can_alarm(shifted):
    first = [turn for turn in shifted if turn.outcome is GuardOutcome.UNDECIDED]
    assert outcomes(shifted)[: len(first)] == [GuardOutcome.UNDECIDED] * len(first)
    needed = [int(turn.needs.split()[1]) for turn in first]
    assert needed == list(range(len(first), 0, -1))
    assert "before it can alarm" in first[0].needs


def test_quiet_windows_raise_no_alarm(shifted):
    assert GuardOutcome.ALARM not in outcomes(shifted)[:240]


def test_a_shift_raises_an_alarm_that_says_what_and_since_when(shifted):
    (first, *_) = [(at, turn) for at, turn in enumerate(shifted) if turn.raised is not None]
    at, turn = first
    assert 240 <= at <= 250
    assert abs(turn.raised.began_s // HOUR - 241) <= 2
    assert QUANTITIES[int(np.argmax(turn.raised.log_es))] == QUANTITIES[2]
    assert turn.log_e >= SETTINGS.log_level


def test_one_cause_is_one_alarm_for_as_long_as_it_lasts(shifted):
    raised = [turn.raised for turn in shifted if turn.raised is not None]
    assert len(raised) > 2
    assert [each.is_again for each in raised] == [False] + [True] * (len(raised) - 1)


def test_an_alarm_recovers_when_the_shift_is_gone():
    turns = replay(readings(300, moved_from=150, moved_to=180), CONFORMAL, SETTINGS, begun=begun())
    said = outcomes(turns)
    recovered = said.index(GuardOutcome.RECOVERED)
    assert 180 < recovered < 230
    assert turns[recovered].state.alarm is None
    assert said[recovered + 1] is GuardOutcome.QUIET


def test_a_replay_is_the_same_to_the_last_bit(shifted):
    again = replay(readings(300, moved_from=240), CONFORMAL, SETTINGS, begun=begun())
    assert [turn.log_e for turn in again] == [turn.log_e for turn in shifted]
    assert guard_bytes(again[-1].state)[-4096:] == guard_bytes(shifted[-1].state)[-4096:]


def test_a_new_normal_that_is_accepted_is_quiet_and_an_old_one_is_not(shifted):
    more = readings(60, moved_from=0, seed=5)
    later = [replace(each, start_s=each.start_s + 400 * HOUR) for each in more]
    for ending, is_quiet in ((Ending.ACCEPTED, True), (Ending.FIXED, False)):
        state = close_guard(shifted[-1].state, CONFORMAL, ending=ending)
        turns = replay(later, CONFORMAL, SETTINGS, begun=state)
        assert (GuardOutcome.ALARM not in outcomes(turns)) is is_quiet


def test_what_was_doubted_for_nothing_joins_the_past_and_a_change_that_is_fixed_does_not(shifted):
    """As if every window since the doubt had only been learned from."""
    quiet, raised = shifted[239].state, next(turn.state for turn in shifted if turn.raised is not None)
    seen = raised.windows - quiet.windows
    known = {ending: int(close_guard(raised, CONFORMAL, ending=ending).memory["missed"]) for ending in Ending}
    before = int(quiet.memory["missed"])
    assert known[Ending.FALSE] == before + seen
    assert before <= known[Ending.FIXED] < before + seen - 1
    assert known[Ending.ACCEPTED] == 0
    closed = close_guard(raised, CONFORMAL, ending=Ending.FALSE)
    assert (closed.doubted, closed.log_e, closed.alarm) == (None, None, None)


def test_a_window_is_doubted_above_the_root_of_the_level_and_while_an_alarm_is_open(shifted):
    half = SETTINGS.log_level / 2
    for turn in shifted:
        is_odd = turn.state.alarm is not None or (turn.log_e is not None and turn.log_e > half)
        assert (turn.state.doubted is not None) == is_odd


def test_closing_without_an_alarm_changes_nothing():
    state = begun()
    assert close_guard(state, CONFORMAL, ending=Ending.ACCEPTED) is state


def test_windows_seen_before_make_it_ready_at_once():
    state = warm_up(begun(), readings(60, seed=9), CONFORMAL)
    turn = weigh_window(state, readings(1)[0], CONFORMAL, SETTINGS)
    assert turn.outcome is GuardOutcome.QUIET


def test_an_empty_window_is_told_and_teaches_nothing():
    state = begun()
    turn = weigh_window(state, Reading(HOUR, 0, 0, {}), CONFORMAL, SETTINGS)
    assert turn.outcome is GuardOutcome.EMPTY
    assert turn.state.memory is state.memory


def test_windows_are_weighed_in_order():
    turn = weigh_window(begun(), readings(2)[1], CONFORMAL, SETTINGS)
    with pytest.raises(InvalidInputError, match="in order"):
        weigh_window(turn.state, readings(1)[0], CONFORMAL, SETTINGS)


def test_a_number_that_was_not_measured_counts_for_nothing():
    given = readings(60)
    some = [replace(each, values={QUANTITIES[0]: each.values[QUANTITIES[0]]}) for each in given]
    assert GuardOutcome.ALARM not in outcomes(replay(some, CONFORMAL, SETTINGS, begun=begun()))


def test_shares_are_shaken_by_up_to_half_a_row_where_ranks_are_evidence():
    quantities = (Quantity("a", "shift"), Quantity("a", "missing"), Quantity("b", "share_2"))
    state = begin_guard(quantities, CONFORMAL, SETTINGS)
    given = [Reading(at * HOUR, 0, 100, dict.fromkeys(quantities, 0.25)) for at in range(400)]
    found = np.array([numbers_of(state, reading, CONFORMAL) for reading in given])
    assert (found[:, 0] == 0.25).all()
    assert np.abs(found[:, 1:] - 0.25).max() <= 0.005
    assert found[:, 1:].mean() == pytest.approx(0.25, abs=0.0005)
    assert len(np.unique(found[:, 1:])) == 800
    again = np.array([numbers_of(state, reading, CONFORMAL) for reading in given])
    assert (again == found).all()
    assert (numbers_of(state, given[0], BUILTIN["threshold"]) == 0.25).all()


def test_a_share_that_half_of_all_windows_have_none_of_keeps_the_budget():
    """3.9 alarms are allowed, 9 at 99 %; unshaken shares raise 13: equal ones rank above or below at once."""
    quantities, alarms = tuple(Quantity(f"c{place}", "share_1") for place in range(6)), 0
    for seed in range(6):
        settings = WatchSettings(false_alarms_per_month=2, seed=seed)
        rng, state = np.random.default_rng(6 + seed), begin_guard(quantities, CONFORMAL, settings)
        for at in range(1, 240):
            drawn = (rng.random(6) < 0.45) / 200
            reading = Reading(at * HOUR, 0, 200, dict(zip(quantities, drawn.tolist(), strict=True)))
            turn = weigh_window(state, reading, CONFORMAL, settings)
            state = turn.state
            if turn.outcome is GuardOutcome.ALARM:
                alarms, state = alarms + 1, close_guard(state, CONFORMAL, ending=Ending.FALSE)
    assert alarms <= 9


def test_a_column_without_weight_is_not_watched():
    state = begin_guard(QUANTITIES, CONFORMAL, WatchSettings(columns={"c1": 0.0, "c2": 3.0}))
    assert {each.column for each in state.quantities} == {"c0", "c2"}
    weight = {each.column: 0.0 for each in state.quantities}
    for each, share in zip(state.quantities, state.plan.weights, strict=True):
        weight[each.column] += share
    assert weight == pytest.approx({"c0": 0.25, "c2": 0.75})


def test_the_projections_of_an_embedding_weigh_as_one_column():
    sides = [Quantity(f"embedding/{side:02}", "shift") for side in range(1, 17)]
    watched = (*sides, Quantity("embedding/cell", "share_1"), Quantity("age", "shift"))
    state = begin_guard(watched, CONFORMAL, SETTINGS)
    assert state.plan.weights == pytest.approx([*(1 / 48,) * 16, 1 / 3, 1 / 3])


def test_a_share_of_the_budget_raises_the_level():
    half = begin_guard(QUANTITIES, CONFORMAL, SETTINGS, share=0.5)
    assert half.plan.log_level == pytest.approx(SETTINGS.log_level + np.log(2))
    with pytest.raises(InvalidInputError, match="share"):
        begin_guard(QUANTITIES, CONFORMAL, SETTINGS, share=0)


def test_nothing_to_watch_is_refused():
    with pytest.raises(InvalidInputError, match="can judge is left to watch"):
        begin_guard((), CONFORMAL, SETTINGS)


def test_a_season_is_learned_place_by_place():
    settings = WatchSettings(season="hour_of_day")
    rng = np.random.default_rng(4)
    seasonal = [
        Reading(at * HOUR, at % 24, 500, {each: float(rng.normal() + 5 * (at % 24)) for each in QUANTITIES})
        for at in range(1, 24 * 8)
    ]
    turns = replay(seasonal, CONFORMAL, settings, begun=begun(settings))
    said = outcomes(turns)
    assert GuardOutcome.ALARM not in said
    assert said[-1] is GuardOutcome.QUIET
    assert "days" in turns[0].needs
