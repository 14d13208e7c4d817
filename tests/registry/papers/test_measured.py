from __future__ import annotations

import pytest
from tests.registry.papers.samples import facts_of, measurement

from smallcraft.registry.papers.measured import (
    audit_of,
    check_of,
    chosen_candidate,
    class_counts,
    classes_of,
    costs_of,
    data_measurements,
    evidence_of,
    group_columns,
    groups_of,
    intersections,
    methods_of,
    scores_of,
)


def test_what_was_measured_of_the_shipped_bundle_comes_first_and_each_thing_once():
    facts = facts_of()
    facts["released"]["measurements"].append(measurement("macro_f1", 0.5))
    found = [m["value"] for m in evidence_of(facts) if (m["name"], m["split"]) == ("macro_f1", "dev")]
    assert found == [0.5]


def test_costs_of_the_candidate_are_not_told_of_the_release():
    facts = facts_of()
    facts["candidates"][0]["measurements"].append(measurement("p99_ms", 9.0, None))
    assert "p99_ms" not in {m["name"] for m in costs_of(facts)}
    assert {m["split"] for m in costs_of(facts)} == {None}


def test_scores_tell_the_sealed_set_first_and_quality_of_the_model_alone():
    found = [(m["name"], m["split"]) for m in scores_of(facts_of())]
    assert found == [("macro_f1", "cert"), ("macro_f1", "dev"), ("accuracy", "dev")]


def test_classes_stand_worst_first_with_their_rows():
    found = classes_of(facts_of())
    assert [(one.name, one.rows) for one in found] == [("ticket", 26), ("refund", 40)]
    assert found[0].scores["f1"]["value"] == 0.71


def test_a_class_that_was_not_measured_stands_last():
    facts = facts_of()
    facts["candidates"][0]["measurements"].append(measurement("f1", None, part="class=rare"))
    assert classes_of(facts)[-1].name == "rare"


def test_groups_are_no_classes_and_gaps_of_audits_are_among_them():
    found = [(m["name"], m["slice"]) for m in groups_of(facts_of())]
    assert found == [
        ("accuracy", "region=ticket"),
        ("accuracy", "region=ticket & age=old"),
        ("accuracy_gap", "region=ticket"),
    ]
    assert group_columns(facts_of()) == ("region", "age")
    assert intersections(facts_of()) == ("region=ticket & age=old",)


def test_a_class_within_a_group_is_a_group():
    facts = {"released": {"measurements": [measurement("recall", 0.5, part="class=a & region=b")]}}
    assert [m["slice"] for m in groups_of(facts)] == ["class=a & region=b"]
    assert group_columns(facts) == ("region",)
    assert classes_of(facts) == []


def test_each_method_is_told_once_with_what_it_measured():
    found = methods_of([measurement("a", 1), measurement("b", 1), measurement("a", 1, method="other")])
    assert found == (("bootstrap, 95%", ("a", "b")), ("other", ("a",)))


def test_class_counts_are_those_counted_when_the_data_was_read():
    facts = facts_of()
    assert class_counts(facts) == {"train": {"refund": 2000, "ticket": 1105}}
    facts["data"]["class_counts"] = {"dev": {"refund": 3, "broken": "x"}}
    assert class_counts(facts) == {"dev": {"refund": 3}}


def test_measurements_of_the_data_start_with_what_the_index_is_made_of():
    assert data_measurements(facts_of())[0]["name"] == "leaked_share"


def test_checks_and_audits_are_found_by_name():
    assert check_of(facts_of(), "duplicates")["outcome"] == "PASS"
    assert check_of({"checks": [{"check": "x", "summary": "y"}]}, "x")["summary"] == "y"
    assert audit_of(facts_of(), "robustness")["summary"].startswith("typos")
    assert audit_of({}, "robustness") == check_of({}, "x") == {}


@pytest.mark.parametrize("broken", [{}, {"candidates": [None, 3]}, {"released": 3, "audits": "x"}])
def test_facts_of_another_shape_are_no_measurements(broken):
    assert evidence_of(broken) == groups_of(broken) == classes_of(broken) == []
    assert chosen_candidate(broken) == {}
