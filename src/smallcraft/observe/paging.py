"""The trigger `page`: an alarm is posted to a webhook, and told as soon as the receiver has it.

Leaves to others: the posting (`observe.webhooks`), when it is due (`observe.triggers`).
Always: an alarm is under way once at a time; it counts as told only when it arrived; what was lost is posted
again at the next look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from smallcraft.observe.alarm_form import alarm_json
from smallcraft.observe.alarms import Alarm
from smallcraft.observe.webhooks import Message, Postman, Webhook


class Pager:
    """Posts alarms; itself the action of the trigger. Close it, or use it in a `with`."""

    def __init__(self, webhook: Webhook, *, clock: Callable[[], float]) -> None:
        """Begin to wait for alarms.

        Args:
            webhook: Where to.
            clock: Wall time in seconds.
        """
        self._lock = threading.Condition()
        self._under_way: set[str] = set()
        self._arrived: set[str] = set()
        self._reasons: dict[str, str] = {}
        self._postman = Postman(webhook, clock=clock, arrived=self._note_arrived, lost=self._note_lost)

    def __call__(self, alarm: Alarm) -> str | None:
        """Post an alarm, or say that it arrived; never waits.

        Returns:
            A text once it arrived; None while it is under way.

        Raises:
            OSError: The last post was lost; it is under way again.
        """
        with self._lock:
            if alarm.id in self._arrived:
                return "arrived"
            reason = self._reasons.pop(alarm.id, None)
            is_new = alarm.id not in self._under_way
            self._under_way.add(alarm.id)
        if is_new and not self._postman.post(Message(alarm.id, alarm_json(alarm))):
            reason = "too many alarms wait to be posted"
            with self._lock:
                self._under_way.discard(alarm.id)
        if reason is not None:
            raise OSError(reason)
        return None

    def wait(self, *, timeout_s: float) -> bool:
        """Wait until nothing is under way any more.

        Args:
            timeout_s: For which to wait at most.

        Returns:
            Whether nothing is.
        """
        with self._lock:
            return self._lock.wait_for(lambda: not self._under_way, timeout_s)

    def close(self) -> None:
        """Give up what is under way."""
        self._postman.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _note_arrived(self, message: Message) -> None:
        with self._lock:
            self._under_way.discard(message.id)
            self._arrived.add(message.id)
            self._lock.notify_all()

    def _note_lost(self, message: Message, reason: str) -> None:
        with self._lock:
            self._under_way.discard(message.id)
            self._reasons[message.id] = reason
            self._lock.notify_all()
