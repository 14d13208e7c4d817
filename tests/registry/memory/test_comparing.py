from __future__ import annotations

from tests.registry.memory.sides import facts_of, first_side, second_side, side

from smallcraft.canonical import canonical_json
from smallcraft.registry.memory.comparing import compare_releases
from smallcraft.registry.memory.deltas import parse_delta


def rows_of(before, after):
    found = compare_releases(before, after)
    return {(row.section, row.term): (row.before, row.after, row.difference) for row in found.rows}


def test_every_section_is_there():
    found = compare_releases(first_side(), second_side())
    assert [*dict.fromkeys(row.section for row in found.rows)] == [
        "metric",
        "data",
        "config",
        "tensors",
        "cost",
        "code",
    ]


def test_terms_stand_with_both_values_and_the_difference():
    rows = rows_of(first_side(), second_side())
    assert rows["config", "quality.margin"] == ("0.01", "0.02", "")
    assert rows["tensors", "changed"] == ("", "", "1")
    assert rows["cost", "size_mb (MB)"] == ("0.4", "0.5", "+0.1")
    assert rows["cost", "p50_ms (ms)"] == ("0.05 [0.04, 0.06]", "0.05 [0.04, 0.06]", "")
    assert rows["data", "relabelled rows"] == ("", "", "7")
    assert rows["data", "license"] == ("CC0-1.0", "CC0-1.0", "the same")
    assert rows["metric", "macro_f1 on cert"][:2] == ("0.9000", "0.9300")


def test_releases_of_different_names_are_compared():
    found = compare_releases(first_side(), second_side(label="billing@4"))
    assert (found.before, found.after) == ("helpdesk@1", "billing@4")
    assert found.delta.tensors.changed == ("heads/ngram.npz:weights",)


def test_what_cannot_be_compared_says_why():
    found = compare_releases(side("old@1", facts_of(), {}), second_side())
    notes = {(row.section, row.note) for row in found.rows if row.term == "not compared"}
    assert notes == {
        ("data", "old@1 keeps no list of its rows"),
        ("config", "old@1 keeps no smallcraft.toml"),
        ("tensors", "old@1 lists no files of its bundle"),
    }


def test_settings_and_labels_that_came_and_went_are_rows():
    task = {"classes": ["billing", "login", "returns"], "text": "message", "features": []}
    after = second_side(task=task, files={"smallcraft.toml": b'seed = 3\n[data]\npath = "tickets.csv"\n'})
    rows = rows_of(first_side(), after)
    assert rows["config", "seed"] == ("none", "3", "")
    assert rows["config", "quality"] == ("{'margin': 0.01}", "none", "")
    assert rows["data", "classes"] == ("gone: parcel", "new: returns", "")


def test_the_json_form_holds_the_rows_and_the_delta():
    found = compare_releases(first_side(), second_side())
    told = found.as_json()
    assert canonical_json(told)
    assert parse_delta(told["delta"]) == found.delta
    assert len(told["rows"]) == len(found.rows)
