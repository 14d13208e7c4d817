"""What a person sees while a build runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.live import Live
from tests.pipeline.builds import make_build, make_checks

from smallcraft.cli import views
from smallcraft.cli.views import LiveView, PlainView, open_view
from smallcraft.records import CheckResult, Outcome

HOSTILE = ("[red]", "[/]", "<script>", ":bug:", "[link=x]y[/link]")


def terminal(width: int = 100) -> Console:
    return Console(
        file=io.StringIO(),
        record=True,
        width=width,
        height=60,
        force_terminal=True,
        highlight=False,
        emoji=False,
    )


def play(view):
    """A whole build, as the stages tell it."""
    build = make_build()
    view.stage("reading tickets.csv")
    for check in make_checks():
        view.checked(check)
    view.climbing(tuple(evidence.rung for evidence in build.candidates))
    for evidence in build.candidates:
        view.progress(f"encoding {evidence.rung}", 0.5)
        view.candidate(evidence)
    view.decided(build.decision)
    for verdict in build.verdicts:
        view.judged(verdict)
    view.note("three rows were set aside")
    return build


def joined(text: str) -> str:
    return " ".join(text.split())


def test_a_live_view_shows_every_rung_every_status_and_every_check():
    console = terminal()
    view = LiveView(console, "macro_f1")
    with Live(view, console=console, refresh_per_second=4, transient=False):
        build = play(view)
        view.finish()
    text = console.export_text(clear=False)
    last_table = text[text.rindex("p50 / p95 ms") :]
    for evidence in build.candidates:
        assert evidence.rung in last_table
    for status in ("measured", "skipped", "crashed"):
        assert status in last_table
    for check in make_checks():
        assert f"{check.outcome:<9} {check.check}" in text
    assert "three rows were set aside" in text
    assert "encoding trees" not in last_table


def test_a_live_view_shows_which_rung_runs_and_which_wait():
    console = terminal()
    view = LiveView(console, "macro_f1")
    view.climbing(("majority", "ngram", "tiny"))
    console.print(view)
    lines = [line.split() for line in console.export_text().splitlines()]
    assert [line for line in lines if line[1:] in (["running"], ["waiting"])] == [
        ["majority", "running"],
        ["ngram", "waiting"],
        ["tiny", "waiting"],
    ]


def test_a_live_view_is_never_wider_than_its_terminal():
    console = terminal()
    view = LiveView(console, "macro_f1")
    play(view)
    console.print(view)
    assert max(map(len, console.export_text().splitlines())) <= 100


def test_on_80_columns_every_interval_stays_on_one_line():
    console = terminal(80)
    view = LiveView(console, "macro_f1")
    build = play(view)
    console.print(view)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    for evidence in build.candidates:
        measured = evidence.find("macro_f1", split="dev")
        if measured is not None:
            assert f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]" in text


def test_a_step_is_told_beside_the_stage_that_it_is_part_of():
    console = terminal()
    view = LiveView(console, "macro_f1")
    view.climbing(("majority",))
    view.progress("fitting majority", 0.0)
    console.print(view)
    view.stage("weighing the choice of ngram")
    console.print(view)
    view.progress("fitting ngram", 0.0)
    console.print(view)
    steps = [line.strip() for line in console.export_text().splitlines() if "ing " in line]
    steps = [step for step in steps if not step.startswith(("rung", "majority"))]
    assert steps == [
        "fitting majority",
        "weighing the choice of ngram",
        "weighing the choice of ngram: fitting ngram",
    ]


def test_the_time_left_is_told_once_there_is_something_to_judge_it_by(monkeypatch):
    clock = iter([0.0, 0.0, 0.0, 30.0, 30.0])
    monkeypatch.setattr(views.time, "monotonic", lambda: next(clock))
    console = terminal()
    view = LiveView(console, "macro_f1")
    view.progress("encoding train", 0.0)
    view.progress("encoding train", 0.75)
    view._step_started = 0.0
    monkeypatch.setattr(views.time, "monotonic", lambda: 30.0)
    console.print(view)
    assert "encoding train 75%, about 10 s left" in console.export_text()


@pytest.mark.parametrize("text", HOSTILE)
def test_what_users_wrote_is_shown_as_it_stands(text, capsys):
    console = terminal()
    check = CheckResult("integrity", Outcome.PASS, f"column {text} is fine", {})
    for view in (LiveView(console, "macro_f1"), PlainView("macro_f1", to_stderr=False)):
        view.checked(check)
        view.note(f"class {text} has no row in dev")
        view.stage(f"reading {text}.csv")
        if isinstance(view, LiveView):
            console.print(view)
    for out in (console.export_text(), capsys.readouterr().out):
        assert out.count(text) == 3


def test_a_plain_view_says_each_event_in_one_line(capsys):
    build = play(PlainView("macro_f1", to_stderr=True))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "reading tickets.csv"
    assert "  PASS      row_counts: rows: 7,000 train, 1,500 dev, 1,500 cert" in lines
    assert f"climbing the ladder: {', '.join(evidence.rung for evidence in build.candidates)}" in lines
    assert "  trees: crashed: MemoryError: 40 GB wanted; use fewer features" in lines
    assert f"decision: {build.decision.sentence}" in lines
    assert "  note: three rows were set aside" in lines
    assert len([line for line in lines if line.startswith("  UNDECIDED not_worse_than_incumbent")]) == 1
    assert len(lines) == len(set(lines))


def test_a_plain_view_leaves_the_decision_to_the_result_where_that_is_printed_too(capsys):
    build = play(PlainView("macro_f1", to_stderr=False))
    out = capsys.readouterr().out
    assert "  note: three rows were set aside" in out
    assert build.decision.sentence not in out
    assert not any(verdict.reason in out for verdict in build.verdicts)


def test_a_long_step_is_told_at_most_once_in_ten_seconds(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(views.time, "monotonic", lambda: now[0])
    view = PlainView("macro_f1", to_stderr=False)
    for second in range(25):
        now[0] = 100.0 + second
        view.progress("encoding train", second / 25)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["  ... encoding train", "  ... encoding train, 40%", "  ... encoding train, 80%"]


def test_events_leave_standard_output_to_the_json(capsys):
    with open_view("macro_f1", to_stderr=True) as view:
        play(view)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "climbing the ladder" in captured.err


def test_a_terminal_gets_the_table_and_a_file_gets_lines(monkeypatch, capsys):
    with open_view("macro_f1", to_stderr=False) as view:
        assert isinstance(view, PlainView)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with open_view("macro_f1", to_stderr=False) as view:
        assert isinstance(view, LiveView)
        play(view)
    assert "cascade" in capsys.readouterr().out
