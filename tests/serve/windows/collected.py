"""All windows of a folder of parts, put together as the collector does: no part twice."""

from __future__ import annotations

from pathlib import Path

from smallcraft.data.profiles.packing import Seen, merge_seen, unpack_seen
from smallcraft.data.profiles.parts import Span, list_closed, read_part
from smallcraft.data.profiles.profile import SliceName

FAR = 1e12


def collected(folder: Path, *, now_s: float = FAR) -> dict[Span, dict[SliceName, Seen]]:
    """What was seen, by window, release and segment."""
    return {
        window.span: merge_seen(
            unpack_seen(payload) for part in window.parts for payload in read_part(folder, part)
        )
        for window in list_closed(folder, now_s=now_s, grace_s=0.0)
    }


def together(folder: Path) -> dict[SliceName, Seen]:
    """The same, of all windows."""
    return merge_seen(collected(folder).values())
