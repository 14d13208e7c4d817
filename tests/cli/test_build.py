"""`smallcraft build`: what is printed where, the exit code, and the reason a release is made for."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import subprocess
import termios
import time

import pytest
from tests.cli.conftest import ORIGIN
from tests.pipeline.builds import make_build
from tests.projects import change_project, command

from smallcraft.cli.main import run
from smallcraft.pipeline import build as stages
from smallcraft.pipeline.workspace import open_registry
from smallcraft.records import Outcome
from smallcraft.registry.composing import read_decision

CTRL_C = b"\x03"


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
        *("report.html", f"next  smallcraft serve rows@1 --project {small}", "cost nothing"),
    ):
        assert words in captured.out


def test_a_build_that_a_gate_blocks_says_so_and_where_to_read_why(small, capsys):
    change_project(small, "[ladder]", "[budget]\nsize_mb = 0.0001\n[ladder]")
    assert run(["build", "-p", str(small)]) == 2
    out = capsys.readouterr().out
    assert "FAIL      size_mb" in out
    assert "not released: a gate blocks it; the report says what would settle it" in out
    assert out.endswith(f"next  smallcraft build --project {small}\n")


@pytest.mark.parametrize(("outcome", "code"), [(Outcome.PASS, 0), (Outcome.FAIL, 2), (Outcome.UNDECIDED, 3)])
def test_the_exit_code_is_the_outcome(small, monkeypatch, outcome, code):
    result = make_build(is_released=outcome is Outcome.PASS)
    object.__setattr__(result, "outcome", outcome)
    monkeypatch.setattr(stages, "build", lambda config, *, listener, because: result)
    assert run(["build", "-p", str(small), "--json"]) == code
    assert run(["build", "-p", str(small)]) == code


def reason_of(folder):
    decision = read_decision(open_registry(folder).find("latest"))
    return decision.rationale.by, decision.rationale.text


def change_a_little(folder):
    """Another project file is another release, and nothing has to be trained anew."""
    change_project(folder, "[ladder]", '[card]\nowner = "the routing team"\n[ladder]')


@pytest.mark.usefixtures("fixed_costs")
def test_the_reason_that_is_passed_stands_in_the_release(small, told):
    change_a_little(small)
    told("build", "-p", small, "--because", "  the card names its owner  ")
    assert reason_of(small) == ("person", "the card names its owner")


@pytest.mark.usefixtures("fixed_costs")
@pytest.mark.parametrize("because", [[], ["--because", "   "]])
def test_where_nobody_gives_one_the_rule_does(because, small, told):
    change_a_little(small)
    told("build", "-p", small, *because)
    assert reason_of(small)[0] == "rule"


@pytest.mark.parametrize("because", [[], ["--because", " "]])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_project_that_wants_reasons_is_refused_before_training(because, as_json, small, told):
    change_project(small, "[ladder]", "[registry]\nrequire_because = true\n[ladder]")
    before = open_registry(small).log().note
    message = told("build", "-p", small, *because, *as_json, code=1)
    assert "[registry] require_because wants a reason for each release" in message
    assert '--because "what it is for"' in message
    assert open_registry(small).log().note == before


def test_a_reason_of_any_length_that_a_decision_can_hold_is_kept_and_a_longer_one_refused(small, told):
    change_a_little(small)
    before = open_registry(small).read("latest")
    message = told("build", "-p", small, "--because", "x" * 4001, code=1)
    assert "--because must hold at most 4,000 characters, got 4,001" in message
    assert open_registry(small).read("latest") == before


def at_a_terminal(folder, answer):
    """A build in a process of its own whose person types this once it is asked; what stood on the screen."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("build", "-p", str(folder)),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200", "NO_COLOR": "1"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as process:
        os.close(theirs)
        try:
            seen = answered_screen(ours, answer)
            return process.wait(timeout=60), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
        finally:
            process.kill()
            os.close(ours)


def answered_screen(terminal, answer):
    """All that is written to a terminal; Ctrl-C is pressed until it is heard, any other answer typed once."""
    seen, presses = b"", 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        is_written = bool(select.select([terminal], [], [], 1.0)[0])
        if is_written:
            try:
                read = os.read(terminal, 4096)
            except OSError:  # the process has closed its end
                break
            seen += read
        is_asked = b"why this release?" in seen
        is_heard = b"stopped;" in seen
        if is_asked and (presses == 0 or (answer == CTRL_C and not is_written and not is_heard)):
            os.write(terminal, answer)
            presses += 1
    return seen.decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("the card names [its] owner\n", ("person", "the card names [its] owner")),
        ("\n", ("rule", None)),
        ("\x04", ("rule", None)),
    ],
)
def test_a_person_at_a_terminal_is_asked_why_and_may_leave_it_at_the_rule(small, typed, reason):
    change_a_little(small)
    code, seen = at_a_terminal(small, typed.encode())
    assert code == 0, seen
    assert "why this release? (Enter: leave it at that)" in seen
    assert "released rows@2" in seen
    author, text = reason_of(small)
    assert author == reason[0]
    assert reason[1] in {None, text}


def test_a_person_who_stops_at_the_question_releases_nothing(small):
    change_a_little(small)
    code, seen = at_a_terminal(small, CTRL_C)
    assert code == 130, seen
    assert "run the same command again to go on from here" in seen
    assert open_registry(small).read("latest").label == "rows@1"


def test_nobody_is_asked_about_what_a_gate_blocks(small):
    change_project(small, "[ladder]", "[budget]\nsize_mb = 0.0001\n[ladder]")
    code, seen = at_a_terminal(small, b"no\n")
    assert (code, "why this release?" in seen) == (2, False)


@pytest.mark.usefixtures("fixed_costs")
def test_the_declared_origin_names_the_log_from_its_first_look_on(storied_built):
    log = open_registry(storied_built).log()
    assert {entry.origin for entry in log.entries} == {ORIGIN}
    assert [entry.kind for entry in log.entries[:4]] == ["key", "key", "look", "decision"]
    assert (storied_built / "smallcraft.checkpoint").exists()
