"""`watch` and its verbs: what is told to people and to scripts, exit codes, errors with the remedy."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import polars as pl
import pytest
from tests.cli.conftest import before_next
from tests.pipeline.watching.projects import BEGIN, HOUR, visits, write_watched
from tests.projects import copy_project
from tests.serving_projects import until

from smallcraft.cli.main import run

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
WATCH, ALARM = (json.loads((SCHEMAS / f"{name}.json").read_text("utf-8")) for name in ("watch", "alarm"))
QUIET, MOVED = 50, 10


@pytest.fixture(scope="module")
def moved_built(tmp_path_factory):
    """Files with an age that jumps, looked at once; not to be changed."""
    folder = write_watched(tmp_path_factory.mktemp("moved") / "p")
    rows = [visits(range(QUIET)), visits(range(QUIET, QUIET + MOVED), shift=20)]
    pl.concat(rows).drop("bought").write_csv(folder / "in/a.csv")
    assert run(["watch", "--once", "-p", str(folder)]) == 2
    return folder


@pytest.fixture
def moved(moved_built, tmp_path):
    return copy_project(moved_built, tmp_path / "moved")


@pytest.fixture
def fresh(tmp_path):
    """A project with two hours of files, not looked at."""
    folder = write_watched(tmp_path / "fresh")
    visits(range(2)).write_csv(folder / "in/a.csv")
    return folder


def test_a_look_tells_where_each_release_stands_and_what_is_open(moved, told):
    for words in (("watch", "--once"), ("watch", "status")):
        said = told(*words, "-p", moved, code=2)
        assert f"visits@before: {QUIET + MOVED} windows, the last from 2026-01-03 11:00 UTC is" in said
        assert "ALARM unknown visits@before/all/2026-01-03T0" in said
        assert "age moved; unknown: " in said


def test_what_scripts_read_keeps_to_its_schema(moved, told):
    for words in (("watch", "--once"), ("watch", "status")):
        form = json.loads(told(*words, "--json", "-p", moved, code=2))
        jsonschema.validate(form, WATCH)
    shown = json.loads(told("watch", "show", "--json", "-p", moved))
    jsonschema.validate(shown, ALARM)
    assert shown == form["alarms"][0]


def test_before_an_alarm_is_possible_the_code_says_undecided(fresh, told):
    said = told("watch", "--once", "-p", fresh, code=3)
    assert "UNDECIDED needs about" in said
    assert "more windows" in said
    assert told("watch", "status", "-p", fresh, code=3) == said


def test_an_alarm_is_shown_by_a_part_of_its_id_and_closed_with_a_reason(moved, told):
    said = told("watch", "show", "2026-01-03", "-p", moved)
    assert "age     shift" in said
    assert "`smallcraft label next --alarm last` asks them" in said
    closed = told("watch", "close", "last", "--because", "a new shop", "--by", "Ada", "-p", moved)
    assert closed.startswith("closed visits@before/all/2026-01-03T0")
    assert "the old normal holds on" in closed
    assert "closed as fixed by Ada: a new shop" in told("watch", "show", "-p", moved)
    assert "was closed by Ada" in told("watch", "close", "last", "--because", "again", "-p", moved, code=1)
    assert "1 closed" in told("watch", "status", "-p", moved)


def test_a_new_normal_is_accepted_by_a_person(moved, told):
    form = json.loads(told("watch", "close", "last", "--because", "x", "--accept", "--json", "-p", moved))
    assert form["ending"] == "accepted"


def test_a_person_says_that_nothing_had_changed_or_what_is_normal_and_not_both(moved, told):
    close = ("watch", "close", "last", "--because", "sale", "--by", "Ada", "-p", moved)
    assert "got --false and --accept" in told(*close, "--false", "--accept", code=1)
    assert "nothing had changed, and what was seen joins the past" in told(*close, "--false")


def test_labels_that_come_later_make_the_alarm_harmful(moved, told, tmp_path):
    rows = visits(range(QUIET, QUIET + MOVED), shift=20, wrong=0.6)
    rows.write_csv(tmp_path / "labels.csv")
    said = told("watch", "labels", tmp_path / "labels.csv", "-p", moved)
    assert said.startswith(f"{MOVED * 40} labels of visits@before, mean loss 0.")
    assert "ALARM harmful visits@before/all/" in said
    form = json.loads(told("watch", "labels", tmp_path / "labels.csv", "--json", "-p", moved))
    assert [alarm["harm"]["verdict"] for alarm in form["alarms"]] == ["harmful"]
    assert form["alarms"][0]["harm"]["labels"] == MOVED * 40


def test_a_month_is_told_beside_its_budget(moved, told):
    said = told("watch", "digest", "2026-01", "-p", moved)
    assert said.startswith(
        f"visits@before, 2026-01: 1 alarm (0 harmful, 0 benign, 1 unknown) in {QUIET + MOVED}"
    )
    assert "the budget is 0.1 false ones" in said
    (digest,) = json.loads(told("watch", "digest", "2026-01", "--json", "-p", moved))["digests"]
    assert (digest["alarms"], digest["windows"]) == (1, QUIET + MOVED)
    assert before_next(told("watch", "digest", "1999-01", "-p", moved)) == "no windows in that month\n"


def test_the_budget_is_tried_on_the_past_and_the_code_is_its_outcome(moved, told, capsys):
    code = run(["watch", "calibrate", "--months", "1", "--json", "-p", str(moved)])
    form = json.loads(capsys.readouterr().out)
    assert code == {"PASS": 0, "FAIL": 2, "UNDECIDED": 3}[form["outcome"]]
    assert form["release"] == "visits@before"
    assert QUIET - 2 <= form["past"] <= QUIET + 2
    assert form["always_fires"] == form["windows"] > 700


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "nosuch"), "there is no alarm 'nosuch'; there are visits@before/all"),
        (("close", "nosuch", "--because", "x"), "there is no alarm 'nosuch'"),
        (("digest", "2026"), "a month is written like 2026-11"),
        (("labels", "nosuch.csv"), "there is no file nosuch.csv"),
        (("calibrate", "--release", "visits@9"), "there are no windows of 'visits@9'"),
    ],
)
def test_what_there_is_not_is_one_line_with_the_remedy(words, said, moved, told):
    message = told("watch", *words, "-p", moved, code=1)
    assert message.startswith("error: ")
    assert said in message
    assert message.count("\n") == 1


def test_before_any_window_each_verb_says_what_to_do(tmp_path, told):
    folder = write_watched(tmp_path / "p")
    assert "no alarm was raised yet" in told("watch", "show", "-p", folder, code=1)
    assert "there are no windows in" in told("watch", "calibrate", "-p", folder, code=1)
    assert "no windows yet" in told("watch", "status", "-p", folder, code=3)
    folder = write_watched(tmp_path / "without", section="")
    assert "has no [watch] section" in told("watch", "--once", "-p", folder, code=1)


def test_a_file_that_cannot_be_used_is_an_error_beside_what_is_told(fresh, capsys):
    visits(range(2, 4)).drop("age").write_csv(fresh / "in/b.csv")
    assert run(["watch", "--once", "-p", str(fresh)]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: column 'age' is not in in/b.csv")
    assert "visits@before: 2 windows" in captured.out


def test_options_stand_after_the_verb(moved, told):
    message = told("watch", "-p", moved, "status", code=1)
    assert "smallcraft watch status --project ..." in message


def test_another_usual_release_answers_files_from_then_on(storied, told):
    with (storied / "smallcraft.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[watch]\nfiles = "in/*.csv"\ntime = "at"\n')
    (storied / "in").mkdir()
    for hour, release in ((0, "rows@1"), (1, "rows@2")):
        told("alias", "stable", release, "-p", storied, "--because", "so")
        frame = pl.DataFrame({"at": [BEGIN + hour * HOUR] * 3, "message": ["refund my invoice"] * 3})
        frame.write_csv(storied / f"in/{hour}.csv")
        told("watch", "--once", "-p", storied, code=3)
    found = json.loads(told("watch", "status", "--json", "-p", storied, code=3))
    assert [(one["release"], one["windows"]) for one in found["releases"]] == [("rows@1", 1), ("rows@2", 1)]


WATCHES = "import sys; from smallcraft.cli.main import run; sys.exit(run(sys.argv[1:]))"


@pytest.mark.slow
def test_it_goes_on_until_it_is_ended_and_tells_what_is_new_once(fresh):
    """A file that cannot be used, then one that can, then Ctrl-C."""
    (fresh / "in/b.csv").write_text("at\n7\n", encoding="utf-8")
    command = [sys.executable, "-c", WATCHES, "watch", "--every", "0.1", "-p", str(fresh)]
    said, wrong = fresh / "said.txt", fresh / "wrong.txt"
    with said.open("wb") as out, wrong.open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        try:
            until(lambda: "2026-01-01 01:00 visits@before: undecided" in said.read_text("utf-8"))
            (fresh / "in/b.csv").rename(fresh / "in/b.txt")
            visits(range(2, 3)).write_csv(fresh / "c.csv")
            (fresh / "c.csv").rename(fresh / "in/c.csv")
            until(lambda: "2026-01-01 02:00 visits@before: undecided" in said.read_text("utf-8"))
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        finally:
            process.kill()
            process.wait()
    lines = said.read_text("utf-8").splitlines()
    assert len(lines) == len(set(lines)) == 4
    assert sum(line.startswith("next  smallcraft watch status") for line in lines) == 1
    assert wrong.read_text("utf-8").count("must hold times") == 1
