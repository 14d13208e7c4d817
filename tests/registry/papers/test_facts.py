from __future__ import annotations

import pytest

from smallcraft.records import Release
from smallcraft.registry.memory.evidence import list_of, map_of
from smallcraft.registry.papers.facts import (
    bullet,
    carded,
    in_data,
    interval_of,
    is_number,
    measurement_row,
    recorded_facts,
    said,
    text_of,
    texts_of,
    value_of,
)


def test_what_is_not_there_is_missing_and_names_its_remedy():
    assert said({}, "source", "the source", "say it") == "**missing: the source (say it)**"
    assert "under [card] owner" in carded({"card": {}}, "owner")


@pytest.mark.parametrize("empty", [None, "", [], {}, ()])
def test_an_empty_fact_is_missing(empty):
    assert said({"source": empty}, "source", "the source", "say it").startswith("**missing")


def test_zero_is_a_fact():
    assert said({"rows": 0}, "rows", "rows", "say it") == "0"


def test_only_mappings_are_read_as_mappings():
    assert map_of({"data": "text"}, "data") == {}
    assert list_of({"checks": [{"a": 1}, "text", None]}, "checks") == [{"a": 1}]
    assert list_of({"checks": "text"}, "checks") == []


def test_a_truth_value_is_no_number():
    assert is_number(0.5)
    assert not is_number(True)


def test_an_interval_needs_both_bounds():
    assert interval_of({"low": 0.1, "high": 0.2}) == "0.1 to 0.2"
    assert interval_of({"low": 0.1, "high": None}) == ""


def test_a_measurement_is_a_row_of_eight():
    row = measurement_row({"name": "accuracy", "value": None, "n": 3})
    assert row == ["accuracy", "none", "all", "not measured", "none", "", "3", "not recorded"]


def test_text_is_escaped():
    assert text_of({"name": "<b>"}, "name", "none") == "&lt;b&gt;"
    assert text_of({}, "name", "none") == "none"
    assert bullet("a", "b") == "- a: b"


def test_what_only_a_person_knows_of_the_data_is_said_under_data():
    assert "under [data] source" in in_data({}, "source", "the data's source")
    assert in_data({"data": {"source": "an export"}}, "source", "the data's source") == "an export"


def test_only_texts_are_read_as_texts():
    assert texts_of({"notes": ["a", 3, None, "b"]}, "notes") == ["a", "b"]
    assert texts_of({"notes": "a"}, "notes") == []


def test_a_value_stands_with_its_interval():
    assert value_of({"value": 0.9, "low": 0.8, "high": 0.95}) == "0.9 (0.8 to 0.95)"
    assert value_of({"value": None}) == "not measured"


def test_a_releases_facts_have_what_publishing_gave_it():
    release = Release(
        "helpdesk", 3, "sha256:0", None, "2026-01-01T00:00:00Z", (), {"name": "x", "metric": "f1"}
    )
    facts = recorded_facts(release)
    assert (facts["name"], facts["version"], facts["metric"]) == ("helpdesk", 3, "f1")
    assert (facts["created"], facts["manifest_digest"]) == ("2026-01-01T00:00:00Z", "sha256:0")
