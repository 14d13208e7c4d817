"""The contract over all formats, and what each tool's files hold that no other's do."""

import csv
import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from tests.label.label_tools import (
    IN_ARGILLA,
    IN_LABEL_STUDIO,
    LABEL_TOOLS,
    exported_argilla,
    exported_label_studio,
    run_tool,
)
from tests.label.rounds import CLASSES, small_campaign, texts_of

from smallcraft.errors import DataError
from smallcraft.label.formats import BUILTIN


@pytest.fixture(scope="module")
def sheet():
    campaign = small_campaign(guideline="2")
    return campaign.sheet(texts_of(campaign))


def answered(name, data, answers):
    """A written file with answers in it, as the tool gives it back."""
    if name == "label_studio":
        return exported_label_studio(data, answers)
    if name == "argilla":
        return exported_argilla(
            data,
            {item: [(who, label, "submitted") for who, label in given] for item, given in answers.items()},
        )
    return filled(data, answers)


def filled(data, answers, delimiter=","):
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    columns = lines[0]
    kept = {line[columns.index("item_id")]: line for line in lines[1:]}
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(columns)
    for item, given in answers.items():
        for who, label in given:
            line = list(kept[item])
            line[columns.index("annotator")], line[columns.index("label")] = who, label
            writer.writerow(line)
    return out.getvalue().encode("utf-8-sig")


def sample(sheet):
    items = [ask.item for ask in sheet.asks[:6]]
    return {item: [("ann", CLASSES[place % 3]), ("bob", "card")] for place, item in enumerate(items)}


# --- every format --------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILTIN)
def test_what_is_written_and_answered_reads_back_with_item_annotator_label_and_campaign(name, sheet):
    answers = sample(sheet)
    data = answered(name, BUILTIN[name].write(sheet)[0].data, answers)
    found = {(one.item, one.annotator, one.label) for one in BUILTIN[name].read(data, source="f")}
    assert found == {(item, who, label) for item, given in answers.items() for who, label in given}
    assert {one.campaign for one in BUILTIN[name].read(data, source="f")} == {sheet.campaign}


@pytest.mark.parametrize("name", BUILTIN)
def test_an_export_without_answers_has_none(name, sheet):
    data = answered(name, BUILTIN[name].write(sheet)[0].data, {})
    assert BUILTIN[name].read(data, source="f") == ()


