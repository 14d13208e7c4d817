from __future__ import annotations

import json
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.registry.memory.sides import (
    EVIDENCE,
    decision_of,
    first_side,
    second_side,
    verdict,
)

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.memory.answers import ANSWERS_FILE
from smallcraft.registry.memory.decisions import (
    Parent,
    Rationale,
    check_decision,
    parse_decision,
    rule_rationale,
    usage_of,
)
from smallcraft.registry.memory.evidence import Side
from smallcraft.registry.memory.rechecking import drawing_versions

BEFORE, AFTER = first_side(), second_side()
HONEST = decision_of(BEFORE, AFTER)
FAILED = [verdict("floor", "FAIL", "0.7 is below 0.8")]


def edited(path, value):
    """The honest decision with one field changed, written as canonically as before."""
    document = json.loads(HONEST)
    at = document
    *parents, last = path
    for key in parents:
        at = at[key]
    at[last] = value
    return canonical_json(document)


def leaves(value, path=()):
    if isinstance(value, dict):
        return [leaf for key in value for leaf in leaves(value[key], (*path, key))]
    if isinstance(value, list):
        return [leaf for at, item in enumerate(value) for leaf in leaves(item, (*path, at))]
    return [path]


def value_at(path):
    return reduce(lambda value, key: value[key], path, json.loads(HONEST))


NUMBERS = [
    path
    for path in leaves(json.loads(HONEST))
    if type(value_at(path)) in (int, float) and path != ("format",)
]


def test_an_honest_decision_holds():
    record = check_decision(HONEST, before=BEFORE, after=AFTER)
    assert (record.verdict, record.release) == ("accept", "helpdesk@2")
    assert record.rationale == Rationale("fewer wrong answers", "person")
    assert record.rollback == 'smallcraft alias stable helpdesk@1 --because "..."'
    assert record.evidence == {path: digest_bytes(AFTER.read(path)) for path in EVIDENCE}
    assert record.computed_with == drawing_versions()
    assert [(one.rung, one.status) for one in record.tried] == [
        ("ngram", "chosen"),
        ("fast", "lost"),
        ("frozen", "skipped"),
        ("trees", "crashed"),
    ]
    assert "gate fairness is UNDECIDED: few rows; would settle it: 90 rows" in record.limits


def test_a_first_release_needs_no_parent():
    first = decision_of(None, BEFORE)
    record = check_decision(first, before=None, after=BEFORE)
    assert (record.parents, record.rollback, record.delta.before) == ((), None, None)


def test_equal_evidence_gives_equal_bytes():
    assert decision_of(first_side(), second_side()) == HONEST


def test_a_decision_is_read_back_as_it_was():
    assert canonical_json(parse_decision(HONEST).as_json()) == HONEST


def test_a_better_difference_written_by_hand_is_named():
    said = r"delta/metrics/0/difference: decision says 0\.5, the evidence gives 0\.\d+; do not trust"
    with pytest.raises(IntegrityError, match=rf"decision\.json of helpdesk@2: {said}"):
        check_decision(edited(("delta", "metrics", 0, "difference"), 0.5), before=BEFORE, after=AFTER)


@given(st.sampled_from(NUMBERS), st.floats(0.01, 1e6))
def test_no_number_can_be_edited_by_hand(path, by):
    with pytest.raises(IntegrityError, match="decision says"):
        check_decision(edited(path, value_at(path) + by), before=BEFORE, after=AFTER)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("limits",), [], "limits/0"),
        (("tried", 1, "status"), "crashed", "tried/1/status"),
        (("tried", 1, "reason"), "too slow", "tried/1/reason"),
        (("verdicts", 0, "outcome"), "FAIL", "verdicts/0/outcome"),
        (("decision", "chosen"), "fast", "decision/chosen"),
        (("usage",), "rm -r .", "usage"),
        (("rollback",), None, "rollback"),
        (("release",), "helpdesk@3", "release"),
        (("delta", "tensors", "changed"), [], "delta/tensors/changed/0"),
        (("delta", "rows", "relabelled"), 0, "delta/rows/relabelled"),
        (("delta", "config", 1, "value"), 0.01, "delta/config/1/value"),
        (("delta", "notes"), ["all is well"], "delta/notes/0"),
        (("evidence", ANSWERS_FILE), "sha256:0", f"evidence/{ANSWERS_FILE}"),
    ],
)
def test_the_first_field_that_differs_is_named(path, value, named):
    with pytest.raises(IntegrityError, match=rf"helpdesk@2: {named}: decision says .*, the evidence gives"):
        check_decision(edited(path, value), before=BEFORE, after=AFTER)


