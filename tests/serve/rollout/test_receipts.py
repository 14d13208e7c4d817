"""Receipts: complete, the same bytes for the same decision, bound to one another."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from tests.serve.rolling import NOON, begun, counts, fair, in_canary, loaded, on, with_counts

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.serve.rollout.causes import explain
from smallcraft.serve.rollout.phases import Decision, Rule, decide, enter, weigh_state
from smallcraft.serve.rollout.receipts import FIELDS, check_chain, parse_receipt, seal, write_receipt
from smallcraft.serve.rollout.standing import Order

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "schemas" / "receipt.json").read_text(encoding="utf-8")
)


def decided(state, *, now=1000.0, order=None, shown=NOON):
    """One decision and its receipt."""
    evidence = weigh_state(state)
    decision = decide(state, evidence, now=now, order=order)
    cause = explain(state, decision, evidence, now=now, order=order)
    receipt = write_receipt(state, decision, cause, evidence, now=now, shown=shown, order=order)
    after = enter(state, decision, now=now)
    return receipt, replace(after, receipts=receipt.number, last_receipt=receipt.digest)


def started():
    decision = Decision(Rule.STARTED, "loading", 0, 0.0)
    state = begun()
    receipt = write_receipt(
        state, decision, explain(state, decision, None, now=0.0), None, now=0.0, shown=NOON
    )
    return receipt, replace(state, receipts=1, last_receipt=receipt.digest)


def chain():
    """Receipts of a rollout that went to the first stage and back."""
    first, state = started()
    second, state = decided(state.with_health(is_loaded=True))
    third, state = decided(with_counts(state, counts(stable=60, compared=60, disagreed=2)))
    fourth, state = decided(with_counts(state, counts(stable=270, canary=30, errors=(2, 20))), now=1010.0)
    return [first, second, third, fourth], state


def test_each_receipt_has_the_form_of_its_schema():
    receipts, _ = chain()
    receipts.append(decided(in_canary(), order=Order("freeze", "lunch"))[0])
    receipts.append(decided(with_counts(in_canary(), fair(in_canary(), 40)))[0])
    receipts.append(decided(with_counts(in_canary(), counts(stable=900, canary=10)))[0])
    for receipt in receipts:
        jsonschema.validate(json.loads(receipt.to_json()), SCHEMA)
        assert set(receipt.form) == FIELDS
        assert set(SCHEMA["properties"]) == {*FIELDS, "digest"}


def test_a_receipt_tells_what_from_what_to_why_and_how_to_replay_it():
    receipt = chain()[0][-1]
    assert receipt.form["from"] == {"phase": "canary", "stage": 0, "step": 1, "weight": 0.1}
    assert receipt.form["to"] == {"phase": "rolled_back", "stage": 0, "step": 1, "weight": 0.0}
    assert receipt.cause.startswith("canary answered 20 of 30 requests with errors, stable 2 of 270;")
    assert receipt.form["replay"] == f"smallcraft rollout replay {receipt.rollout}/4"
    assert (receipt.form["stable"], receipt.form["canary"]) == (
        {"events": 2, "n": 270},
        {"events": 20, "n": 30},
    )
    assert receipt.form["evidence"]["e_value"] == receipt.form["e_value"] >= receipt.form["threshold"] == 20.0
    assert receipt.form["at"] == "2026-04-01T12:00:00.000+00:00"


def test_equal_decisions_give_equal_bytes_and_wall_time_changes_the_time_alone():
    state = with_counts(in_canary(), fair(in_canary(), 40))
    one, other = decided(state)[0], decided(state)[0]
    later = decided(state, shown=NOON + timedelta(days=400))[0]
    assert one.to_json() == other.to_json()
    assert {name for name in FIELDS if one.form[name] != later.form[name]} == {"at"}


def test_a_receipt_is_the_same_after_a_round_through_a_file():
    receipt = chain()[0][-1]
    again = parse_receipt(receipt.to_json())
    assert (again.to_json(), again.digest) == (receipt.to_json(), receipt.digest)


def test_the_chain_of_a_rollout_holds():
    receipts, state = chain()
    check_chain(receipts, last=state.last_receipt)
    assert [receipt.number for receipt in receipts] == [1, 2, 3, 4]
    check_chain([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda receipts: receipts[1:], "receipt 1 .* should follow none, got number 2"),
        (lambda receipts: [receipts[0], *receipts[2:]], "receipt 2 .* dropped, added or moved"),
        (lambda receipts: [receipts[1], receipts[0], *receipts[2:]], "receipt 1 .* dropped, added or moved"),
        (lambda receipts: [*receipts, receipts[-1]], "receipt 5 .* dropped, added or moved"),
        (lambda receipts: receipts[:-1], "the last receipt should be .* dropped or added at the end"),
        (
            lambda receipts: [receipts[0], replace(receipts[1], form={**receipts[1].form, "now_s": 3.0})],
            "receipt 2 .* was changed",
        ),
    ],
    ids=["first dropped", "one dropped", "moved", "repeated", "last dropped", "changed"],
)
def test_a_broken_chain_is_told_at_the_receipt(change, message):
    receipts, state = chain()
    with pytest.raises(IntegrityError, match=message):
        check_chain(change(receipts), last=state.last_receipt)


def test_a_receipt_sealed_anew_breaks_the_one_after_it():
    receipts, _ = chain()
    forged = seal({**receipts[1].form, "now_s": 3.0})
    with pytest.raises(IntegrityError, match="receipt 3"):
        check_chain([receipts[0], forged, *receipts[2:]])


def test_a_gap_between_where_one_went_and_the_next_began_is_told():
    receipts, _ = chain()
    forged = seal({**receipts[1].form, "from": {**receipts[1].form["from"], "weight": 0.3}})
    with pytest.raises(IntegrityError, match=r"receipt 2 .* should go on from"):
        check_chain([receipts[0], forged])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("[]", "a receipt is a JSON object"),
        ("{", "a receipt is a JSON object"),
        ("{}", "a receipt is a JSON object"),
        ('{"digest": "x", "format": 2}', "reads receipts of format 1, got 2"),
        ('{"digest": "x", "format": 1}', "this one lacks .*'at'"),
    ],
)
def test_what_is_no_receipt_is_refused(data, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_receipt(data)


def test_loading_has_a_receipt_without_evidence():
    receipt, _ = decided(loaded())
    assert receipt.form["evidence"] is None
    assert on(loaded(), now=1.0).phase == receipt.form["to"]["phase"] == "shadow"


def test_evidence_past_what_json_counts_exactly_comes_back_as_it_was():
    state = with_counts(in_canary(), counts(stable=270, canary=30, errors=(0, 25)))
    receipt = decided(state)[0]
    assert receipt.form["e_value"] > 2**53
    again = parse_receipt(receipt.to_json())
    assert again == receipt
    assert seal(again.form).digest == receipt.digest
