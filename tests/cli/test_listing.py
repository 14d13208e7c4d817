"""The help of each verb says what it is for, with an example that works, below one heading of the list."""

from __future__ import annotations

import shlex

import pytest
import typer
from typer.core import TyperGroup

from smallcraft.cli.listing import EXAMPLES, EXIT_CODES, GROUPS
from smallcraft.cli.main import app


def verbs(command=None, path=()):
    """Every verb that can be run, below its groups too."""
    command = command or typer.main.get_command(app)
    if not isinstance(command, TyperGroup) or path == ("watch",):
        yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from verbs(below, (*path, name))


VERBS = {" ".join(path): command for path, command in verbs()}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_what_it_does_in_a_sentence_and_shows_an_example(verb):
    command = VERBS[verb]
    first = (command.help or "").strip().split("\n\n")[0]
    assert first.endswith(".")
    assert EXAMPLES[verb].startswith(f"smallcraft {verb}")
    assert f"Example: {EXAMPLES[verb]}" in (command.epilog or "")


def test_every_verb_of_the_list_stands_below_one_heading():
    grouped = [verb for listed in GROUPS.values() for verb in listed]
    assert len(grouped) == len(set(grouped))
    assert {verb.split()[0] for verb in VERBS} <= set(grouped)


def test_exit_codes_are_told_of_verbs_that_there_are():
    assert set(EXIT_CODES) <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_example_is_understood_by_its_verb(verb):
    words = shlex.split(EXAMPLES[verb])[1 + len(verb.split()) :]
    command = VERBS[verb]
    context = command.make_context(verb, words, resilient_parsing=False)
    assert context.command is command
