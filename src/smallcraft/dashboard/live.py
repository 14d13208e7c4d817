"""Tells a browser that what its page shows has changed, by server-sent events; it then reads the page again.

Where no stream gets through, the same is asked for and answered whole, at once or when something changed.
Leaves to others: what is compared (`dashboard.pages`), reading the page again (`static/live.js`).
Always: a stream ends when its browser goes away or the server does; nothing is sent but a digest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

_LOOK_S = 1.0
_QUIET_S = 15.0

Stamp = Callable[[], Awaitable[str]]
IsGone = Callable[[], Awaitable[bool]]


async def tell_changes(
    stamp: Stamp, known: str, *, is_gone: IsGone, look_s: float = _LOOK_S
) -> AsyncIterator[bytes]:
    """The stream of one browser.

    Args:
        stamp: Of what the page shows, now.
        known: Of what the browser has.
        is_gone: Whether it went away, or the server is ending.
        look_s: Seconds from look to look.
    """
    yield b"retry: 2000\n\n"
    quiet_s = 0.0
    while not await is_gone():
        now = await stamp()
        if now != known:
            known, quiet_s = now, 0.0
            yield f"event: changed\ndata: {now}\n\n".encode()
        elif quiet_s >= _QUIET_S:
            quiet_s = 0.0
            yield b": still here\n\n"
        await asyncio.sleep(look_s)
        quiet_s += look_s


async def wait_for_change(
    stamp: Stamp, known: str, *, is_gone: IsGone, within_s: float, look_s: float = _LOOK_S
) -> str:
    """The stamp once it is another one, or what it still is when the time is over.

    Args:
        stamp: Of what the page shows, now.
        known: Of what the browser has.
        is_gone: Whether it went away, or the server is ending.
        within_s: How long to wait; 0 for an answer at once.
        look_s: Seconds from look to look.
    """
    now, waited_s = await stamp(), 0.0
    while now == known and waited_s < within_s and not await is_gone():
        await asyncio.sleep(look_s)
        waited_s += look_s
        now = await stamp()
    return now
