"""Triggers: each once, none for what does no harm but the asking for labels, and never in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import Closing, Harm, HarmVerdict, close, judge_again
from smallcraft.observe.triggers import due_triggers, fire

ALL = ("review", "page", "freeze")


@pytest.fixture
def done():
    return []


@pytest.fixture
def actions(done):
    return {name: lambda alarm, name=name: done.append(name) or f"{name} done" for name in ALL}


def test_every_trigger_goes_through_once(alarm, actions, done):
    fired = fire(alarm, ALL, actions)
    assert (fired.alarm.told, fired.failed) == (ALL, {})
    assert fired.alarm.review == "review done"
    assert fire(fired.alarm, ALL, actions).alarm == fired.alarm
    assert done == list(ALL)


def test_what_does_no_harm_wakes_nobody(benign, actions, done):
    fired = fire(benign, ALL, actions)
    assert done == ["review"]
    harmful = judge_again(fired.alarm, Harm(HarmVerdict.HARMFUL, "losses"))
    assert due_triggers(harmful, ALL) == ("page", "freeze")


def test_a_closed_alarm_sets_nothing_off(alarm):
    assert due_triggers(close(alarm, Closing(1, "Ada")), ALL) == ()


def test_one_that_fails_is_told_and_the_others_go_on(alarm, actions):
    def fail(alarm):
        raise OSError("disk full")

    fired = fire(alarm, ALL, {**actions, "review": fail})
    assert fired.failed == {"review": "OSError: disk full"}
    assert fired.alarm.told == ("page", "freeze")
    assert due_triggers(fired.alarm, ALL) == ("review",)


def test_one_that_is_on_its_way_is_not_told_yet(alarm, actions):
    fired = fire(alarm, ("page",), {**actions, "page": lambda alarm: None})
    assert (fired.alarm.told, fired.failed) == ((), {})


def test_a_trigger_that_nothing_does_is_refused(alarm, actions):
    with pytest.raises(InvalidInputError, match="freeze"):
        fire(replace(alarm), ALL, {"review": actions["review"], "page": actions["page"]})
