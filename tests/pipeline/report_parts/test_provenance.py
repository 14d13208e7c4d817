from __future__ import annotations

import ast
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from tests.pipeline.builds import make_build, make_facts

from smallcraft.pipeline.report_parts.provenance import (
    data_lines,
    data_notes,
    digest_lines,
    machine_lines,
    split_rows,
    usage,
)


@pytest.fixture(scope="module")
def result():
    return make_build()


@pytest.fixture(scope="module")
def facts(result):
    return make_facts(result)


def test_a_license_that_is_not_stated_says_where_to_state_it(facts):
    said = {line.term: line.text for line in data_lines(facts)}
    assert said["license"] == "not stated; say it under [data] license in smallcraft.toml"
    assert said["source"] == "helpdesk export, 2026-10"
    assert (said["rows read"], said["rows set aside"]) == ("10,012", "12")


def test_facts_that_are_not_there_are_not_recorded_and_never_zero():
    assert {line.text for line in data_lines({}) if line.term.startswith("rows")} == {"not recorded"}
    assert data_notes({}) == ()
    assert split_rows({}) == ()
    assert {line.text for line in machine_lines({})} == {"not recorded"}


def test_a_count_of_zero_is_told_as_zero():
    said = {line.term: line.text for line in data_lines({"data": {"rows_quarantined": 0}})}
    assert said["rows set aside"] == "0"


def test_splits_stand_in_their_order_whatever_the_facts_order():
    rows = split_rows(
        {"data": {"splits": {"cert": {"rows": 1}, "train": {"rows": 1000}, "dev": {"rows": 2}}}}
    )
    assert [(row.name, row.rows) for row in rows] == [("train", "1,000"), ("dev", "2"), ("cert", "1")]


def test_every_digest_that_is_known_is_told(result, facts):
    said = {line.term: line.text for line in digest_lines(result, facts)}
    assert said["release manifest"] == "sha256:" + "d" * 64
    assert said["previous manifest"] == "sha256:" + "e" * 64
    assert said["released bundle"] == "sha256:" + "c" * 64
    assert said["data"] == "sha256:" + "1" * 64
    assert said["backbone all-MiniLM-L6-v2"] == "sha256:" + "b" * 64
    assert said["training and runtime code"] == "sha256:" + "9" * 64
    built = {evidence.rung for evidence in result.candidates if evidence.candidate}
    assert {term.removeprefix("candidate ") for term in said if term.startswith("candidate ")} == built


def test_versions_stand_with_the_machine(facts):
    said = {line.term: line.text for line in machine_lines(facts)}
    assert (said["Python"], said["numpy"], said["seed"]) == ("3.11.9", "2.3.1", "0")
    assert "code" not in said


@pytest.mark.parametrize("name", ["helpdesk", "help desk", "a'b\"c", "$(x)"])
def test_the_command_and_the_snippet_name_the_release_whatever_it_is_called(result, facts, name):
    named = replace(result, release=replace(result.release, name=name))
    found = usage(named, facts)
    assert shlex.split(found.command)[3] == f"{name}@3"
    constants = [node.value for node in ast.walk(ast.parse(found.snippet)) if isinstance(node, ast.Constant)]
    assert f"{name}@3" in constants


def test_without_a_release_the_bundle_itself_is_named(facts):
    odd = replace(make_build(is_released=False), bundle=Path("/a project/bundles/x"))
    found = usage(odd, facts)
    assert shlex.split(found.command)[2:4] == ["--bundle", "/a project/bundles/x"]
    assert "Path" in {node.id for node in ast.walk(ast.parse(found.snippet)) if isinstance(node, ast.Name)}


def test_the_snippet_asks_with_texts_or_with_a_frame(result):
    assert "predict([" in usage(result, {"task": {"text": "message"}}).snippet
    assert "predict(frame)" in usage(result, {"task": {"text": None}}).snippet


def test_the_quality_index_is_told_or_what_would_determine_it():
    def said(index):
        (line,) = [line for line in data_lines({"quality": {"index": index}}) if line.term == "quality index"]
        return line.text

    assert said({"value": 0.9123, "split": "cert"}).startswith("0.912: at least this share of cert")
    assert said({"value": None, "detail": "not audited"}) == "undetermined: not audited"
    assert said({}) == "undetermined: not recorded"
