"""Tells a browser that what its page shows has changed, by server-sent events; the browser then reads it again.

Leaves to others: what is compared (`dashboard.pages`), reading the page again (`static/live.js`).
Always: a stream ends when its browser goes away or the server does; nothing is sent but a digest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

_LOOK_S = 1.0
_QUIET_S = 15.0


async def tell_changes(
    stamp: Callable[[], Awaitable[str]],
    known: str,
    *,
    is_gone: Callable[[], Awaitable[bool]],
    look_s: float = _LOOK_S,
) -> AsyncIterator[bytes]:
    """The stream of one browser.

    Args:
        stamp: Of what the page shows, now.
        known: Of what the browser has.
        is_gone: Whether it went away.
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
