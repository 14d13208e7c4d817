from __future__ import annotations

import copy
import re

import pytest
from tests.registry.papers.samples import HOSTILE, facts_of

from smallcraft.records import Release
from smallcraft.registry.papers.datasheet import render_datasheet, render_release_datasheet

GEBRU = [
    "Motivation",
    "Composition",
    "Collection process",
    "Preprocessing, cleaning, labelling",
    "Uses",
    "Distribution",
    "Maintenance",
]


def test_a_datasheet_has_the_seven_sections_in_order():
    for facts in ({}, facts_of()):
        assert re.findall(r"^## (.*)$", render_datasheet(facts), re.MULTILINE) == GEBRU


def test_every_question_has_an_answer_or_says_that_it_is_missing():
    for facts in ({}, facts_of()):
        answers = re.split(r"^\*\*.*\?\*\*$", render_datasheet(facts), flags=re.MULTILINE)[1:]
        assert len(answers) == 36
        assert all(answer.partition("\n## ")[0].strip() for answer in answers)


def test_what_nobody_said_is_printed_as_missing_with_where_to_say_it():
    sheet = render_datasheet({})
    assert (
        "**missing: how the data was collected (say it in smallcraft.toml under [card] collection)**" in sheet
    )
    assert "**missing: the data's source (say it in smallcraft.toml under [data] source)**" in sheet


def test_what_a_person_said_stands_there():
    said = {**facts_of(), "card": {"funding": "nobody paid", "maintenance": "the help desk"}}
    sheet = render_datasheet(said)
    assert "nobody paid" in sheet
    assert "the help desk" in sheet


def test_equal_facts_give_equal_sheets():
    assert render_datasheet(facts_of()) == render_datasheet(copy.deepcopy(facts_of()))


def test_hostile_facts_stay_text():
    plain, sheet = render_datasheet(facts_of()), render_datasheet(facts_of(HOSTILE))
    assert "<" not in sheet
    assert re.findall(r"^(#+|\*\*|\|)", sheet, re.MULTILINE) == re.findall(
        r"^(#+|\*\*|\|)", plain, re.MULTILINE
    )


@pytest.mark.parametrize("key", sorted(facts_of()))
@pytest.mark.parametrize("value", [None, 3, "text", [None], {"x": None}, [{"x": [None]}]])
def test_a_fact_of_an_unexpected_shape_never_breaks_the_sheet(key, value):
    sheet = render_datasheet({**facts_of(), key: value})
    assert re.findall(r"^## (.*)$", sheet, re.MULTILINE) == GEBRU


def test_a_release_names_its_own_datasheet():
    release = Release("helpdesk", 3, "sha256:0", None, "2026-01-01T00:00:00Z", (), facts_of())
    sheet = render_release_datasheet(release)
    assert sheet.startswith("# Datasheet of helpdesk\n")
    assert "To train and judge helpdesk@3" in sheet