@pytest.mark.parametrize("name", BUILTIN)
def test_only_rows_that_are_not_blind_carry_a_suggestion(name, sheet):
    text = BUILTIN[name].write(sheet)[0].data.decode("utf-8-sig")
    if name == "csv":
        shown = [bool(row["suggestion"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
        wanted = [ask.suggestion is not None for ask in sheet.asks for _ in range(ask.votes)]
    else:
        key = "predictions" if name == "label_studio" else "label.suggestion"
        shown = [key in row for row in json.loads(text)]
        wanted = [ask.suggestion is not None for ask in sheet.asks]
    assert shown == wanted
    assert any(wanted)
    assert not all(wanted)


@pytest.mark.parametrize("name", ["label_studio", "argilla"])
def test_an_export_cut_anywhere_is_refused_whole(name, sheet):
    data = answered(name, BUILTIN[name].write(sheet)[0].data, sample(sheet))
    for cut in range(0, len(data) - 1, 997):
        with pytest.raises(DataError, match="nothing was imported"):
            BUILTIN[name].read(data[:cut], source="f")


@pytest.mark.parametrize("name", BUILTIN)
def test_a_file_of_another_tool_is_refused(name, sheet):
    other = {"label_studio": "argilla", "argilla": "csv", "csv": "label_studio"}[name]
    data = answered(other, BUILTIN[other].write(sheet)[0].data, sample(sheet))
    with pytest.raises(DataError):
        BUILTIN[name].read(data, source="f")


# --- Label Studio --------------------------------------------------------------------


def test_label_studio_tasks_hold_design_and_priority_and_the_score_is_the_models(sheet):
    tasks = json.loads(BUILTIN["label_studio"].write(sheet)[0].data)
    for task, ask, text in zip(tasks, sheet.asks, sheet.texts, strict=True):
        data = task["data"]
        assert (data["text"], data["item_id"], data["arm"]) == (text, ask.item, ask.arm)
        assert (data["pi"], data["priority"], data["slice"]) == (ask.chance, ask.priority, ask.slice)
        for prediction in task.get("predictions", []):
            assert prediction["score"] == ask.confidence
            assert prediction["result"][0]["value"] == {"choices": [ask.suggestion]}


def test_the_view_offers_every_class_and_escapes_their_names(sheet):
    odd = replace(sheet, classes=('a "b" & <c>', "card"), question="Which & why?")
    view = ElementTree.fromstring(BUILTIN["label_studio"].write(odd)[1].data)
    assert [choice.get("value") for choice in view.iter("Choice")] == ['a "b" & <c>', "card"]
    assert view.find("Choices").get("toName") == view.find("Text").get("name")


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (lambda who: 7, "7"),
        (lambda who: {"id": 7, "email": "ann@x.org"}, "ann@x.org"),
        (lambda who: {"id": 7}, "7"),
    ],
)
def test_completed_by_is_a_number_or_a_person(sheet, form, name):
    item = sheet.asks[0].item
    data = exported_label_studio(
        BUILTIN["label_studio"].write(sheet)[0].data, {item: [("ann", "card")]}, completed_by=form
    )
    (answer,) = BUILTIN["label_studio"].read(data, source="f")
    assert (answer.annotator, answer.lead_time_s, answer.time) == (name, 4.25, "2026-11-29T06:00:00.000000Z")


def test_a_cancelled_task_and_an_empty_result_are_skips(sheet):
    item = sheet.asks[0].item
    data = BUILTIN["label_studio"].write(sheet)[0].data
    skipped = json.loads(exported_label_studio(data, {item: [("ann", None), ("bob", None)]}))
    skipped[0]["annotations"][1]["was_cancelled"] = False
    answers = BUILTIN["label_studio"].read(json.dumps(skipped).encode(), source="f")
    assert [one.label for one in answers] == [None, None]


def test_json_min_and_an_annotation_of_nobody_are_refused(sheet):
    with pytest.raises(DataError, match="not JSON-MIN"):
        BUILTIN["label_studio"].read(b'[{"text": "a", "label": "card", "item_id": "i1"}]', source="f")
    item = sheet.asks[0].item
    data = exported_label_studio(
        BUILTIN["label_studio"].write(sheet)[0].data, {item: [("ann", "card")]}, completed_by=lambda who: None
    )
    with pytest.raises(DataError, match="must say who made it"):
        BUILTIN["label_studio"].read(data, source="f")


def test_two_choices_on_one_row_are_refused(sheet):
    data = json.loads(
        exported_label_studio(
            BUILTIN["label_studio"].write(sheet)[0].data, {sheet.asks[0].item: [("ann", "card")]}
        )
    )
    data[0]["annotations"][0]["result"][0]["value"]["choices"] = ["card", "refund"]
    with pytest.raises(DataError, match="must have one choice, got card, refund"):
        BUILTIN["label_studio"].read(json.dumps(data).encode(), source="f")


@pytest.mark.peer
def test_label_studios_own_library_takes_the_tasks_and_its_answers_come_back(sheet, peer_python, tmp_path):
    tasks, view = BUILTIN["label_studio"].write(sheet)
    paths = [tmp_path / name for name in ("tasks.json", "view.xml", "answers.json", "out.json")]
    for path, data in zip(paths, (tasks.data, view.data, json.dumps(sample(sheet)).encode()), strict=False):
        path.write_bytes(data)
    told = run_tool(peer_python(LABEL_TOOLS), IN_LABEL_STUDIO, *paths)
    assert told["choices"] == sorted(CLASSES)
    assert told["checked"] == sum(ask.suggestion is not None for ask in sheet.asks)
    found = BUILTIN["label_studio"].read(paths[3].read_bytes(), source="f")
    assert {(one.item, one.annotator, one.label) for one in found} == {
        (item, who, label) for item, given in sample(sheet).items() for who, label in given
    }


# --- Argilla -------------------------------------------------------------------------


def test_only_submitted_responses_count(sheet):
    item = sheet.asks[0].item
    given = {item: [("ann", "card", "submitted"), ("bob", "card", "draft"), ("eve", "refund", "discarded")]}
    data = exported_argilla(BUILTIN["argilla"].write(sheet)[0].data, given)
    answers = BUILTIN["argilla"].read(data, source="f")
    assert [(one.annotator, one.label) for one in answers] == [("ann", "card"), ("eve", None)]


def test_an_export_that_lost_the_status_is_refused(sheet):
    given = {sheet.asks[0].item: [("ann", "card", "submitted")]}
    data = json.loads(exported_argilla(BUILTIN["argilla"].write(sheet)[0].data, given))
    del data[0]["label.responses.status"]
    with pytest.raises(DataError, match=r"records\.to_list\(flatten=True\)"):
        BUILTIN["argilla"].read(json.dumps(data).encode(), source="f")


def test_the_settings_name_every_class_and_every_metadata_field(sheet):
    records, settings = (json.loads(one.data) for one in BUILTIN["argilla"].write(sheet))
    assert settings["questions"][0]["labels"] == list(CLASSES)
    metadata = {name for names in settings["metadata"].values() for name in names}
    assert all(metadata <= set(record) for record in records)
    shown = [set(record) - metadata - {"id", "text"} for record in records]
    assert {frozenset(keys) for keys in shown} == {frozenset(), frozenset(settings["mapping"])}


@pytest.mark.peer
def test_argillas_own_library_takes_the_records_and_its_answers_come_back(sheet, peer_python, tmp_path):
    records, settings = BUILTIN["argilla"].write(sheet)
    given = {item: [(who, label, "submitted") for who, label in said] for item, said in sample(sheet).items()}
    given[sheet.asks[7].item] = [("ann", "card", "draft")]
    paths = [tmp_path / name for name in ("records.json", "settings.json", "answers.json", "out.json")]
    for path, data in zip(paths, (records.data, settings.data, json.dumps(given).encode()), strict=False):
        path.write_bytes(data)
    people = run_tool(peer_python(LABEL_TOOLS), IN_ARGILLA, *paths)["people"]
    found = BUILTIN["argilla"].read(paths[3].read_bytes(), source="f")
    assert {(one.item, one.annotator, one.label) for one in found} == {
        (item, people[who], label) for item, said in sample(sheet).items() for who, label in said
    }


# --- CSV -----------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheet_of_any_country_reads_back(sheet, delimiter):
    data = filled(BUILTIN["csv"].write(sheet)[0].data, sample(sheet), delimiter)
    assert len(BUILTIN["csv"].read(data, source="f")) == 12


def test_no_cell_of_the_sheet_starts_a_formula(sheet):
    text = BUILTIN["csv"].write(sheet)[0].data.decode("utf-8-sig")
    cells = [cell for line in csv.reader(io.StringIO(text, newline="")) for cell in line]
    assert any(cell.startswith("'=") for cell in cells)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_a_row_wanted_twice_has_two_lines(sheet):
    lines = BUILTIN["csv"].write(sheet)[0].data.decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(lines, newline="")))) == 1 + sum(ask.votes for ask in sheet.asks)


def test_three_plain_columns_are_enough():
    (answer,) = BUILTIN["csv"].read(b"item_id,annotator,label\ni1,ann,card\ni2,ann,\n", source="f")
    assert (answer.item, answer.annotator, answer.label, answer.campaign) == ("i1", "ann", "card", None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"item,annotator,label\n", "column 'item_id' is not in f"),
        (b"item_id,annotator,label\ni1,ann\n", "must have 3 cells, got 2"),
        (b'item_id,annotator,label\n"i1,ann,card\n', "not a whole CSV file"),
        (b"item_id,annotator,label\ni1,,card\n", "it must have 'annotator'"),
        (b"item_id,annotator,label\ni\xff,ann,card\n", "is not UTF-8"),
        (b"", "it has nothing"),
    ],
)
def test_broken_sheets_are_refused_with_the_place(data, message):
    with pytest.raises(DataError, match=message):
        BUILTIN["csv"].read(data, source="f")
