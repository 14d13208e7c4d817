"""Shipments of routers on their way through the supervisor: to every controller, and back as a receipt.

Leaves to others: counting evidence (`serve.controller`), adding up what is shown (`metrics.totals`).
Always: a router is told that a shipment was counted only when every model's controller has counted it, and
so ships it again until then; what is shown counts it once all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from smallcraft.errors import InvalidInputError
from smallcraft.serve.controller import Controller
from smallcraft.serve.metrics.shipment import from_message
from smallcraft.serve.metrics.totals import Totals
from smallcraft.serve.processes.messages import Message

_LOG = logging.getLogger("smallcraft.serve")


class Shipper(Protocol):
    """A router that ships."""

    def send(self, message: Message) -> None:
        """Tell it something."""


class Shipping:
    """What routers have shipped.

    Args:
        controllers: By model.
        totals: What is shown.
    """

    def __init__(self, controllers: Mapping[str, Controller], totals: Totals) -> None:
        self._controllers = controllers
        self._totals = totals
        self._shippers: dict[str, Shipper] = {}
        # Of each router's newest shipment: its number, and the models that have counted it.
        self._counted: dict[str, tuple[int, set[str]]] = {}

    def take(self, message: Message, shipper: Shipper) -> None:
        """A router ships what it counted."""
        try:
            shipment = from_message(message["shipment"])
        except (InvalidInputError, KeyError) as error:
            _LOG.error("a shipment cannot be read: %s", error)
            return
        router, sequence = shipment.router, shipment.sequence
        self._shippers[router] = shipper
        self._totals.add(shipment)
        if self._counted.get(router, (0, set()))[0] != sequence:
            self._counted[router] = (sequence, set())
        for name, controller in self._controllers.items():
            try:
                controller.ship(shipment)
            except InvalidInputError as error:
                # It can never be counted, so it is not waited for.
                _LOG.error("a shipment is not counted: %s", error)
                self._counted[router][1].add(name)

    def acknowledge(self) -> None:
        """Tell routers what was counted; called after each tick of the controllers."""
        for name, controller in self._controllers.items():
            for router, sequence in controller.take_acknowledgements().items():
                newest = self._counted.get(router)
                if newest is not None and newest[0] == sequence:
                    newest[1].add(name)
        for router, (sequence, names) in list(self._counted.items()):
            if len(names) == len(self._controllers):
                del self._counted[router]
                self._shippers[router].send({"kind": "counted", "sequence": sequence})

    def forget(self, router: str) -> None:
        """A router is gone; what it shipped is counted all the same."""
        self._shippers.pop(router, None)
        self._counted.pop(router, None)
        self._totals.forget(router)
