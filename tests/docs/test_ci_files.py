"""The ready files for pipelines call the command as it is, and keep what it writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smallcraft.cli.main import run

CI = Path(__file__).parents[2] / "docs" / "ci"
FILES = sorted(CI.glob("*.yml"))


def test_there_is_one_for_each_of_the_two():
    assert [file.name for file in FILES] == ["github-actions.yml", "gitlab-ci.yml"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_calls_the_command_with_options_that_there_are_and_keeps_every_file(file, capsys):
    text = file.read_text("utf-8")
    (command,) = re.findall(r"smallcraft (gate --.*)", text)
    assert run(["gate", "--help"]) == 0
    shown = capsys.readouterr().out
    options = re.findall(r"(--\S+) (\S+)", command)
    assert [option for option, _ in options] == ["--junit", "--output-json", "--markdown"]
    for option, kept in options:
        assert option in shown
        assert re.search(rf"^\s+(- )?{re.escape(kept)}$", text, re.MULTILINE), f"{kept} is not kept"
    assert "\t" not in text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_files_are_kept_when_the_gate_fails_too(file):
    always = {"github-actions": "if: ${{ !cancelled() }}", "gitlab-ci": "when: always"}
    assert always[file.stem] in file.read_text("utf-8")
