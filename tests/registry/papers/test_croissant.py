from __future__ import annotations

import csv
import hashlib
import json

import mlcroissant
import pytest
from tests.registry.papers.samples import HOSTILE, facts_of

from smallcraft.records import Release
from smallcraft.registry.papers.croissant import render_croissant, render_release_croissant

# The reader's own parts are older than a library below it.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")

ROWS = [["I want my money back", "refund"], ['a "quoted", message', "ticket"]]
COLUMNS = [
    {"name": "message", "type": "String", "role": "text"},
    {"name": "intent", "type": "String", "role": "label"},
]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """What is checked here needs no network, so none is given."""

    def refuse(*given, **named):
        raise AssertionError("a Croissant document must be checked offline")

    monkeypatch.setattr("requests.sessions.Session.request", refuse)


def facts_with_files(folder, *, columns=COLUMNS):
    path = folder / "tickets.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["message", "intent"], *ROWS])
    read = path.read_bytes()
    file = {
        "path": path.name,
        "sha256": hashlib.sha256(read).hexdigest(),
        "size_bytes": len(read),
        "format": "csv",
    }
    facts = facts_of()
    facts["data"].update(files=[file], columns=columns)
    return facts


def checked(folder, facts):
    """The document as the reference reader sees it; it must find neither error nor warning."""
    path = folder / "croissant.json"
    path.write_bytes(render_croissant(facts))
    dataset = mlcroissant.Dataset(jsonld=str(path))
    assert dataset.metadata.ctx.issues.report() == ""
    return dataset


def test_the_reference_reader_finds_no_fault_and_reads_the_rows_themselves(tmp_path):
    dataset = checked(tmp_path, facts_with_files(tmp_path))
    found = [[*record.values()] for record in dataset.records("rows-1")]
    assert found == [[text.encode(), label.encode()] for text, label in ROWS]


def test_a_changed_byte_of_a_file_is_refused_by_the_reference_reader(tmp_path):
    facts = facts_with_files(tmp_path)
    facts["data"]["files"][0]["sha256"] = "0" * 64
    with pytest.raises(mlcroissant.GenerationError) as refused:
        list(checked(tmp_path, facts).records("rows-1"))
    print(repr(refused.value.__cause__))
    assert "is not identical with the reference" in str(refused.value.__cause__)


def test_splits_stand_with_rows_and_digest(tmp_path):
    found = list(checked(tmp_path, facts_of()).records("splits"))
    assert [record["splits/name"] for record in found] == ["train", "dev", "cert"]
    assert found[2] == {
        "splits/name": "cert",
        "splits/url": "cr:TestSplit",
        "splits/rows": 674,
        "splits/digest": "sha256:" + "3" * 64,
    }


def test_classes_are_an_enumeration(tmp_path):
    found = checked(tmp_path, facts_of()).records("classes")
    assert [record["classes/name"] for record in found] == ["refund", "ticket"]


@pytest.mark.parametrize("facts", [{}, {"data": {"files": [{"path": "x.csv"}]}}])
def test_a_file_without_its_digest_is_left_out(tmp_path, facts):
    assert "distribution" not in json.loads(render_croissant(facts))


def test_few_facts_make_a_document_without_errors(tmp_path):
    path = tmp_path / "croissant.json"
    path.write_bytes(render_croissant({"name": "helpdesk"}))
    assert mlcroissant.Dataset(jsonld=str(path)).metadata.ctx.issues.errors == set()


@pytest.mark.parametrize(
    ("named", "known"),
    [
        ("Int64", "sc:Integer"),
        ("UInt8", "sc:Integer"),
        ("Float32", "sc:Float"),
        ("Boolean", "sc:Boolean"),
        ("Datetime(time_unit='us')", "sc:DateTime"),
        ("Date", "sc:Date"),
        ("Categorical", "sc:Text"),
        ("", "sc:Text"),
    ],
)
def test_types_of_columns_become_types_of_fields(tmp_path, named, known):
    facts = facts_with_files(tmp_path, columns=[{"name": "message", "type": named}])
    document = json.loads(render_croissant(facts))
    assert document["recordSet"][-1]["field"][0]["dataType"] == known


@pytest.mark.parametrize(
    ("file", "known"),
    [
        ({"path": "a/b.parquet"}, "application/x-parquet"),
        ({"path": "b.csv.gz"}, "text/csv"),
        ({"path": "b", "format": "jsonl"}, "application/jsonlines"),
        ({"path": "b.bin"}, "application/octet-stream"),
    ],
)
def test_a_files_format_follows_from_its_record_or_its_name(file, known):
    facts = {"data": {"files": [{**file, "sha256": "sha256:" + "0" * 64}]}}
    [found] = json.loads(render_croissant(facts))["distribution"]
    assert (found["encodingFormat"], found["sha256"]) == (known, "0" * 64)


def test_text_of_users_stays_text(tmp_path):
    facts = facts_with_files(tmp_path)
    facts["card"] = {"purpose": HOSTILE, "collection": HOSTILE, "sensitive": HOSTILE}
    dataset = checked(tmp_path, facts)
    assert dataset.metadata.data_collection == HOSTILE


def test_the_source_and_the_license_become_addresses():
    document = json.loads(render_croissant(facts_of()))
    assert document["url"] == "https://example.org/tickets"
    assert document["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"


def test_a_release_gives_version_and_date():
    release = Release("helpdesk", 7, "sha256:0", None, "2026-01-01T00:00:00Z", (), facts_of())
    document = json.loads(render_release_croissant(release))
    assert (document["version"], document["datePublished"]) == ("7.0.0", "2026-01-01T00:00:00Z")


def test_equal_facts_give_equal_bytes():
    assert render_croissant(facts_of()) == render_croissant(facts_of())
