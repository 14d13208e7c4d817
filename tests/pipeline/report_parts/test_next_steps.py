from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from tests.pipeline.builds import make_build
from typer.main import get_command

from smallcraft.cli.main import app
from smallcraft.pipeline.report_parts.next_steps import describe_next
from smallcraft.records import Outcome, Verdict


def commands(steps):
    return [step.command for step in (steps.first, *steps.others)]


@pytest.mark.parametrize(
    ("is_released", "follows", "first"),
    [
        (True, None, "smallcraft serve"),
        (True, "helpdesk@2", "smallcraft rollout start helpdesk@3"),
        (False, None, "smallcraft build"),
        (False, "helpdesk@2", "smallcraft build"),
    ],
)
def test_what_to_do_next_follows_from_how_the_build_ended(is_released, follows, first):
    steps = describe_next(make_build(is_released=is_released), follows=follows)
    assert steps.first.command == first
    assert bool(steps.blockers) is not is_released


def test_every_command_is_one_that_there_is():
    for is_released, follows in ((True, None), (True, "helpdesk@2"), (False, None)):
        for command in commands(describe_next(make_build(is_released=is_released), follows=follows)):
            program, *words = shlex.split(command)
            assert program == "smallcraft"
            found = get_command(app)
            while words and hasattr(found, "commands"):
                found = found.commands[words.pop(0)]
            assert len(words) <= len(found.params)


def test_a_blocker_stands_with_what_would_settle_it_and_many_are_cut():
    verdicts = tuple(Verdict(f"g{n}", Outcome.UNDECIDED, "too few rows", needs="80 rows") for n in range(7))
    optional = Verdict("optional", Outcome.UNDECIDED, "too few rows", required=False)
    result = replace(make_build(is_released=False), verdicts=(*verdicts, optional))
    blockers = describe_next(result, follows=None).blockers
    assert blockers[0] == "g0: too few rows; would settle it: 80 rows"
    assert blockers[-1] == "and 2 more, in the table of gates"
    assert not any("optional" in blocker for blocker in blockers)


def test_a_name_that_a_shell_would_read_is_quoted():
    result = make_build()
    odd = replace(result, release=replace(result.release, name="help desk; rm"))
    command = describe_next(odd, follows="x@1").first.command
    assert shlex.split(command)[-1] == "help desk; rm@3"
