"""Webhooks: alarms posted to an address, again and again until they arrive, without holding anything up.

The form is that of Standard Webhooks: `webhook-id` (the alarm's id, so that a receiver can tell a repeat),
`webhook-timestamp`, and with a secret `webhook-signature: v1,<base64 of HMAC-SHA256 over id.timestamp.body>`.
Leaves to others: which alarms to post and what was posted (`observe.triggers`).
Always: `post` of the postman returns at once, also when the receiver is dead and the queue full; redirects
are not followed; no wait of a try is longer than `timeout_s`.
Not covered: what was queued when the process ends; the caller posts what was not told yet anew.

Source:
    https://www.standardwebhooks.com, "Webhook Headers" and "Signature scheme".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from smallcraft.errors import InvalidInputError

_QUEUE = 256
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 60.0


@dataclass(frozen=True)
class Webhook:
    """An address to post to.

    Attributes:
        url: `http://` or `https://`.
        secret: Shared with the receiver; None for no signature.
        timeout_s: Of one try.
        tries: How often to try before giving up.
    """

    url: str
    secret: bytes | None = None
    timeout_s: float = 5.0
    tries: int = 8

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInputError(
                f"a webhook is an http:// or https:// address, got {self.url!r}; correct it"
            )
        if self.timeout_s <= 0 or self.tries < 1:
            raise InvalidInputError(
                f"timeout_s must be above 0 and tries at least 1, got {self.timeout_s} and {self.tries}"
            )


@dataclass(frozen=True)
class Message:
    """A body to post, and the id that a receiver knows repeats by."""

    id: str
    body: bytes


def headers_of(message: Message, *, at_s: int, secret: bytes | None) -> dict[str, str]:
    """Headers of a try.

    Args:
        message: What is posted.
        at_s: Wall time, seconds since 1970.
        secret: Shared with the receiver; None for no signature.
    """
    headers = {
        "content-type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(at_s),
    }
    if secret is not None:
        signed = f"{message.id}.{at_s}.".encode() + message.body
        code = hmac.new(secret, signed, hashlib.sha256).digest()
        headers["webhook-signature"] = "v1," + base64.b64encode(code).decode()
    return headers


def post_once(webhook: Webhook, message: Message, *, at_s: int) -> int:
    """One try.

    Returns:
        The receiver's status.

    Raises:
        OSError: It could not be reached, or not in time.
        http.client.HTTPException: It does not speak HTTP.
    """
    parts = urlsplit(webhook.url)
    assert parts.hostname is not None
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=webhook.timeout_s)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, message.body, headers_of(message, at_s=at_s, secret=webhook.secret))
        return connection.getresponse().status
    finally:
        connection.close()


class Postman:
    """Posts in a thread of its own, one message after the other, each until it arrived or was given up."""

    def __init__(
        self,
        webhook: Webhook,
        *,
        clock: Callable[[], float],
        arrived: Callable[[Message], None],
        lost: Callable[[Message, str], None],
    ) -> None:
        """Begin to wait for messages.

        Args:
            webhook: Where to.
            clock: Wall time in seconds.
            arrived: Called from the thread for each message that a receiver took (status 2xx).
            lost: Called from the thread for each message that was given up, with the reason.
        """
        self._webhook = webhook
        self._clock = clock
        self._arrived = arrived
        self._lost = lost
        self._queue: queue.Queue[Message | None] = queue.Queue(_QUEUE)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def post(self, message: Message) -> bool:
        """Queue a message; returns at once.

        Returns:
            Whether there was room; post it again later where there was none.
        """
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """Give up what was not posted; waits for the try that is under way."""
        self._ended.set()
        while True:
            try:
                self._queue.put_nowait(None)
            except queue.Full:
                self._queue.get_nowait()
            else:
                break
        self._thread.join()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _run(self) -> None:
        while (message := self._queue.get()) is not None and not self._ended.is_set():
            reason = self._deliver(message)
            if reason is None:
                self._arrived(message)
            else:
                self._lost(message, reason)

    def _deliver(self, message: Message) -> str | None:
        """None when it arrived, else why not."""
        pause, reason = _FIRST_PAUSE_S, ""
        for left in range(self._webhook.tries - 1, -1, -1):
            try:
                status = post_once(self._webhook, message, at_s=int(self._clock()))
            except (OSError, http.client.HTTPException) as error:
                reason = f"{type(error).__name__}: {error}"
            else:
                if 200 <= status < 300:
                    return None
                reason = f"status {status}"
            if not left or self._ended.wait(pause):
                break
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        return reason
