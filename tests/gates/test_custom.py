import math

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.gates.custom import KEYS, read_gate
from smallcraft.gates.rules import BUILTIN
from smallcraft.records import GateSpec

WHOLE = {
    "rule": "at_least",
    "measurement": "accuracy",
    "split": "cert",
    "slice": "sex=*",
    "limit": 0.8,
    "required": False,
    "confidence": 0.99,
}


def test_every_key_reaches_the_gate():
    assert read_gate("g", WHOLE) == GateSpec("g", "at_least", "accuracy", "cert", 0.8, False, "sex=*", 0.99)
    assert set(WHOLE) | {"parts"} == set(KEYS)


def test_what_is_left_out_or_none_has_its_usual_value():
    told = {"rule": "budget", "measurement": "size_mb", "limit": 30, "split": None, "confidence": None}
    assert read_gate("g", told) == GateSpec("g", "budget", "size_mb", None, 30.0)


@pytest.mark.parametrize("name", [name for name, rule in BUILTIN.items() if rule.measurement])
def test_a_rule_that_knows_its_measurement_need_not_be_told(name):
    told = {"rule": name, "limit": 1} if BUILTIN[name].takes == "limit" else {"rule": name}
    assert read_gate("g", told).measurement == BUILTIN[name].measurement


def test_parts_are_gates_themselves():
    small = {"rule": "budget", "measurement": "size_mb", "limit": 30}
    gate = read_gate("both", {"rule": "all_of", "parts": {"good": WHOLE, "small": small}})
    assert [(part.name, part.rule) for part in gate.parts] == [("good", "at_least"), ("small", "budget")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": "at_lest"}, "gate 'g': 'at_lest' is not one of the rules: .* did you mean 'at_least'"),
        ({"rule": None}, "gate 'g' needs a rule, got none; there are at_least, at_most"),
        ({"limits": 1}, "gate 'g' knows rule, .*, got 'limits' - did you mean 'limit'"),
        ({"limit": None}, "gate 'g' needs limit for its rule 'at_least', got none"),
        ({"limit": "0.8"}, "limit of gate 'g' must be number, got '0.8'"),
        ({"limit": True}, "limit of gate 'g' must be number, got True"),
        ({"limit": math.inf}, "limit of gate 'g' must be a finite number, got inf"),
        ({"measurement": None}, "gate 'g' must name the measurement it judges"),
        ({"measurement": " "}, "measurement of gate 'g' must not be empty"),
        ({"required": 1}, "required of gate 'g' must be true or false, got 1"),
        ({"split": "test"}, "split of gate 'g' must be one of train, dev, cert, got 'test'"),
        ({"confidence": 95}, r"confidence of gate 'g' must be in \(0.5, 1\), got 95; write 0.95 for 95%"),
        ({"confidence": 0.5}, r"in \(0.5, 1\), got 0.5; 0.95 is usual"),
        ({"parts": {"a": WHOLE}}, "the rule 'at_least' of gate 'g' takes no parts; leave it out"),
        ({"rule": "card_complete"}, "the rule 'card_complete' of gate 'g' takes no limit"),
        ({"rule": "all_of", "limit": None, "parts": {}}, "gate 'g' needs parts for its rule 'all_of'"),
        (
            {"rule": "all_of", "limit": None, "parts": {"a": {"rule": "at_most"}}},
            "gate 'a' needs limit for its rule 'at_most'",
        ),
        ({"rule": "all_of", "limit": None, "parts": {"a": 3}}, "gate 'a' must be a table of rule"),
    ],
)
def test_what_could_not_be_judged_is_refused_before_anything_is_measured(change, message):
    with pytest.raises(InvalidInputError, match=message):
        read_gate("g", WHOLE | change)
