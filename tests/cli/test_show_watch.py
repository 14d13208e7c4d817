"""How watching looks on a terminal: nothing of a row is taken for markup, nothing of weight is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.observe.conftest import alarm, benign  # noqa: F401 - fixtures

from smallcraft.cli.show_watch import notes_of, show_alarm, show_news, show_notes, show_status
from smallcraft.observe.alarms import Closing, Example, Explanation, Word
from smallcraft.observe.journal import Weighed
from smallcraft.observe.watching import Watched
from smallcraft.pipeline.watching.telling import ReleaseStatus, WatchStatus
from smallcraft.pipeline.watching.watch import Looked


def status(*alarms, **changed) -> WatchStatus:
    release = ReleaseStatus("a@1", 12, 39_600, "quiet", "", 2.0, len(alarms))
    return WatchStatus((replace(release, **changed),), alarms, 0.1, 8.9)


def test_an_alarm_says_what_moved_since_when_and_whether_it_does_harm(alarm, capsys):  # noqa: F811
    show_alarm(replace(alarm, review="reviews/1.jsonl"))
    said = capsys.readouterr().out
    for part in (
        "ALARM unknown a@1/all/1970-01-01T05:00",
        "since about 1970-01-01 02:00 UTC",
        "budget 0.1 false alarms a month",
        "age, 2 to 3: 10.0% -> 30.0%, 70% of its change",
        "word 'â€™' in message: 0.00% -> 20.00% (z +9.5)",
        "unknown: loss 0.200 [0.100, 0.300], limit 0.120; assumes labels come in any order",
        "random: age=2.5, job=None; answered 'yes'",
        "rows to label: reviews/1.jsonl",
    ):
        assert part in said
    closed = replace(alarm, closing=Closing(1, "Ada", "a new shop"))
    show_alarm(closed)
    said = capsys.readouterr().out
    assert "closed alarm" in said
    assert "closed as fixed by Ada: a new shop" in said


def test_what_rows_hold_is_no_markup(alarm, capsys):  # noqa: F811
    odd = "[red]x[/] [link=y]"
    explanation = Explanation(
        words=(Word(odd, odd, 5.0, 0.0, 0.1),),
        examples=(Example(0, ((odd, odd),), odd, 0.5, "random"),),
    )
    show_alarm(replace(alarm, explanation=explanation, closing=Closing(1, odd, odd), review=odd))
    said = capsys.readouterr().out
    assert said.count(odd) >= 6


def test_where_watching_stands(alarm, benign, capsys):  # noqa: F811
    show_status(status(alarm, replace(benign, id="b", closing=Closing(1, "Ada"))))
    said = capsys.readouterr().out
    assert "a@1: 12 windows, the last from 1970-01-01 11:00 UTC is quiet, evidence 7.39 of 7.33e+03" in said
    assert "ALARM unknown a@1/all" in said
    assert "1 closed" in said
    show_status(status(outcome="undecided", needs="about 20 more windows (20 hours)"))
    assert "UNDECIDED needs about 20 more windows" in capsys.readouterr().out
    show_status(status(last_start_s=None, outcome=None, windows=0))
    assert "none was weighed yet" in capsys.readouterr().out
    show_status(WatchStatus((), (), 0.1, 8.9))
    assert "or put files where [watch] looks for them" in capsys.readouterr().out
    show_status(WatchStatus((), (), 0.1, 8.9, {"a@1": "it has no reference"}))
    assert "not watched a@1: it has no reference" in capsys.readouterr().out


def test_news_are_a_line_for_each_window_and_alarm(alarm, capsys):  # noqa: F811
    weighed = (
        Weighed("a@1", "all", 3600, "alarm", 9.5),
        Weighed("a@1", "north", 3600, "quiet", 1.0),
        Weighed("a@1", "all", 7200, "undecided", None, "two more"),
    )
    looked = Looked(2, {"a@1": Watched(weighed, (alarm,), (replace(alarm, id="over"),))})
    show_news(looked)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1970-01-01 01:00 a@1: alarm, evidence 1.34e+04"
    assert lines[1] == "1970-01-01 02:00 a@1: undecided; needs two more"
    assert lines[2].startswith("ALARM unknown a@1/all")
    assert lines[4] == "over over: windows are as before again"
    show_news(Looked())
    assert capsys.readouterr().out == ""


def test_notes_go_to_standard_error_and_say_what_to_do(capsys):
    looked = Looked(
        0, {"a@1": Watched(failed={"review": "disk full"})}, notes=("10 rows [b]",), refused=("x.csv is bad",)
    )
    notes = notes_of(looked, {"page": "status 503"})
    show_notes(notes)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "note: 10 rows [b]",
        "error: x.csv is bad",
        "page did not go through: status 503; tried again",
        "review did not go through: disk full; tried again",
    ]


@pytest.mark.parametrize(("log_e", "shown"), [(0.0, "1"), (13.0, "4.42e+05"), (1000.0, "1e434")])
def test_evidence_has_no_more_digits_than_matter(log_e, shown, capsys):
    show_status(status(log_e=log_e))
    assert f"evidence {shown} of" in capsys.readouterr().out
