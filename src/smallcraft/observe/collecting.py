"""The collector: parts of windows that are over become windows of the store, each part once.

1. windows that are over are listed with their parts (`data.profiles.parts`);
2. a damaged part is set aside, so that the others go on;
3. of each release and segment, parts that the store has not are merged and written as one window;
4. only then are the parts deleted.
Leaves to others: when to collect (`pipeline`, the server), what is in a part (`data.profiles.packing`).
Always: killed anywhere, the next run ends with the same windows: what was written is known by its parts'
names.
Not covered: two collectors of one folder at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smallcraft.data.profiles.packing import Seen, merge_seen, unpack_seen
from smallcraft.data.profiles.parts import (
    ClosedWindow,
    PartName,
    acknowledge,
    list_closed,
    read_part,
    set_aside,
)
from smallcraft.data.profiles.profile import SliceName
from smallcraft.errors import IntegrityError
from smallcraft.observe.store import WindowStore
from smallcraft.observe.window_rows import to_stored
from smallcraft.observe.windows import WindowName

GRACE_S, PATIENCE_S = 5.0, 60.0


@dataclass(frozen=True)
class Collected:
    """What a run of the collector did.

    Attributes:
        windows: Written, oldest first; one that got late parts is among them again.
        damaged: Parts that were set aside, with the reason.
    """

    windows: tuple[WindowName, ...]
    damaged: tuple[str, ...] = ()


def collect(
    parts: Path, store: WindowStore, *, now_s: float, grace_s: float = GRACE_S, patience_s: float = PATIENCE_S
) -> Collected:
    """Put windows that are over into the store.

    Args:
        parts: Folder of the parts.
        store: Where windows go.
        now_s: Wall time, seconds since 1970 UTC.
        grace_s: How long after its end a window is left to its writers.
        patience_s: How long after its end living writers are waited for.

    Raises:
        OSError: The disk refused; run it again.
    """
    written: list[WindowName] = []
    damaged: list[str] = []
    for closed in list_closed(parts, now_s=now_s, grace_s=grace_s, patience_s=patience_s):
        found = _read(parts, closed, damaged)
        for name, by_part in sorted(_by_slice(closed, found).items()):
            known = store.parts_of(name)
            fresh = {part: seen for part, seen in by_part.items() if part not in known}
            if fresh:
                store.append(to_stored(name, _together(name, list(fresh.values())), list(fresh)))
                written.append(name)
        acknowledge(parts, found)
    for month in sorted({name.month for name in written}):
        store.compact(month)
    return Collected(tuple(written), tuple(damaged))


def _read(folder: Path, closed: ClosedWindow, damaged: list[str]) -> dict[PartName, dict[SliceName, Seen]]:
    """What each part saw; those that cannot be read are set aside."""
    found = {}
    for part in closed.parts:
        try:
            found[part] = merge_seen(unpack_seen(payload) for payload in read_part(folder, part))
        except IntegrityError as error:
            damaged.append(f"{set_aside(folder, part)}: {error}")
    return found


def _by_slice(
    closed: ClosedWindow, found: dict[PartName, dict[SliceName, Seen]]
) -> dict[WindowName, dict[str, Seen]]:
    span = closed.span
    windows: dict[WindowName, dict[str, Seen]] = {}
    for part, slices in found.items():
        for slice_name, seen in slices.items():
            name = WindowName(span.start_s, span.seconds, slice_name.release, slice_name.segment)
            windows.setdefault(name, {})[str(part)] = seen
    return windows


def _together(name: WindowName, several: list[Seen]) -> Seen:
    slice_name = SliceName(name.release, name.segment)
    return merge_seen({slice_name: seen} for seen in several)[slice_name]
