from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from smallcraft.cli.main import app, run

VERBS = typer.main.get_command(app).commands


def options(verb):
    return {name: parameter for parameter in VERBS[verb].params for name in parameter.opts}


@pytest.mark.parametrize("option", ["--project", "--json"])
def test_a_shared_option_reads_the_same_in_every_verb_that_has_it(option):
    having = [verb for verb in VERBS if option in options(verb)]
    assert len(having) > 4
    assert len({(tuple(options(verb)[option].opts), options(verb)[option].help) for verb in having}) == 1


def test_every_option_and_argument_says_what_it_is_for():
    silent = [
        (verb, parameter.name)
        for verb, command in VERBS.items()
        for parameter in command.params
        if not getattr(parameter, "help", "")
    ]
    assert silent == []


def test_a_project_is_named_by_its_folder_its_file_or_by_being_there(small_built, monkeypatch, capsys):
    found = []
    for arguments in (["-p", str(small_built)], ["--project", str(small_built / "smallcraft.toml")], []):
        if not arguments:
            monkeypatch.chdir(small_built)
        assert run(["check", "--json", *arguments]) == 0
        checked = json.loads(capsys.readouterr().out)
        for written in ("page", "findings"):
            assert Path(checked.pop(written)).resolve().parent == small_built / "check"
        assert run(["log", "--json", *arguments]) == 0
        assert run(["verify", *arguments]) == 0
        # The next command names the project as it was named.
        shown, _, following = capsys.readouterr().out.rpartition("next  ")
        assert following == f"smallcraft log{' --project ' + arguments[1] if arguments else ''}\n"
        found.append((checked, shown))
    assert found[0] == found[1] == found[2]


def test_a_project_is_named_by_a_relative_path_from_anywhere(small_built, monkeypatch, capsys):
    monkeypatch.chdir(small_built.parent.parent)
    relative = small_built.relative_to(small_built.parent.parent)
    assert run(["check", "-p", str(relative)]) == 0
    assert run(["log", "-p", str(relative / "smallcraft.toml")]) == 0
    assert "rows@1" in capsys.readouterr().out


@pytest.mark.parametrize("release", ["latest", "1", "rows@1", "rows"])
def test_a_release_has_several_names(small_built, release, capsys):
    assert run(["show", release, "-p", str(small_built), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 1
