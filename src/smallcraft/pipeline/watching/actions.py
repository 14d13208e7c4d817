"""What an alarm sets off in a project: a batch of rows to label, a page, a rollout that is held.

Leaves to others: when one is due (`observe.triggers`), how a page is posted (`observe.webhooks`).
Always: posting never holds up the watching; who looks once waits for it, but not for ever.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.observe.alarms import Alarm
from smallcraft.observe.paging import Pager
from smallcraft.observe.reviewing import review_alarm
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.store import WindowStore
from smallcraft.observe.triggers import Action
from smallcraft.observe.webhooks import Webhook
from smallcraft.pipeline.watching.project import WatchPlaces

SECRET = "SMALLCRAFT_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable, not what it holds


class WatchActions:
    """The actions of one project; close them.

    Args:
        project: Its folder, or the project file.
        places: Its folders.
        store: Of its windows.
        settings: As declared.
        webhook: Where pages go; None for nowhere.
        clock: Wall time, seconds since 1970 UTC.
        state: The server's folder, whose rollout an alarm may freeze; None for the usual one.
    """

    def __init__(
        self,
        project: Path,
        places: WatchPlaces,
        store: WindowStore,
        *,
        settings: WatchSettings,
        webhook: str | None,
        clock: Callable[[], float],
        state: Path | None = None,
    ) -> None:
        self._project, self._places, self._store = project, places, store
        self._settings, self._state = settings, state
        self._pager = None if webhook is None else Pager(_signed(webhook), clock=clock)

    @property
    def by_trigger(self) -> Mapping[str, Action]:
        """What each trigger does."""
        actions: dict[str, Action] = {"review": self._review, "freeze": self._freeze}
        return actions if self._pager is None else actions | {"page": self._pager}

    def wait(self, *, timeout_s: float) -> bool:
        """Wait until no page is under way.

        Returns:
            Whether none is.
        """
        return self._pager is None or self._pager.wait(timeout_s=timeout_s)

    def close(self) -> None:
        """Give up pages under way."""
        if self._pager is not None:
            self._pager.close()

    def _review(self, alarm: Alarm) -> str:
        return review_alarm(alarm, self._store, folder=self._places.reviews, settings=self._settings)

    def _freeze(self, alarm: Alarm) -> str:
        """Hold the rollout that is under way of the release's model; one that begins later is let go on."""
        # A project that nothing serves is watched without the parts that serve.
        from smallcraft.pipeline.serving import order_rollout, served_project

        model = alarm.release.partition("@")[0]
        try:
            served = served_project(self._project, self._state)
            order_rollout(served, "freeze", model=model, reason=f"alarm {alarm.id}")
        except (NotFoundError, InvalidInputError) as error:
            return f"nothing to freeze: {error}"
        return "frozen"


def _signed(url: str) -> Webhook:
    secret = os.environ.get(SECRET)
    return Webhook(url, secret=None if secret is None else secret.encode())
