"""Receipts decided anew: the same bits, and every changed number is named."""

from __future__ import annotations

import copy
import json
import math

import pytest
from tests.serve.rolling import at_last_stage, counts, fair, in_canary, with_counts
from tests.serve.rollout.test_receipts import chain, decided, started

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.receipts import Receipt, parse_receipt, seal
from smallcraft.serve.rollout.replaying import replay
from smallcraft.serve.rollout.standing import Order


def from_file(receipt: Receipt) -> Receipt:
    return parse_receipt(receipt.to_json())


def changed(receipt: Receipt, path: tuple, value, *, sealed: bool) -> Receipt:
    """A receipt with one place changed; sealed anew by someone who knows how."""
    form = copy.deepcopy(json.loads(receipt.to_json()))
    digest = form.pop("digest")
    inside = form
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = value
    return seal(form) if sealed else Receipt(form, digest)


def of_errors() -> Receipt:
    return decided(with_counts(in_canary(), counts(stable=270, canary=30, errors=(2, 20))))[0]


@pytest.mark.parametrize(
    "receipt",
    [
        *chain()[0],
        decided(in_canary(), order=Order("freeze", "lunch"))[0],
        decided(with_counts(at_last_stage(), fair(at_last_stage(), 5000)))[0],
        decided(with_counts(in_canary(), counts(stable=900, canary=10)))[0],
        decided(in_canary().with_health(crashes=3))[0],
    ],
    ids=lambda receipt: receipt.form["rule"],
)
def test_every_kind_of_receipt_replays_to_the_last_bit(receipt):
    again = replay(from_file(receipt))
    assert (again.agrees, again.is_exact, again.differences) == (True, True, ())
    assert "to the last bit" in again.sentence
    assert again.decided.phase == receipt.form["to"]["phase"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("e_value",), 21.5),
        (("threshold",), 2.0),
        (("canary", "events"), 31),
        (("stable", "n"), 15_420),
        (("cause",), "it felt slow"),
        (("to", "weight"), 0.5),
        (("to", "phase"), "canary"),
        (("from", "weight"), 0.2),
        (("rule",), "mismatch"),
        (("metric",), "latency"),
        (("evidence", "guardrails", "errors", "against"), 3.5),
        (("evidence", "combined"), 3.0),
        (("number",), 7),
        (("replay",), "rm -rf /"),
        (("rollout",), "helpdesk-5-00000000"),
    ],
    ids=str,
)
def test_a_changed_number_is_named_though_the_receipt_was_sealed_anew(path, value):
    forged = replay(changed(of_errors(), path, value, sealed=True))
    assert not forged.agrees
    paths = [difference.path for difference in forged.differences]
    assert ".".join(path) in paths
    assert paths[0] in forged.sentence


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("state", "steps", 1, "counts", "errors"), [2, 3]),
        (("state", "steps", 1, "counts", "subjects"), [270, 3000]),
        (("state", "plan", "wrong_rollback"), 1e-30),
        (("state", "baseline", "latency", 0), 4000),
    ],
    ids=str,
)
def test_changed_counts_or_settings_no_longer_lead_to_the_stated_numbers(path, value):
    forged = replay(changed(of_errors(), path, value, sealed=True))
    assert forged.differences
    assert "does not follow from its counts" in forged.sentence


def test_counts_that_decide_nothing_are_told():
    state = with_counts(in_canary(), counts(stable=270, canary=30, errors=(2, 12)))
    within_dwell = decided(state, now=state.since_s + 5.0)[0]
    forged = replay(changed(within_dwell, ("state", "steps", 1, "counts", "errors"), [0, 0], sealed=True))
    assert forged.decided is None
    assert {difference.path for difference in forged.differences} == {"rule", "to"}


def test_a_change_that_no_rule_reads_is_told_by_the_seal():
    forged = replay(changed(of_errors(), ("at",), "2020-01-01T00:00:00.000+00:00", sealed=False))
    assert (forged.agrees, forged.differences, forged.is_sealed) == (False, (), False)
    assert "its digest does not belong to it" in forged.sentence


def test_the_last_bits_of_another_machine_are_no_change():
    receipt = of_errors()
    close = math.nextafter(receipt.form["evidence"]["combined"], math.inf)
    again = replay(changed(receipt, ("evidence", "combined"), close, sealed=True))
    assert (again.agrees, again.is_exact) == (True, False)
    assert "up to this machine's rounding" in again.sentence


@pytest.mark.parametrize(
    ("path", "value"),
    [(("at",), "noon"), (("now_s",), "late"), (("order",), {"kind": "abort"}), (("state", "steps"), 3)],
)
def test_a_receipt_that_cannot_be_read_is_refused(path, value):
    with pytest.raises(InvalidInputError):
        replay(changed(of_errors(), path, value, sealed=True))


def test_a_start_that_was_none_is_told():
    receipt, _ = started()
    forged = replay(changed(receipt, ("state", "phase"), "canary", sealed=True))
    assert not forged.agrees
