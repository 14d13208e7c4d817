"""A bounded queue: who comes beyond is told when to come back."""

from __future__ import annotations

from smallcraft.serve.router.admission import Gate


def test_no_more_are_admitted_than_the_limit():
    gate = Gate(2)
    assert [gate.enter() for _ in range(4)] == [True, True, False, False]
    gate.leave(0.1)
    assert gate.enter()
    assert gate.open == 2


def test_who_is_refused_is_told_when_to_come_back():
    gate = Gate(1)
    assert gate.refusal().status == 503
    assert gate.refusal().headers["retry-after"] == "1"
    for _ in range(200):
        gate.enter()
        gate.leave(4.2)
    assert gate.refusal().headers["retry-after"] == "5"
    for _ in range(200):
        gate.enter()
        gate.leave(1e4)
    assert gate.refusal().headers["retry-after"] == "30"


def test_refusals_of_one_crowd_are_one_trouble():
    gate = Gate(4)
    for _ in range(4):
        gate.enter()
    assert [gate.is_first_refusal() for _ in range(3)] == [True, False, False]
    gate.leave(0.1)
    assert not gate.is_first_refusal()
    for _ in range(2):
        gate.leave(0.1)
    assert gate.is_first_refusal()
