"""Every verb ends with the next sensible command, in one form that can be pasted."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import typer
from tests.projects import change_project
from typer.core import TyperGroup

from smallcraft.cli.main import app, run
from smallcraft.cli.next_steps import after_rollout, after_verdicts, change_before, first_step, next_line
from smallcraft.records import Outcome, Verdict

# On a project with two releases; a PATH that ends in `!` is made below the test's own folder.
QUICK = {
    "check": (0, []),
    "gate": (0, ["latest"]),
    "predict": (0, ["--input", "rows.csv", "--output", "answers.csv!"]),
    "log": (0, []),
    "show": (0, ["rows@1"]),
    "diff": (0, ["rows@1", "rows@2"]),
    "verify": (0, []),
    "alias": (0, ["canary", "rows@2"]),
    "export": (0, ["rows@2", "exported!"]),
    "push": (0, ["remote!"]),
    "registry gc": (0, []),
    "registry scrub": (0, []),
    "registry reindex": (0, []),
    "registry rotate-key": (0, []),
    "registry restore-ledger": (0, []),
    "registry retire": (0, ["rows@2", "--because", "old"]),
    "label status": (0, []),
    "label next": (0, ["--budget", "10"]),
    "rollout simulate": (0, ["--scenario", "errors", "--rollouts", "2"]),
    "watch status": (3, []),
}
# Those whose own tests hold them to the same law, by `tests/cli/conftest.py` or in words.
ELSEWHERE = {
    *("init", "build", "evaluate", "cost", "curve", "card", "reproduce", "pull", "registry upgrade"),
    *("serve", "drift", "demo", "dashboard", "doctor", "selftest", "watch"),
    *("rollout start", "rollout status", "rollout receipts", "rollout replay"),
    *("rollout abort", "rollout promote", "rollout freeze", "rollout resume"),
    *("watch show", "watch close", "watch labels", "watch digest", "watch calibrate"),
    *("label import", "label measure", "label stop", "import cleanlab", "import evidently"),
}


def verb_names(command=None, path=()):
    command = command or typer.main.get_command(app)
    if not isinstance(command, TyperGroup) or path == ("watch",):
        yield " ".join(path)
    for name, below in getattr(command, "commands", {}).items():
        yield from verb_names(below, (*path, name))


def test_every_verb_is_held_to_the_law_somewhere():
    assert sorted({*QUICK, *ELSEWHERE}) == sorted(verb_names())


@pytest.mark.parametrize("verb", QUICK)
def test_every_verb_ends_with_the_next_command(verb, storied, tmp_path, monkeypatch, told):
    code, arguments = QUICK[verb]
    monkeypatch.chdir(storied)
    words = [str(tmp_path / word[:-1]) if word.endswith("!") else word for word in arguments]
    last = told(*verb.split(), *words, code=code).splitlines()[-1]
    assert shlex.split(last)[:2] == ["next", "smallcraft"]
    assert " --project " not in last
    assert shlex.split(last)[2] in {name.split()[0] for name in verb_names()}


def test_what_comes_next_is_understood_as_it_stands(storied, monkeypatch, told, capsys):
    monkeypatch.chdir(storied)
    followed = told("diff", "rows@1", "rows@2").splitlines()[-1]
    assert followed == "next  smallcraft rollout start rows@2"
    shown = told("show", "rows@1").splitlines()[-1]
    assert run(shlex.split(shown)[2:]) == 0
    assert "next  smallcraft log" in capsys.readouterr().out


def test_a_project_elsewhere_is_named_so_that_the_line_can_be_pasted(small, tmp_path, told):
    odd = small.rename(tmp_path / "a project's folder")
    last = told("log", "-p", odd).splitlines()[-1]
    assert last == f"next  smallcraft show latest --project {shlex.quote(str(odd))}"
    assert shlex.split(last)[-1] == str(odd)
    told(*shlex.split(last)[2:])


def test_the_line_names_no_project_where_it_is_the_present_folder():
    assert next_line("build") == "next  smallcraft build"
    assert next_line("build", project=Path("smallcraft.toml")) == "next  smallcraft build"
    assert next_line("build", project=Path("b.toml")) == "next  smallcraft build --project b.toml"


def verdict(gate, outcome, *, required=True):
    return Verdict(gate, outcome, "a reason", required=required)


def test_what_blocks_is_settled_first_and_a_fail_before_what_is_undecided():
    undecided, failed = verdict("data_quality", Outcome.UNDECIDED), verdict("quality_floor", Outcome.FAIL)
    fine = verdict("size_mb", Outcome.PASS)
    assert after_verdicts([fine], release="a@1") == ("serve", "a@1")
    assert after_verdicts([fine], release=None) == ("build",)
    assert after_verdicts([fine, undecided, failed], release=None) == ("curve",)
    assert after_verdicts([fine, undecided], release=None) == ("check", "--audit", "120")
    assert after_verdicts([verdict("quality_floor", Outcome.UNDECIDED)], release=None) == ("label", "next")


def test_a_budget_that_is_exceeded_is_changed_before_the_same_command_is_of_use():
    slow = verdict("latency_p95_ms", Outcome.FAIL)
    assert after_verdicts([slow], release=None) == ("build",)
    assert change_before([slow]).startswith("first raise latency_p95_ms in [budget]")
    assert change_before([verdict("quality_floor", Outcome.FAIL), slow]) == ""
    for outcome in (Outcome.PASS, Outcome.UNDECIDED):  # a busy machine is no reason to raise a limit
        assert change_before([verdict("latency_p95_ms", outcome)]) == ""


def test_what_is_not_required_does_not_stand_in_the_way():
    optional = verdict("fairness", Outcome.UNDECIDED, required=False)
    assert after_verdicts([optional], release="a@1") == ("serve", "a@1")


def test_every_phase_of_a_rollout_has_a_next_command():
    for phase in (None, "shadow", "canary", "settled", "frozen", "rolled_back", "done"):
        for is_served in (True, False):
            assert after_rollout(phase, is_served=is_served)[0] in {"rollout", "serve", "watch"}


def test_without_a_verb_the_folder_decides_how_to_begin(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert first_step(tmp_path) == ("demo",)
    (tmp_path / "my rows.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert run([]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "next  smallcraft init 'my rows.csv'"
    (tmp_path / "smallcraft.toml").write_text("", encoding="utf-8")
    assert first_step(tmp_path) == ("build",)
    (tmp_path / ".smallcraft/registry").mkdir(parents=True)
    assert first_step(tmp_path) == ("log",)


@pytest.mark.usefixtures("fixed_costs")
def test_a_gate_that_fails_is_followed_by_what_would_settle_it(small, monkeypatch, told):
    monkeypatch.chdir(small)
    change_project(small, "[ladder]", "[budget]\nsize_mb = 0.0001\n[ladder]")
    assert told("gate", code=2).splitlines()[-1] == "next  smallcraft build"
