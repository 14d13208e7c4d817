from __future__ import annotations

import json

import pytest
from tests.pipeline.builds import make_build
from tests.projects import change_project

from smallcraft.cli.main import run
from smallcraft.pipeline import build as stages
from smallcraft.records import Outcome


def test_json_stands_alone_on_stdout_and_progress_goes_to_stderr(small, capsys):
    assert run(["build", "-p", str(small), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["release"] == "rows@1"
    assert "climbing the ladder: majority, ngram" in captured.err


def test_the_end_says_what_was_chosen_released_and_comes_next(small, capsys):
    assert run(["build", "-p", str(small)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    for words in (
        *("ngram: macro_f1", "PASS      better_than_majority", "released rows@1 (sha256:"),
        *("report.html", f"smallcraft predict --project {small} --input FILE", "cost nothing"),
    ):
        assert words in captured.out


def test_a_build_that_a_gate_blocks_says_so_and_where_to_read_why(small, capsys):
    change_project(small, "[ladder]", "[budget]\nsize_mb = 0.0001\n[ladder]")
    assert run(["build", "-p", str(small)]) == 2
    out = capsys.readouterr().out
    assert "FAIL      size_mb" in out
    assert "not released: a gate blocks it; the report says what would settle it" in out
    assert "next" not in out


@pytest.mark.parametrize(("outcome", "code"), [(Outcome.PASS, 0), (Outcome.FAIL, 2), (Outcome.UNDECIDED, 3)])
def test_the_exit_code_is_the_outcome(small, monkeypatch, outcome, code):
    result = make_build(is_released=outcome is Outcome.PASS)
    object.__setattr__(result, "outcome", outcome)
    monkeypatch.setattr(stages, "build", lambda config, *, listener: result)
    assert run(["build", "-p", str(small), "--json"]) == code
    assert run(["build", "-p", str(small)]) == code
