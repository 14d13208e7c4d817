"""`log`, `show` and `diff`: what is told, what is found again, and that JSON keeps to its schema."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.cli.conftest import ORIGIN, REASONS

from smallcraft.pipeline.verifying import verify_path
from smallcraft.pipeline.workspace import open_registry

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def check_schema(name: str, document: object) -> None:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)


def test_the_log_tells_each_release_newest_first_with_delta_reason_and_way_back(storied_built, told):
    out = told("log", "-p", storied_built)
    first, second = out.index("rows@1 (stable), "), out.index("rows@2, ")
    assert second < first
    for release, reason in ((out[first:], REASONS[0]), (out[second:first], REASONS[1])):
        assert f"why      {reason} (person)" in release
    assert "changed  the first release: there is nothing to compare it with" in out[first:]
    assert "smallcraft alias stable rows@1 --because" in out[second:first]
    assert 'load("rows@2").predict(["..."])  # message' in out[second:first]


def test_the_log_tells_what_lost_what_was_kept_back_and_how_a_word_moved(storied_built, told):
    out = told("log", "-p", storied_built)
    assert "tried    majority lost: " in out
    assert "not released: ngram won, but a gate failed: size_mb: " in out
    for moved, why in (
        ("stable means rows@1", "good"),
        ("stable moved from rows@1 to rows@2", "better"),
        ("stable went back from rows@2 to rows@1", "slower at noon"),
    ):
        assert f"{moved}: {why}" in out


def test_the_log_as_json_has_the_same_newest_first_and_keeps_to_its_schema(storied_built, told_json):
    lines = told_json("log", "-p", storied_built)
    check_schema("log", lines)
    assert [line["release"] for line in lines] == ["rows@2", "rows@1"]
    assert [line["why"] for line in lines] == list(reversed(REASONS))
    assert [line["aliases"] for line in lines] == [[], ["stable"]]
    assert (lines[0]["parent"], lines[1]["parent"], lines[0]["said_by"]) == ("rows@1", None, "person")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("rows@1", ["rows@1"]),
        ("routes well", ["rows@1"]),
        ("köln", ["rows@2"]),
        ("KÖLN seed", ["rows@2"]),
        ("require_because", ["rows@2", "rows@1"]),
        ("ngram", ["rows@2", "rows@1"]),
        ("nothing of the kind", []),
        ("100%", []),
    ],
)
def test_a_release_is_found_by_its_name_its_settings_and_its_reason(words, found, storied_built, told_json):
    lines = told_json("log", "-p", storied_built, "--find", words)
    check_schema("log", lines)
    assert [line["release"] for line in lines] == found


def test_what_was_not_found_is_not_told(storied_built, told):
    out = told("log", "-p", storied_built, "--find", "routes well")
    assert "rows@1" in out
    assert "rows@2, " not in out


def test_what_a_word_meant_at_a_time_is_told(storied_built, told, told_json):
    today = datetime.now(UTC).date().isoformat()
    assert f"rows@stable meant rows@1 at {today}" in told("log", "-p", storied_built, "--at", today)
    assert "no alias meant anything at 2020-01-01" in told("log", "-p", storied_built, "--at", "2020-01-01")
    meant = told_json("log", "-p", storied_built, "--at", today)
    check_schema("log", meant)
    assert meant == {"rows@stable": "rows@1"}


def test_a_time_that_is_none_is_refused_with_an_example(storied_built, told):
    message = told("log", "-p", storied_built, "--at", "yesterday", code=1)
    assert "must be RFC 3339 in UTC, got 'yesterday'; write for example 2026-10-01T12:00:00Z" in message


def test_a_release_is_shown_line_by_line(storied_built, told):
    out = told("show", "-p", storied_built)
    for line in (
        *("release: rows@2\n", "verdict: accept\n", f"why: {REASONS[1]} (person)\n", "follows: rows@1\n"),
        "gate better_than_majority: PASS: ",
    ):
        assert line in out
    assert open_registry(storied_built).read("latest").manifest_digest in out


def test_a_release_as_json_is_what_the_registry_read(storied_built, told_json):
    shown = told_json("show", "rows@stable", "-p", storied_built)
    release = open_registry(storied_built).read("rows@1")
    assert (shown["name"], shown["version"]) == ("rows", 1)
    assert shown["manifest_digest"] == release.manifest_digest
    assert {file["path"] for file in shown["files"]} == {file.path for file in release.files}
    assert shown["facts"]["environment"]["seed"] == 0


@pytest.mark.parametrize("release", ["rows@1", "latest"])
def test_a_proof_is_a_folder_of_its_own_with_instructions(release, storied_built, tmp_path, told):
    folder = tmp_path / "proof"
    out = told("show", release, "-p", storied_built, "--proof", folder)
    assert f"{folder}/VERIFY.md says how to check it" in out
    assert ORIGIN in (folder / "checkpoint").read_text(encoding="utf-8")
    assert verify_path(folder).root in told("verify", "-p", storied_built)


def test_a_proof_is_written_beside_nothing_else(storied_built, tmp_path, told):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    message = told("show", "-p", storied_built, "--proof", tmp_path, code=1)
    assert "already holds mine.txt, which is no file of the release" in message
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_two_releases_stand_beside_each_other(storied_built, told, monkeypatch):
    monkeypatch.setenv("COLUMNS", "220")
    out = told("diff", "rows@1", "rows@2", "-p", storied_built)
    for section in ("metric", "data", "config", "tensors", "cost", "code"):
        assert section in out
    assert "macro_f1 on dev" in out
    assert [line.split() for line in out.splitlines() if line.split()[:2] == ["seed", "none"]] == [
        ["seed", "none", "1"]
    ]
    assert told("diff", "rows@1", "-p", storied_built) == out


def test_a_comparison_as_json_keeps_to_its_schema_and_says_the_difference(storied_built, told_json):
    found = told_json("diff", "rows@1", "rows@2", "-p", storied_built)
    check_schema("diff", found)
    assert (found["before"], found["after"]) == ("rows@1", "rows@2")
    assert {"op": "add", "path": "/seed", "value": 1} in found["delta"]["config"]
    # Other rows stand in train and dev; those of cert are the same.
    assert (found["delta"]["rows"]["added"], found["delta"]["rows"]["removed"]) == (0, 0)
    back = told_json("diff", "rows@2", "rows@1", "-p", storied_built)
    check_schema("diff", back)
    assert {step["op"] for step in back["delta"]["config"]} <= {"test", "remove"}


def test_a_release_compared_with_itself_differs_in_nothing(storied_built, told_json):
    found = told_json("diff", "rows@1", "rows@1", "-p", storied_built)
    check_schema("diff", found)
    on_dev = [change["difference"] for change in found["delta"]["metrics"] if change["split"] == "dev"]
    assert on_dev
    assert set(on_dev) == {0.0}
    assert (found["delta"]["config"], found["delta"]["tensors"]["changed"]) == ([], [])


@pytest.mark.parametrize("verb", ["show", "card", "verify"])
def test_a_release_that_is_not_there_is_named(storied_built, verb, told):
    assert "rows has no version '7'; it has 1 to 2 and stable" in told(
        verb, "rows@7", "-p", storied_built, code=1
    )


@pytest.mark.parametrize("verb", [["log"], ["show"], ["diff", "rows@1"]])
def test_where_nothing_was_released_the_next_step_is_told(verb, tmp_path, told):
    assert "run `smallcraft build`" in told(*verb, "-p", tmp_path, code=1)
