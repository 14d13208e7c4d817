"""From `label next` into a real Label Studio, labelled there, exported, and back by `label import`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.peers import LABEL_STUDIO
from tests.label.label_studio_server import PERSON, served_label_studio
from tests.pipeline.labelling.projects import plant

from smallcraft.cli.main import run

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(peer_python, tmp_path_factory):
    with served_label_studio(peer_python(LABEL_STUDIO), tmp_path_factory.mktemp("label-studio")) as found:
        yield found


def told(capsys, *words):
    assert run([*map(str, words), "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_what_label_next_writes_is_imported_labelled_and_comes_back_to_label_import(server, tmp_path, capsys):
    folder = tmp_path / "p"
    truth = plant(folder, rows=150)
    asked = told(capsys, "label", "next", "--budget", 16, "--format", "label-studio", "-p", folder)
    files = {Path(file).suffix: Path(file) for file in asked["files"]}
    written = json.loads(files[".json"].read_text(encoding="utf-8"))
    # (1) the page and the tasks, as they were written
    project = server.new_project(files[".xml"].read_text(encoding="utf-8"))
    taken = server.import_tasks(project, written)
    assert taken["task_count"] == len(written) == asked["rows"]
    assert taken["prediction_count"] == sum("predictions" in task for task in written)
    # (2) a person labels all of them but one, which is skipped
    tasks = server.tasks(project)
    assert sorted(task["data"]["item_id"] for task in tasks) == sorted(
        task["data"]["item_id"] for task in written
    )
    labels = {task["data"]["item_id"]: truth[task["data"]["text"]] for task in tasks}
    skipped = min(labels)
    for task in tasks:
        item = task["data"]["item_id"]
        server.annotate(task["id"], None if item == skipped else labels[item])
    # (3) back
    (tmp_path / "export.json").write_bytes(server.export(project))
    words = ("label", "import", tmp_path / "export.json", "--format", "label-studio", "-p", folder)
    taken = told(capsys, *words)
    assert (taken["added"], taken["skipped"]) == (len(tasks) - 1, 1)
    assert taken["campaigns"] == [asked["campaign"]]
    again = told(capsys, *words)
    assert (again["added"], again["repeated"]) == (0, len(tasks) - 1)


def test_a_person_keeps_one_name_whether_the_export_has_the_number_or_the_mail(server, tmp_path, capsys):
    """An export names who answered by number; the API's list of tasks by person. Both stay one person."""
    from smallcraft.label.formats import BUILTIN

    folder = tmp_path / "p"
    plant(folder, rows=150)
    asked = told(capsys, "label", "next", "--budget", 4, "--format", "label-studio", "-p", folder)
    files = {Path(file).suffix: Path(file) for file in asked["files"]}
    project = server.new_project(files[".xml"].read_text(encoding="utf-8"))
    server.import_tasks(project, json.loads(files[".json"].read_text(encoding="utf-8")))
    for task in server.tasks(project):
        server.annotate(task["id"], "login")
    answers = BUILTIN["label_studio"].read(server.export(project), source="export")
    assert len({answer.annotator for answer in answers}) == 1
    people = {str(person["id"]): person["email"] for person in server.told("GET", "users/")}
    (annotator,) = {answer.annotator for answer in answers}
    assert people.get(annotator, annotator) == PERSON
    assert {answer.lead_time_s for answer in answers} == {3.5}
