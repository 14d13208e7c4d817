"""What waits for each router until it calls: the controller on Ray calls nobody.

Always: a router that is silent for long is forgotten; what it shipped stays counted.
"""

from __future__ import annotations

from collections.abc import Callable

from smallcraft.serve.processes.messages import Message

# A router calls four times a second; one whose machine is slow is not forgotten for that.
SILENT_S = 60.0


class Mailbox:
    """What waits for one router.

    Attributes:
        router: Its name.
        heard_at: Monotonic seconds of its last call.
    """

    def __init__(self, router: str) -> None:
        self.router = router
        self.heard_at = 0.0
        self._waiting: list[Message] = []

    def send(self, message: Message) -> None:
        """Let something wait; of a model's assignments the newest alone, since no other is followed."""
        if message.get("kind") == "assignment":
            model = message.get("model")
            self._waiting = [
                told
                for told in self._waiting
                if told.get("kind") != "assignment" or told.get("model") != model
            ]
        self._waiting.append(message)

    def empty(self) -> list[Message]:
        """What waits, in order; nothing waits afterwards."""
        waiting, self._waiting = self._waiting, []
        return waiting


class Mailboxes:
    """Those of all routers.

    Args:
        on_silence: Told of a router that is forgotten.
    """

    def __init__(self, on_silence: Callable[[str], None]) -> None:
        self._on_silence = on_silence
        self._boxes: dict[str, Mailbox] = {}

    @property
    def routers(self) -> tuple[str, ...]:
        """Who called lately."""
        return tuple(self._boxes)

    def of(self, router: str, *, now: float) -> Mailbox:
        """The mailbox of a router that calls now."""
        mailbox = self._boxes.setdefault(router, Mailbox(router))
        mailbox.heard_at = now
        return mailbox

    def tell_all(self, message: Message) -> None:
        """Let something wait for every router."""
        for mailbox in self._boxes.values():
            mailbox.send(message)

    def forget_silent(self, *, now: float) -> None:
        """Forget who has not called for long."""
        for router, mailbox in list(self._boxes.items()):
            if now - mailbox.heard_at > SILENT_S:
                del self._boxes[router]
                self._on_silence(router)
