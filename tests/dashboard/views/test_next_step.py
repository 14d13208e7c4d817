"""There is one next step for every state: what is broken first, then what is open, then what is new."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.dashboard.views.next_step import Standing, next_step

BUILT = Standing(has_build=True, newest="rows@2")
SERVED = Standing(has_build=True, newest="rows@2", serving=("rows@2",), is_watched=True)
OLD_SERVED = Standing(has_build=True, newest="rows@2", serving=("rows@1",), is_watched=True)


def but(standing: Standing, **changes: object) -> Standing:
    return Standing(**{**vars(standing), **changes})


@pytest.mark.parametrize(
    ("standing", "command"),
    [
        (Standing(has_project=False), "smallcraft init DATA"),
        (Standing(), "smallcraft build"),
        (Standing(trouble="entry 3 is not as stored"), "smallcraft verify"),
        (but(SERVED, trouble="the journal is damaged", open_alarms=1), "smallcraft verify"),
        (Standing(has_build=True, blockers=("FAIL", "UNDECIDED")), "smallcraft gate"),
        (Standing(has_build=True, blockers=("UNDECIDED",)), "smallcraft label next"),
        (BUILT, "smallcraft serve"),
        (but(BUILT, open_alarms=2), "smallcraft label next --alarm last"),
        (but(SERVED, open_alarms=1, campaign="open"), "smallcraft label import ANSWERS"),
        (but(SERVED, open_alarms=1, campaign="imported", has_new_labels=True), "smallcraft build"),
        (OLD_SERVED, "smallcraft rollout start rows@2"),
        (but(OLD_SERVED, phase="canary", canary="rows@2"), "smallcraft rollout status --wait"),
        (but(OLD_SERVED, phase="frozen", canary="rows@2", open_alarms=1), "smallcraft rollout status"),
        (but(OLD_SERVED, phase="rolled_back", canary="rows@2"), "smallcraft rollout receipts"),
        (but(OLD_SERVED, phase="rolled_back", canary="rows@1"), "smallcraft rollout start rows@2"),
        (but(SERVED, outlived_alarms=1), "smallcraft watch close last --because WHY"),
        (but(OLD_SERVED, outlived_alarms=1), "smallcraft rollout start rows@2"),
        (but(SERVED, outlived_alarms=1, open_alarms=1), "smallcraft label next --alarm last"),
        (but(SERVED, is_watched=False), "smallcraft watch"),
        (but(SERVED, phase="done", canary="rows@2"), "smallcraft verify"),
        (SERVED, "smallcraft verify"),
    ],
)
def test_each_state_has_its_one_next_command(standing, command):
    assert next_step(standing).command == command


STATES = st.builds(
    Standing,
    has_project=st.booleans(),
    trouble=st.sampled_from(["", "broken"]),
    has_build=st.booleans(),
    blockers=st.sampled_from([(), ("FAIL",), ("UNDECIDED",)]),
    newest=st.sampled_from(["", "rows@2", "a b@1; rm -r x"]),
    serving=st.sampled_from([(), ("rows@1",), ("rows@1", "rows@2")]),
    phase=st.sampled_from(["", "loading", "shadow", "canary", "watch", "done", "rolled_back", "frozen"]),
    canary=st.sampled_from(["", "rows@2"]),
    open_alarms=st.integers(0, 2),
    outlived_alarms=st.integers(0, 2),
    is_watched=st.booleans(),
    campaign=st.sampled_from(["", "open", "imported", "measured", "stopped"]),
    has_new_labels=st.booleans(),
)


@given(STATES)
def test_every_state_has_a_next_step_that_a_shell_reads_as_one_command(standing):
    step = next_step(standing)
    words = shlex.split(step.command)
    assert words[0] == "smallcraft"
    assert not any(";" in word for word in words if word != standing.newest)
    assert step.why


@given(STATES)
def test_what_is_broken_comes_before_everything_else(standing):
    if standing.trouble:
        assert next_step(standing).command == "smallcraft verify"
