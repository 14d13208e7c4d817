"""All models of a server together: counted for once, told of, ordered about, whatever runs the processes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.serve.running import sources

from smallcraft.errors import InvalidInputError
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.metrics.shipment import to_message
from smallcraft.serve.processes.roster import Roster
from smallcraft.serve.processes.served import Served
from smallcraft.serve.processes.settings import ServeSettings


class Slot:
    """What answers for a release, in memory."""

    def __init__(self, source: ModelSource) -> None:
        self.source = source
        self.is_ready = self.is_running = True
        self.reach: Mapping[str, str | None] = {"application": source.label}

    def readings(self):
        return [(17, 1000)]

    def look(self, now: float) -> None:
        """Nothing happens to it."""

    def stop(self) -> None:
        self.is_running = False

    kill = stop


@pytest.fixture
def roster(tmp_path):
    source = sources(tmp_path)[0]
    settings = ServeSettings(models=(source,), state=tmp_path / "state")
    settings.state.mkdir()
    made = Roster()
    made.add(
        Served(
            source,
            settings,
            tmp_path,
            now=0.0,
            on_news=lambda _: None,
            on_death=lambda _: None,
            make_slot=lambda source, _: Slot(source),
        )
    )
    made.hold_leases(settings)
    yield made
    made.close()


class Router:
    """A router's end: what it was told."""

    def __init__(self) -> None:
        self.told: list[Mapping] = []

    def send(self, message) -> None:
        self.told.append(message)


def test_routers_are_told_where_a_release_is_whatever_runs_it(roster):
    message = roster.models["m"].message()
    (reach,) = message["reach"].values()
    assert reach == {"application": "m@1", "source": None}


def test_a_shipment_is_acknowledged_at_the_next_tick_and_shown(roster):
    router, counters = Router(), Counters("r1")
    counters.refuse("test")
    roster.shipping.take({"shipment": to_message(counters.take())}, router)
    assert router.told == []
    roster.tick()
    assert router.told == [{"kind": "counted", "sequence": 1}]
    assert 'reason="test"' in roster.answer({"goal": "metrics"})["body"]


def test_an_alarm_stands_until_its_cause_is_gone(roster):
    roster.alarm("one", "the disk is full")
    roster.alarm("other", "the disk is full")
    assert roster.alarms() == ("the disk is full",)
    roster.alarm("one", "")
    roster.forget_router("other")
    assert roster.alarms() == ()


def test_orders_are_obeyed_and_what_runs_is_told(roster):
    told = roster.obey({"command": "status"})
    assert told["workers"] == [{"release": "m@1", "pid": 17, "memory_bytes": 1000}]
    assert set(told["models"]) == {"m"}
    assert roster.obey({"command": "metrics"})["page"].startswith("# HELP")
    with pytest.raises(InvalidInputError, match="an order is one of status"):
        roster.obey({"command": "dance"})
