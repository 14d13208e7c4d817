"""Leases on the releases that are served: garbage collection leaves alone what they need.

Leaves to others: what a lease protects (`registry.collecting`), when to ask (the supervisor, now and then).
Always: a lease that is not renewed ends by itself, so a server that was killed holds nothing for long; a
registry that cannot be written stops no server.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from smallcraft.errors import SmallcraftError
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.state import State

SPAN = timedelta(hours=1)


class Leases:
    """What one server holds in one registry.

    Args:
        root: The registry's folder.
        holder: Names the server, apart from others.
        span: How long a lease holds without being renewed.
    """

    def __init__(self, root: Path, *, holder: str, span: timedelta = SPAN) -> None:
        self._state = State(Layout(root).database)
        self._holder = holder
        self._span = span
        self._until: dict[str, datetime] = {}

    @property
    def held(self) -> tuple[str, ...]:
        """Labels of the releases that leases were taken on."""
        return tuple(self._until)

    def keep(self, releases: Iterable[str], *, now: datetime) -> str | None:
        """Hold leases on these releases and on no others; costs nothing while none is due.

        Args:
            releases: Labels, such as `helpdesk@3`.
            now: Time with a zone.

        Returns:
            Why the registry could not be told, for an alarm; None when it was, or need not be.
        """
        wanted = set(releases)
        # Beyond a whole span: the clock was set back.
        due = [label for label in wanted if not self._is_settled(label, now)]
        over = [label for label in self._until if label not in wanted]
        try:
            for label in due:
                self._state.lease(label, holder=self._holder, until=now + self._span)
                self._until[label] = now + self._span
            for label in over:
                self._state.lease(label, holder=self._holder, until=now)
                del self._until[label]
        except SmallcraftError as error:
            return str(error)
        return None

    def _is_settled(self, label: str, now: datetime) -> bool:
        until = self._until.get(label)
        return until is not None and now + self._span / 2 < until <= now + self._span
