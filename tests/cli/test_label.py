"""`label`: what to ask, answers back in three forms, what they bought; one clear error for what is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import polars as pl
import pytest
from tests.label.label_tools import exported_argilla, exported_label_studio
from tests.pipeline.labelling.projects import filled_in, kept_examples, lines_of, plant, raise_alarm
from tests.projects import change_project, copy_project, message_rows, write_rows

from smallcraft.observe.journal import Journal
from smallcraft.pipeline.watching.project import WatchPlaces

# Kills itself as the folder of the next version is about to get its name.
DIES = """
import os, signal, sys
from smallcraft.cli.main import run
os.rename = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
run(sys.argv[1:])
"""
SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/label.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A project with wrong labels; not to be changed."""
    folder = tmp_path_factory.mktemp("planted") / "p"
    return folder, plant(folder, rows=150)


@pytest.fixture
def folder(planted, tmp_path):
    return copy_project(planted[0], tmp_path / "p")


def test_before_the_first_campaign_status_says_how_to_begin(folder, told, told_json):
    assert "begin one with `smallcraft label next`" in told("label", "status", "-p", folder)
    found = told_json("label", "status", "-p", folder)
    jsonschema.validate(found, SCHEMA)
    assert found["campaigns"] == []


def test_a_round_by_csv_from_the_question_to_what_it_bought(folder, planted, told, told_json):
    project = ("-p", folder)
    asked = told_json("label", "next", "--budget", 24, *project)
    assert (asked["unit"], sum(asked["arms"].values())) == ("votes", asked["rows"])
    assert 20 < asked["votes"] <= 24
    sheet = Path(asked["files"][0])
    (folder / "answers.csv").write_bytes(filled_in(sheet, planted[1], people=("ann", "bob")))
    taken = told_json("label", "import", folder / "answers.csv", *project)
    assert (taken["added"], taken["campaigns"]) == (2 * asked["rows"], [asked["campaign"]])
    words = told("label", "import", folder / "answers.csv", *project)
    assert f"0 votes taken in, {2 * asked['rows']} were known, 0 skipped" in words
    named = f'path = "{taken["version"]}" and split = "{taken["split"]}"'
    assert f"first {named} in [data] of smallcraft.toml" in words
    bought = told("label", "measure", "--seeds", 1, *project)
    assert "votes changed" in bought
    assert "accuracy on dev" in bought
    assert "of targeted rows" in bought
    found = told_json("label", "status", *project)
    jsonschema.validate(found, SCHEMA)
    (one,) = found["campaigns"]
    assert (one["state"], one["annotators"], one["rows_answered"]) == ("measured", 2, asked["rows"])
    assert "measured" in told("label", "status", *project)
    assert f"labelled: campaign {asked['campaign']}" in told("log", *project)


def test_a_process_killed_in_the_middle_of_an_import_is_gone_on_with_by_the_same_command(
    folder, planted, told_json
):
    project = ("-p", folder)
    asked = told_json("label", "next", "--budget", 16, *project)
    (folder / "a.csv").write_bytes(filled_in(Path(asked["files"][0]), planted[1]))
    command = (sys.executable, "-c", DIES, "label", "import", str(folder / "a.csv"), "-p", str(folder))
    died = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert [path.name for path in (folder / "labels").glob("*version-*")] == [".version-2.new"]
    taken = told_json("label", "import", folder / "a.csv", *project)
    assert (taken["added"], taken["repeated"]) == (0, asked["rows"])
    assert taken["version"] == "labels/version-2/rows*.csv"
    assert [path.name for path in (folder / "labels").glob("*version-*")] == ["version-2"]


@pytest.mark.parametrize("name", ["label-studio", "argilla"])
def test_a_round_by_a_labelling_tool_two_people_one_skip_one_empty_answer(folder, planted, told_json, name):
    project = ("-p", folder)
    asked = told_json("label", "next", "--budget", 16, "--format", name, *project)
    rows = Path(asked["files"][0]).read_bytes()
    is_studio = name == "label-studio"
    texts = {
        (one["data"] if is_studio else one)["item_id"]: (one["data"] if is_studio else one)["text"]
        for one in json.loads(rows)
    }
    items = sorted(texts)
    right = {item: planted[1][texts[item]] for item in items}
    answers = {item: [("ann", right[item]), ("bob", right[item])] for item in items}
    answers[items[0]] = [("ann", None), ("bob", right[items[0]])]
    if is_studio:
        data = exported_label_studio(rows, answers)
    else:
        data = exported_argilla(
            rows,
            {
                item: [(who, label, "submitted" if label else "discarded") for who, label in said]
                for item, said in answers.items()
            },
        )
    (folder / "export.json").write_bytes(data)
    taken = told_json("label", "import", folder / "export.json", "--format", name, *project)
    assert (taken["added"], taken["skipped"]) == (2 * len(items) - 1, 1)
    again = told_json("label", "import", folder / "export.json", "--format", name, *project)
    assert (again["added"], again["repeated"]) == (0, 2 * len(items) - 1)


