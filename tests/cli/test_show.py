"""What verbs print at their end: nothing that a user wrote is taken for markup, nothing missing for zero."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tests.pipeline.builds import make_build, make_checks, not_built

from smallcraft.cli import show
from smallcraft.cli.show import (
    candidate_table,
    candidate_words,
    number,
    show_checks,
    show_diagnosis,
    show_result,
    with_interval,
)
from smallcraft.pipeline.config import parse_config
from smallcraft.pipeline.diagnosis import Diagnosis
from smallcraft.pipeline.result import PlanAnswer
from smallcraft.records import CandidateStatus, Finding, Measurement, Outcome, Verdict

HOSTILE = [
    "[red]",
    "[/]",
    "[link=file:///etc/passwd]here[/link]",
    "<script>alert(1)</script>",
    ":bug:",
    "a\\[b]",
]
CONFIG = parse_config('data = {path = "t.csv", text = "message", label = "intent"}')
MEASURED = Measurement("macro_f1", 0.94444, "fraction", 100, "bootstrap", 0.9361, 0.9524, "dev")


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")


def rendered(renderable) -> str:
    console = Console(width=200, record=True, file=io.StringIO(), highlight=False, emoji=False)
    console.print(renderable)
    return console.export_text()


def test_a_value_is_shown_with_its_interval_and_a_missing_one_is_not_zero():
    assert with_interval(MEASURED) == "0.944 [0.936, 0.952]"
    assert with_interval(replace(MEASURED, low=None, high=None)) == "0.944"
    assert with_interval(replace(MEASURED, value=None)) == with_interval(None) == "not measured"
    assert (number(MEASURED, 1), number(None, 1)) == ("0.9", "not measured")


def test_every_rung_has_a_row_that_says_how_it_ended():
    build = make_build()
    found = {evidence.rung: evidence for evidence in build.candidates}
    text = rendered(candidate_table([*found, "under way", "still to come"], found, "macro_f1"))
    for rung, evidence in found.items():
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [rung]]
        assert str(evidence.status) in line
        if evidence.reason:
            assert evidence.reason in line
    assert "running" in next(line for line in text.splitlines() if "under way" in line)
    assert "waiting" in next(line for line in text.splitlines() if "still to come" in line)
    assert "0.912 [0.901, 0.921]" in text


def test_a_candidate_in_words_has_the_numbers_of_its_row():
    build = make_build()
    words = candidate_words(build.candidates[1], "macro_f1")
    assert words.startswith("ngram: macro_f1 0.912 [0.901, 0.921] on dev, p50 0.11 ms")
    assert candidate_words(build.candidates[-1], "macro_f1").startswith("trees: crashed: MemoryError")


def test_the_end_of_a_build_names_every_loser_every_gate_and_what_the_look_cost(capsys):
    build = make_build()
    show_result(build, CONFIG)
    out = capsys.readouterr().out
    for rung, reason in build.decision.lost.items():
        assert f"{rung}: {reason}" in out
    for verdict in build.verdicts:
        assert verdict.gate in out
    assert "would settle it: about 420 more labelled rows" in out
    assert "(not required)" in out
    assert "1 look(s), 19.9 bits revealed: an average over these rows is within 0.047 of the truth" in out
    assert "released helpdesk@3" in out


def test_a_test_set_that_did_not_answer_is_not_shown_as_one_that_did(capsys):
    build = make_build(is_released=False)
    show_result(replace(build, cert=replace(build.cert, bound=None, measurements=())), CONFIG)
    out = capsys.readouterr().out
    assert "sealed rows" not in out
    assert "revealed" not in out
    assert "not released" in out


@pytest.mark.parametrize("text", HOSTILE)
def test_what_users_wrote_is_printed_as_it_stands(text, capsys):
    build = make_build()
    verdict = Verdict(f"gate {text}", Outcome.FAIL, f"reason {text}", needs=f"needs {text}")
    decision = replace(build.decision, sentence=f"chosen {text}", lost={f"rung {text}": text})
    bundle = Path("/project") / text
    show_result(replace(build, decision=decision, verdicts=(verdict,), bundle=bundle), CONFIG)
    out = capsys.readouterr().out
    for words in (f"chosen {text}", f"rung {text}: {text}", f"gate {text}: reason {text}", f"needs {text}"):
        assert words in out
    assert str(bundle) in out

    finding = Finding("leakage", "cert", 3, "c", f"row says {text}", f"remove {text}")
    show_checks([replace(make_checks()[0], findings=(finding,))])
    assert capsys.readouterr().out.count(text) == 2

    show_diagnosis([Diagnosis("numpy", is_fine=False, is_required=True, detail=text)])
    assert capsys.readouterr().out.count(text) == 1

    row = not_built("frozen", CandidateStatus.CRASHED, text)
    assert text in rendered(candidate_table(["frozen"], {"frozen": row}, "macro_f1"))


def test_no_finding_is_hidden_without_being_counted(capsys):
    checks = make_checks()
    show_checks(checks)
    out = capsys.readouterr().out
    assert out.count("remove it") == show._SHOWN_FINDINGS
    assert "and 6 more" in out


def test_a_project_with_a_space_in_its_path_gets_a_command_that_can_be_pasted(capsys):
    config = parse_config('data = {path = "t.csv", text = "message", label = "intent"}')
    config._folder = make_build().bundle.parent / "my project"
    show_result(make_build(), config)
    assert f"next  smallcraft serve helpdesk@3 --project '{config.folder}'" in capsys.readouterr().out


def test_a_plan_is_told_without_a_score_and_wear_in_a_line_of_its_own(capsys):
    result = make_build()
    plan = PlanAnswer("macro_f1", "macro_f1 at least 0.9", passed=True, question=3, questions=50, passes=1)
    show_result(replace(result, cert=replace(result.cert, measurements=(), plan=plan, wear="worn")), CONFIG)
    told = capsys.readouterr().out
    assert f"on cert (1,500 sealed rows): {plan.sentence}" in told
    assert "an average over these rows" not in told
    assert "\n  worn\n" in told
