from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from smallcraft.pipeline.gate_files import (
    EXIT_CODES,
    MOST_ROWS,
    case_name,
    gated_json,
    render_json,
    render_junit,
    render_markdown,
)
from smallcraft.pipeline.result import overall_outcome
from smallcraft.records import Outcome, Verdict

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "gate.json").read_text("utf-8"))
TEXTS = st.text(max_size=60)
VERDICTS = st.lists(
    st.builds(
        Verdict,
        gate=TEXTS,
        outcome=st.sampled_from(Outcome),
        reason=TEXTS,
        needs=st.none() | TEXTS,
        required=st.booleans(),
        measurement=TEXTS,
        slice=TEXTS,
    ),
    max_size=8,
)
GOOD = Verdict("quality", Outcome.PASS, "accuracy 0.95 is at least 0.9", measurement="accuracy")
BAD = Verdict("size_mb", Outcome.FAIL, "40 MB is not at most 30", measurement="size_mb")
OPEN = Verdict("fair", Outcome.UNDECIDED, "not shown", "about 420 more", True, "tpr_gap", "sex=Female")
TOLD = Verdict("robust", Outcome.UNDECIDED, "not shown", "about 90 more", False, "flip_rate", "all")


@given(VERDICTS)
def test_json_keeps_to_its_schema_and_loses_nothing(verdicts):
    told = json.loads(render_json("helpdesk@3", verdicts))
    Draft202012Validator(SCHEMA).validate(told)
    assert told == gated_json("helpdesk@3", verdicts)
    back = [
        Verdict(**{**one, "outcome": Outcome(one["outcome"])})
        for one in ({k: v for k, v in entry.items() if k != "blocks"} for entry in told["verdicts"])
    ]
    assert back == verdicts
    assert [entry["blocks"] for entry in told["verdicts"]] == [verdict.blocks for verdict in verdicts]


def test_the_schema_is_one_and_knows_every_key():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["additionalProperties"] is False
    assert not Draft202012Validator(SCHEMA).is_valid({"outcome": "PASS"})


@pytest.mark.parametrize(
    ("verdicts", "outcome", "code"),
    [
        ([GOOD], "PASS", 0),
        ([GOOD, TOLD], "PASS", 0),
        ([GOOD, OPEN], "UNDECIDED", 3),
        ([GOOD, OPEN, BAD], "FAIL", 2),
    ],
)
def test_exit_codes_are_those_of_the_command(verdicts, outcome, code):
    told = gated_json("s", verdicts)
    assert (told["outcome"], told["exit_code"]) == (outcome, code)
    assert EXIT_CODES[overall_outcome(tuple(verdicts))] == code


@given(VERDICTS)
def test_junit_parses_and_counts_what_it_holds(verdicts):
    root = ET.fromstring(render_junit("helpdesk@3", verdicts).encode("utf-8"))
    (suite,) = root
    cases = suite.findall("testcase")
    assert len(cases) == len(verdicts) == int(suite.get("tests"))
    assert len(suite.findall("testcase/failure")) == int(suite.get("failures"))
    assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped"))
    for case, verdict in zip(cases, verdicts, strict=True):
        assert (case.find("failure") is not None) is verdict.blocks


def test_junit_tells_failed_from_undecided_and_skips_what_does_not_block():
    root = ET.fromstring(render_junit("helpdesk@3", [GOOD, BAD, OPEN, TOLD]).encode("utf-8"))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert list(cases) == [
        "quality::accuracy::all",
        "size_mb::size_mb::all",
        "fair::tpr_gap::sex=Female",
        "robust::flip_rate::all",
    ]
    assert cases["size_mb::size_mb::all"].find("failure").get("type") == "FAIL"
    undecided = cases["fair::tpr_gap::sex=Female"].find("failure")
    assert undecided.get("type") == "UNDECIDED"
    assert undecided.text == "not shown; would settle it: about 420 more"
    assert "about 90 more" in cases["robust::flip_rate::all"].find("skipped").get("message")
    assert cases["quality::accuracy::all"].find("failure") is None


def test_the_summary_is_a_table_worst_first():
    lines = render_markdown("helpdesk@3", [GOOD, TOLD, OPEN, BAD]).splitlines()
    assert lines[0] == "### smallcraft gate: FAIL"
    assert lines[2] == "helpdesk&#64;3: 1 FAIL, 2 UNDECIDED, 1 PASS"
    outcomes = [line.split("|")[1].strip() for line in lines[6:]]
    assert outcomes == ["**FAIL**", "**UNDECIDED**", "UNDECIDED", "PASS"]
    assert lines[7].endswith("| fair | tpr\\_gap | sex=Female | not shown; would settle it: about 420 more |")


@given(VERDICTS)
def test_whatever_names_hold_each_verdict_is_one_row_of_five_cells(verdicts):
    lines = render_markdown("s", verdicts).split("\n")
    assert len(lines) == 6 + len(verdicts) + 1
    for line in lines[4:-1]:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 6


def test_hostile_names_are_plain_text():
    evil = "<img src=x onerror=alert(1)> [click](http://evil) `code` @everyone **x**\n| a | b |\n# head"
    text = render_markdown(evil, [Verdict("g", Outcome.FAIL, evil, measurement=evil, slice=evil)])
    assert "<img" not in text
    assert "@" not in text
    assert "://" not in text
    assert not re.search(r"(?<!\\)[\[\]`]", text)
    assert "\n# head" not in text


def test_a_step_summary_holds_it_however_many_there_are():
    long = "<&@|" * 500
    many = [Verdict(long, Outcome.PASS, long, long, measurement=long, slice=long)] * 5000
    text = render_markdown("s", [*many, BAD])
    assert len(text.encode("utf-8")) < 2**20
    assert "**FAIL**" in text
    assert text.endswith(f"Not shown: {5001 - MOST_ROWS:,} PASS.\n")


def test_a_name_says_gate_metric_and_slice():
    assert case_name(OPEN) == "fair::tpr_gap::sex=Female"
    assert case_name(Verdict("all", Outcome.PASS, "")) == "all::-::all"
