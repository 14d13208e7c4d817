"""Leases on what is served: gc spares it, and a server that is gone holds nothing for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smallcraft.errors import IntegrityError
from smallcraft.registry.collecting import collect_garbage
from smallcraft.registry.state import State
from smallcraft.registry.store import Registry
from smallcraft.serve.loading.leases import Leases

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def registry(tmp_path):
    made = Registry.create(tmp_path / "registry")
    for version in (b"1", b"2"):
        made.publish("helpdesk", {"bundle/model.json": b'{"version": %s}' % version}, {}, now=NOW)
    return made


@pytest.fixture
def leases(registry):
    return Leases(registry.root, holder="server-1")


def leased(registry, now=NOW):
    return State(registry.layout.database).leased(now=now)


def erase_and_collect(registry, now):
    registry.retire("helpdesk", 1, now=now, erase=True)
    collect_garbage(registry, now=now, purge_erased=True)


def test_gc_spares_what_is_served_and_takes_it_afterwards(registry, leases):
    stored = registry.find("helpdesk@1")
    leases.keep(["helpdesk@1"], now=NOW)
    erase_and_collect(registry, NOW)
    assert stored.read("bundle/model.json") == b'{"version": 1}'
    leases.keep([], now=NOW)
    collect_garbage(registry, now=NOW, purge_erased=True)
    with pytest.raises(IntegrityError, match="is missing"):
        stored.read("bundle/model.json")


def test_leases_are_held_on_what_is_served_and_nothing_else(registry, leases):
    leases.keep(["helpdesk@1", "helpdesk@2"], now=NOW)
    assert leased(registry) == {"helpdesk@1", "helpdesk@2"}
    leases.keep(["helpdesk@2"], now=NOW + MINUTE)
    assert leased(registry, NOW + MINUTE) == {"helpdesk@2"}
    assert leases.held == ("helpdesk@2",)


def test_a_server_that_is_gone_holds_nothing_for_long(registry, leases):
    leases.keep(["helpdesk@1"], now=NOW)
    assert leased(registry, NOW + 59 * MINUTE) == {"helpdesk@1"}
    assert leased(registry, NOW + 61 * MINUTE) == frozenset()


def test_a_lease_is_renewed_before_it_ends_and_not_at_every_turn(registry, leases):
    leases.keep(["helpdesk@1"], now=NOW)
    written = registry.layout.database.stat().st_mtime_ns
    for minutes in range(1, 30):
        leases.keep(["helpdesk@1"], now=NOW + minutes * MINUTE)
    assert registry.layout.database.stat().st_mtime_ns == written
    leases.keep(["helpdesk@1"], now=NOW + 31 * MINUTE)
    assert leased(registry, NOW + 90 * MINUTE) == {"helpdesk@1"}


@pytest.mark.parametrize("jump", [timedelta(days=3), timedelta(days=-3)])
def test_a_clock_that_jumps_ends_no_lease(registry, leases, jump):
    leases.keep(["helpdesk@1"], now=NOW)
    leases.keep(["helpdesk@1"], now=NOW + jump)
    assert leased(registry, NOW + jump) == {"helpdesk@1"}


def test_two_servers_hold_each_their_own(registry, leases):
    other = Leases(registry.root, holder="server-2")
    for held in (leases, other):
        held.keep(["helpdesk@1"], now=NOW)
    leases.keep([], now=NOW)
    assert leased(registry) == {"helpdesk@1"}


def test_a_registry_that_cannot_be_written_stops_no_server(tmp_path):
    leases = Leases(tmp_path / "nowhere", holder="server-1")
    assert "cannot be written" in (leases.keep(["helpdesk@1"], now=NOW) or "")
    assert leases.held == ()