def test_the_reason_is_a_persons_and_is_not_recomputed():
    reworded = edited(("rationale", "text"), "because")
    assert check_decision(reworded, before=BEFORE, after=AFTER).rationale.text == "because"


def test_evidence_that_was_changed_afterwards_is_named():
    def read(path):
        return b"other" if path == ANSWERS_FILE else AFTER.read(path)

    with pytest.raises(IntegrityError, match=f"evidence/{ANSWERS_FILE}: decision says sha256:"):
        check_decision(HONEST, before=BEFORE, after=Side(AFTER.label, AFTER.facts, read))


def test_evidence_that_is_gone_is_named():
    gone = Side(AFTER.label, AFTER.facts, {}.__getitem__)

    def read(path):
        raise NotFoundError(path)

    with pytest.raises(IntegrityError, match="the evidence gives no such file"):
        check_decision(HONEST, before=BEFORE, after=replace(gone, read=read))


def test_another_parent_is_refused():
    with pytest.raises(InvalidInputError, match="follows helpdesk@1, got helpdesk@7 to compare with"):
        check_decision(HONEST, before=first_side(label="helpdesk@7"), after=AFTER)
    with pytest.raises(InvalidInputError, match="follows helpdesk@1, got none"):
        check_decision(HONEST, before=None, after=AFTER)


def test_a_parent_whose_numbers_are_others_gives_another_delta():
    other = first_side(released={"measurements": [{"name": "size_mb", "value": 0.3, "unit": "MB"}]})
    with pytest.raises(
        IntegrityError, match=r"delta/costs/0/before: decision says 0\.4, the evidence gives 0\.3"
    ):
        check_decision(HONEST, before=other, after=AFTER)


def test_no_release_is_accepted_without_a_reason():
    with pytest.raises(
        InvalidInputError, match=r"needs a reason of 1 to 4000 characters, got 0; say why with --because"
    ):
        decision_of(BEFORE, AFTER, text="  ")


def test_no_release_is_accepted_that_a_gate_blocks():
    blocked = second_side(verdicts=FAILED)
    with pytest.raises(InvalidInputError, match="helpdesk@2 cannot be accepted: a gate blocks it"):
        decision_of(BEFORE, blocked)
    rejected = decision_of(BEFORE, blocked, verdict="reject")
    assert check_decision(rejected, before=BEFORE, after=blocked).tried[-1].status == "failed"
    accepted = canonical_json({**json.loads(rejected), "verdict": "accept"})
    with pytest.raises(
        IntegrityError, match="verdict: decision says accept, the evidence gives a gate that blocks"
    ):
        check_decision(accepted, before=BEFORE, after=blocked)


def test_parents_must_be_what_is_compared():
    with pytest.raises(InvalidInputError, match="the first parent must be what helpdesk@2 is compared with"):
        decision_of(BEFORE, AFTER, parents=[Parent("helpdesk@9", "sha256:x")])


def test_evidence_must_be_there():
    with pytest.raises(NotFoundError, match=r"has no file 'absent.json'"):
        decision_of(BEFORE, AFTER, evidence=["absent.json"])


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "maybe"},
        {"rationale": {"text": "so", "by": "nobody"}},
        {"delta": {}},
        {"parents": [{}]},
        {"more": 1},
    ],
)
def test_what_is_no_decision_is_refused(change):
    with pytest.raises(IntegrityError, match=r"decision.json must have the fields of a decision"):
        parse_decision(canonical_json({**json.loads(HONEST), **change}))


def test_a_rule_says_that_it_was_a_rule():
    assert rule_rationale(BEFORE.facts) == Rationale(
        "ngram: macro_f1 0.900 on dev; tied with fast; 1 of 2 gates PASS", "rule"
    )


def test_the_snippet_names_the_columns_a_table_model_reads():
    snippet = usage_of("loans@1", {"task": {"text": None, "features": ["age", "job"]}})
    assert snippet.endswith('load("loans@1").predict({"age": [...], "job": [...]})')
