"""What all routers counted since the supervisor began, added up for people who watch.

Evidence of rollouts is kept by the controller, on disk; this is not, as scrapers expect of counters.
Leaves to others: how it is written (`prometheus`), who sends shipments.
Always: a shipment counts once; totals never fall, but for releases long gone, which are left out.
"""

from __future__ import annotations

from dataclasses import replace

from smallcraft.serve.metrics.shipment import Shipment, Traffic, add_tallies, add_traffic

# Releases that were served longest ago are left out beyond this many, counted by arm.
_MOST_SERIES = 32
Name = tuple[str, str, str]


class Totals:
    """Sums over routers.

    Attributes:
        refusals: By reason, requests that no arm was asked about.
        request_bytes: Of bodies read.
        reply_bytes: Of bodies sent.
        clients_gone: Replies that nobody waited for any more.
        quarantined: Bodies put under quarantine.
    """

    def __init__(self) -> None:
        self._traffic: dict[Name, Traffic] = {}
        self._load: dict[str, dict[Name, tuple[int, int]]] = {}
        self._sequence: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.request_bytes = self.reply_bytes = self.clients_gone = self.quarantined = 0

    def add(self, shipment: Shipment) -> bool:
        """Add what a router counted.

        Returns:
            False for a shipment that was added before; it changes nothing.
        """
        if shipment.sequence <= self._sequence.get(shipment.router, 0):
            return False
        self._sequence[shipment.router] = shipment.sequence
        load: dict[Name, tuple[int, int]] = {}
        for part in shipment.traffic:
            name = (part.model, part.release, part.arm)
            load[name] = (part.in_flight, part.queued)
            known = self._traffic.pop(name, None)
            # Put last, so that the first is the one served longest ago.
            self._traffic[name] = part if known is None else add_traffic(known, part)
        while len(self._traffic) > _MOST_SERIES:
            del self._traffic[next(iter(self._traffic))]
        self._load[shipment.router] = load
        self.refusals = add_tallies(self.refusals, shipment.refusals)
        self.request_bytes += shipment.request_bytes
        self.reply_bytes += shipment.reply_bytes
        self.clients_gone += shipment.clients_gone
        self.quarantined += shipment.quarantined
        return True

    def forget(self, router: str) -> None:
        """A router is gone: what it counted stays, what it was doing does not."""
        self._load.pop(router, None)
        self._sequence.pop(router, None)

    @property
    def routers(self) -> int:
        """How many there are."""
        return len(self._load)

    def traffic(self) -> tuple[Traffic, ...]:
        """Of each release and arm, with what all routers are doing now."""
        shown = []
        for name, total in sorted(self._traffic.items()):
            now = [load[name] for load in self._load.values() if name in load]
            in_flight, queued = (sum(column) for column in zip(*now, strict=True)) if now else (0, 0)
            shown.append(replace(total, in_flight=in_flight, queued=queued))
        return tuple(shown)
