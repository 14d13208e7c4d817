"""What was seen of a window, as rows of the store, and back; corrections are added up.

Leaves to others: files (`observe.store`), a column's bytes (`data.profiles.blobs`).
Always: what is read of a window and its corrections is what would have been seen had nothing been late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from smallcraft.data.profiles.blobs import from_blob, to_blob
from smallcraft.data.profiles.kept import KeptRows
from smallcraft.data.profiles.packing import Seen, merge_seen, pack_seen, unpack_seen
from smallcraft.data.profiles.profile import Profile, SliceName
from smallcraft.data.profiles.reference import shorten
from smallcraft.observe.store import ALL_WINDOWS, Wanted, WindowStore, put_together
from smallcraft.observe.windows import EVERYTHING, StoredWindow, WindowName

# Rows that were kept and how many were left out; aspects are named `column/aspect`, so none is this.
SEEN_COLUMN = "/seen"


@dataclass(frozen=True)
class Window:
    """A window as it is weighed and shown.

    Attributes:
        name: Which slice.
        profile: What its rows looked like.
        kept: Some of the rows; None where none may be kept, or none were asked for.
        late: How many of its parts came late.
    """

    name: WindowName
    profile: Profile
    kept: KeptRows | None = None
    late: int = 0


def to_stored(name: WindowName, seen: Seen, parts: Sequence[str]) -> StoredWindow:
    """A window as it is stored; of the words of texts the most frequent ones are.

    Args:
        name: Which slice.
        seen: Of it, when it is over.
        parts: Names of the parts that it was made of.
    """
    head = Seen(replace(seen.profile, columns={}), seen.kept)
    columns = {column: to_blob(profile) for column, profile in shorten(seen.profile).columns.items()}
    columns[SEEN_COLUMN] = pack_seen({SliceName(name.release, name.segment): head})
    return StoredWindow(name, seen.profile.n, columns, tuple(sorted(parts)))


def from_stored(windows: Sequence[StoredWindow]) -> Window:
    """A window from its rows, corrections added up.

    Args:
        windows: At least one, of one name.

    Raises:
        IntegrityError: A blob is damaged.
    """
    name = windows[0].name
    slice_name = SliceName(name.release, name.segment)
    several = [_seen(each, slice_name) for each in windows]
    # Most windows were never corrected, and a year of them is read at once.
    seen = several[0] if len(several) == 1 else merge_seen({slice_name: each} for each in several)[slice_name]
    late = len(put_together(windows)) - len(windows[0].parts)
    return Window(name, seen.profile, seen.kept, late)


def read_windows(
    store: WindowStore,
    wanted: Wanted = ALL_WINDOWS,
    *,
    with_late: bool = True,
) -> Iterator[Window]:
    """Windows by begin, release and segment.

    Args:
        store: Where they are.
        wanted: Which ones.
        with_late: Whether corrections are added up; the guardrail weighs windows as they were closed.

    Raises:
        IntegrityError: A file or a blob is damaged.
    """
    for _, rows in store.read(wanted):
        yield from_stored(rows if with_late else rows[:1])


def over_segments(windows: Iterable[Window]) -> Window:
    """One window of all segments of a release.

    Args:
        windows: At least one, of one release and time slice.
    """
    several = list(windows)
    name = replace(several[0].name, segment=EVERYTHING)
    slice_name = SliceName(name.release)
    seen = merge_seen({slice_name: Seen(each.profile, each.kept)} for each in several)[slice_name]
    return Window(name, seen.profile, seen.kept, sum(each.late for each in several))


def _seen(window: StoredWindow, slice_name: SliceName) -> Seen:
    columns = {
        column: from_blob(blob, name=column)
        for column, blob in window.columns.items()
        if column != SEEN_COLUMN
    }
    head = _head(window.columns, slice_name)
    if head is None:
        return Seen(Profile(window.n, 0, columns))
    return Seen(replace(head.profile, columns=columns), head.kept)


def _head(columns: Mapping[str, bytes], slice_name: SliceName) -> Seen | None:
    packed = columns.get(SEEN_COLUMN)
    return None if packed is None else unpack_seen(packed).get(slice_name)
