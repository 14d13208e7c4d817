"""Shipments on their way: told as counted when every controller has counted them, and never twice."""

from __future__ import annotations

import pytest
from tests.serve.rolling import CANARY, CLASSES, DECLARED, PLAN, SALT, STABLE, moment

from smallcraft.serve.controller import Controller
from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.metrics.shipment import to_message
from smallcraft.serve.metrics.totals import Totals
from smallcraft.serve.processes.shipping import Shipping


class Router:
    """A router's end: what it was told."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.counters = Counters("r1")

    def send(self, message) -> None:
        assert message["kind"] == "counted"
        self.told.append(message["sequence"])
        self.counters.acknowledge(message["sequence"])

    def message(self):
        self.counters.refuse("test")
        return {"kind": "counts", "shipment": to_message(self.counters.take())}


@pytest.fixture
def controllers(tmp_path):
    made = {
        name: Controller(tmp_path / name, stable=STABLE, now=0.0) for name in ("with a rollout", "without")
    }
    made["with a rollout"].start(CANARY, PLAN, DECLARED, salt=SALT, at=moment(0.0))
    assert CLASSES
    yield made
    for controller in made.values():
        controller.close()


def test_a_shipment_is_told_as_counted_when_every_controller_has_counted_it(controllers):
    totals, router = Totals(), Router()
    shipping = Shipping(controllers, totals)
    shipping.take(router.message(), router)
    # The controller without a rollout has nothing to count; the other writes at its tick.
    shipping.acknowledge()
    assert router.told == []
    for controller in controllers.values():
        controller.tick(moment(1.0))
    shipping.acknowledge()
    shipping.acknowledge()
    assert router.told == [1]


def test_what_is_shipped_again_is_shown_once(controllers):
    totals, router = Totals(), Router()
    shipping = Shipping(controllers, totals)
    for _ in range(3):
        shipping.take(router.message(), router)
    assert totals.refusals == {"test": 1}


def test_a_shipment_that_cannot_be_read_is_left_out(controllers):
    totals = Totals()
    shipping = Shipping(controllers, totals)
    for message in ({"kind": "counts"}, {"kind": "counts", "shipment": {"router": 3}}):
        shipping.take(message, Router())
    assert totals.routers == 0


def test_a_router_that_is_gone_is_told_nothing(controllers):
    totals, router = Totals(), Router()
    shipping = Shipping(controllers, totals)
    shipping.take(router.message(), router)
    shipping.forget("r1")
    controllers["with a rollout"].tick(moment(1.0))
    shipping.acknowledge()
    assert router.told == []
    assert totals.routers == 0