def test_a_changed_answer_counts_only_when_a_revision_is_asked_for(folder, planted, told, told_json):
    project = ("-p", folder)
    asked = told_json("label", "next", "--budget", 8, *project)
    sheet = Path(asked["files"][0])
    (folder / "a.csv").write_bytes(filled_in(sheet, planted[1]))
    told("label", "import", folder / "a.csv", *project)
    line = lines_of(sheet)[0]
    other = "login" if planted[1][line["text"]] != "login" else "parcel"
    changed = f"item_id,annotator,label\n{line['item_id']},ann,{other}\n"
    (folder / "b.csv").write_text(changed, encoding="utf-8")
    named = ("--campaign", asked["campaign"])
    assert "does not say its campaign" in told("label", "import", folder / "b.csv", *project, code=1)
    refused = told("label", "import", folder / "b.csv", *named, *project, code=1)
    assert "nothing was imported: ask for a revision" in refused
    assert told_json("label", "import", folder / "b.csv", "--revise", *named, *project)["revised"] == 1


def test_a_stopped_campaign_says_why_and_takes_no_answers(folder, planted, told, told_json):
    project = ("-p", folder)
    asked = told_json("label", "next", "--budget", 8, *project)
    assert "is stopped: the shop closed" in told(
        "label", "stop", asked["campaign"], "--because", "the shop closed", *project
    )
    found = told_json("label", "status", *project)
    jsonschema.validate(found, SCHEMA)
    assert (found["campaigns"][0]["state"], found["campaigns"][0]["note"]) == ("stopped", "the shop closed")
    assert "stopped (the shop closed)" in told("label", "status", *project)
    (folder / "a.csv").write_bytes(filled_in(Path(asked["files"][0]), planted[1]))
    assert "which was stopped" in told("label", "import", folder / "a.csv", *project, code=1)
    assert "what may follow is nothing" in told(
        "label", "stop", asked["campaign"], "--because", "again", *project, code=1
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("next", "--format", "prodigy"), "'prodigy' is not one of the formats"),
        (("next", "--strategy", "margn"), "did you mean 'margin'"),
        (("next", "--budget", "0"), "a budget pays for one row at least"),
        (("next", "--alarm", "last"), "no alarm was raised yet"),
        (("import", "gone.csv"), "there is no file gone.csv; export the answers"),
        (("measure",), "no campaign has answers yet; import some"),
        (("measure", "c0123456789"), "there is no campaign 'c0123456789'; there are: none yet"),
        (("stop", "../votes", "--because", "x"), "a campaign's id is letters and digits"),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(folder, told, words, message):
    said = told("label", *words, "-p", folder, code=1)
    assert message in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("task", "marks"), [("multilabel", ["a|b", "b"]), ("regression", ["1.5", "2.5"])])
def test_several_labels_and_numbers_are_refused_with_the_way_out(tmp_path, told, task, marks):
    rows = {"message": message_rows(20)["message"], "mark": marks * 10}
    data = f'text = "message"\nlabel = "mark"\ntask = "{task}"'
    folder = write_rows(tmp_path / "p", rows, data=data, more="")
    assert "label such rows elsewhere and add them to the data" in told("label", "next", "-p", folder, code=1)


def test_answers_to_an_alarms_batch_say_whether_it_does_harm(small, told, told_json):
    project = ("-p", small)
    found = message_rows(400, seed=5)
    truth = dict(zip(found["message"], found["intent"], strict=True))
    wrong = kept_examples([text for text in truth if truth[text] != "login"], answer="login", arm="random")
    alarm = raise_alarm(small, wrong, release="rows@1", size=120)
    asked = told_json("label", "next", "--alarm", "last", *project)
    assert asked["arms"]["random"] > 30
    (small / "a.csv").write_bytes(filled_in(Path(asked["files"][0]), truth))
    taken = told_json("label", "import", small / "a.csv", *project)
    assert taken["alarms"][alarm.id] == "harmful"
    with Journal(WatchPlaces(small).root) as journal:
        (harm,) = {one.harm.verdict.value for one in journal.alarms() if one.id == alarm.id}
    assert harm == "harmful"
    frame = pl.read_csv(small / "labels/version-2/rows_new.csv")
    assert frame.height == asked["rows"]
    assert "is harmful" in told("label", "import", small / "a.csv", *project)


def test_answers_from_a_release_that_cannot_be_watched_come_in_and_say_so(small, planted, told_json):
    found = message_rows(40, seed=5)
    truth = dict(zip(found["message"], found["intent"], strict=True))
    raise_alarm(small, kept_examples([*truth], answer="login", arm="random"), release="gone@9")
    project = ("-p", small)
    asked = told_json("label", "next", "--alarm", "gone", *project)
    (small / "a.csv").write_bytes(filled_in(Path(asked["files"][0]), truth))
    taken = told_json("label", "import", small / "a.csv", *project)
    assert taken["added"] == asked["rows"]
    assert list(taken["refused"]) == ["gone@9"]


def test_a_project_named_in_the_file_asks_as_it_says(folder, told_json):
    more = '[label]\nbudget = 10\nformat = "argilla"\nstrategy = "margin"\nrandom = 0.15\n[ladder]'
    change_project(folder, "[ladder]", more)
    asked = told_json("label", "next", "-p", folder)
    assert 8 < asked["votes"] <= 10
    assert [Path(path).suffixes for path in asked["files"]] == [[".json"], [".settings", ".json"]]
