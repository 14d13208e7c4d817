"""All models of a server together: ticked, counted for, told of, ordered about; whatever runs the processes.

The supervisor of one machine has one, and so has the controller on Ray.
Leaves to others: each model (`processes.served`), routers and how they are reached.
Always: a shipment is acknowledged when every model has counted it; an alarm stands until its cause is gone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from smallcraft.serve.controller import Controller
from smallcraft.serve.loading.leases import Leases
from smallcraft.serve.metrics.totals import Totals
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.processes.orders import obey
from smallcraft.serve.processes.served import Served
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.processes.shipping import Shipping
from smallcraft.serve.processes.told import answer
from smallcraft.serve.state.deciding import Moment

_LOG = logging.getLogger("smallcraft.serve")


class Roster:
    """The models of one server.

    Attributes:
        models: By name.
        shipping: What routers have shipped.
    """

    def __init__(self) -> None:
        self.models: dict[str, Served] = {}
        self._totals = Totals()
        self._controllers: dict[str, Controller] = {}
        self.shipping = Shipping(self._controllers, self._totals)
        self._alarms: dict[str, str] = {}
        self._leases: Leases | None = None

    def add(self, model: Served) -> None:
        """One more model."""
        self.models[model.name] = model
        self._controllers[model.name] = model.controller

    def hold_leases(self, settings: ServeSettings) -> None:
        """Keep what is served from being collected in the registry, where there is one."""
        if settings.registry is not None:
            self._leases = Leases(settings.registry, holder=f"serve {settings.state}")

    def tick(self) -> None:
        """Let time pass: decide, and acknowledge what was counted; called four times a second."""
        at = moment_now()
        for model in self.models.values():
            model.tick(at)
        self.shipping.acknowledge()

    def look(self) -> None:
        """Look after what answers; called a few times a second."""
        now = time.monotonic()
        for model in self.models.values():
            model.look(now)
        if self._leases is not None:
            served = [source.label for model in self.models.values() for source in model.sources()]
            self.alarm("registry", self._leases.keep(served, now=datetime.now(UTC)) or "")

    def alarm(self, name: str, why: str) -> None:
        """Raise an alarm, or take it back with an empty reason."""
        if why and self._alarms.get(name) != why:
            _LOG.error("%s", why)
        self._alarms.pop(name, None)
        if why:
            self._alarms[name] = why

    def alarms(self) -> tuple[str, ...]:
        """What a person should look at; several routers may say the same."""
        of_models = (alarm for model in self.models.values() for alarm in model.alarms())
        return tuple(dict.fromkeys((*self._alarms.values(), *of_models)))

    def answer(self, message: Message) -> Message:
        """The answer to a router's question, as `processes.told` has it."""
        return answer(message, self.models, self._totals, alarms=self.alarms(), now=time.monotonic())

    def obey(self, message: Message) -> dict[str, Any]:
        """Do what a message orders, and say what came of it.

        Raises:
            InvalidInputError: The order is not understood, or does not fit.
            SmallcraftError: It cannot be carried out.
        """
        if message.get("command") == "metrics":
            return {"page": self.answer({"goal": "metrics"})["body"]}
        told = obey(message, self.models, at=moment_now())
        if message.get("command") == "status":
            told |= {"workers": self._workers(), "alarms": list(self.alarms())}
        return told

    def forget_router(self, router: str) -> None:
        """A router is gone; what it shipped is counted all the same."""
        self.shipping.forget(router)
        self.alarm(router, "")
        for model in self.models.values():
            model.forget_router(router)

    def close(self) -> None:
        """Let go of state and leases."""
        for model in self.models.values():
            model.controller.close()
        if self._leases is not None:
            self._leases.keep((), now=datetime.now(UTC))

    def _workers(self) -> list[Mapping[str, Any]]:
        return [
            {"release": worker.release, "pid": int(worker.worker), "memory_bytes": worker.memory_bytes}
            for model in self.models.values()
            for worker in model.workers()
        ]


def moment_now() -> Moment:
    """This moment, by both clocks."""
    return Moment(time.monotonic(), datetime.now(UTC))
