"""Records to plain values and back: every bit, or a refusal."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from tests.serve.rolling import at_last_stage, begun, counts, in_canary

from smallcraft.canonical import canonical_json
from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.standing import Order
from smallcraft.serve.rollout.starting import Declared
from smallcraft.serve.rollout.stored_form import order_from, state_from, to_form


def keyed_state():
    state = at_last_stage()
    last = replace(state.steps[-1], keyed=counts(3, 2, errors=(0, 1)))
    return replace(state, steps=(*state.steps[:-1], last), since_s=0.1 + 0.2)


@pytest.mark.parametrize(
    "state", [begun(), begun(declared=Declared()), in_canary(), keyed_state()], ids=lambda state: state.phase
)
def test_a_state_is_the_same_after_a_round_through_json(state):
    form = to_form(state)
    again = to_form(state_from(json.loads(json.dumps(form))))
    assert again == form
    assert to_form(state_from(json.loads(canonical_json(form)))) == form


def test_a_float_keeps_every_bit():
    state = keyed_state()
    assert state_from(json.loads(canonical_json(to_form(state)))).since_s == 0.1 + 0.2


def test_an_order_is_the_same_after_a_round():
    order = Order("abort", "numbers look odd", by="server")
    assert order_from(to_form(order)) == order
    assert order_from(None) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("steps", 0, "counts", "requests"), [1, -1]),
        (("steps", 0, "counts", "requests"), [1.5, 2]),
        (("steps", 0, "counts", "requests"), [1, 2, 3]),
        (("steps", 0, "counts", "classes"), [[1, 2], [3, 4, 5]]),
        (("steps", 0, "kind"), "holiday"),
        (("steps", 0, "counts"), {}),
        (("baseline", "latency"), [1, 2]),
        (("plan", "stages"), None),
        (("plan", "invented"), 1),
        (("health",), {}),
        (("stable",), {"label": "helpdesk@3"}),
    ],
    ids=str,
)
def test_what_is_no_state_is_refused(path, value):
    form = copy.deepcopy(to_form(in_canary()))
    inside = form
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = value
    with pytest.raises(InvalidInputError, match="stored with the fields of RolloutState"):
        state_from(form)


def test_a_missing_field_is_refused_by_name():
    form = to_form(in_canary())
    del form["salt"]
    with pytest.raises(InvalidInputError, match="salt"):
        state_from(form)
