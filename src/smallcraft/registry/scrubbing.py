"""Reads blobs again before they are needed: what rotted is set aside, named, and fetched from a copy.

Leaves to others: what everything together must be (`registry.verify`).
Always: the log is checked whole each time; the blob that was not read for longest comes first, so that
runs with a small budget come round to every one; nothing is deleted, wrong bytes move to `quarantine/`;
bytes from a copy were hashed on the way in.
Not covered: a blob that is wrong here and in the copy: then it is missing here, and the result says so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.content.disk import Layout, hash_file, locked, sync_folder
from smallcraft.registry.content.staging import Staging
from smallcraft.registry.opening import OpenLog, open_log, tile_reader
from smallcraft.registry.reaching import BLOB_NAME, users_of
from smallcraft.registry.state import State
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.damage import check_tiles
from smallcraft.registry.writing import Writer, timestamp

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and those that this run will read."""

_MISSING = "the file is missing"
# What a run that is killed has to read again at most.
_NOTED_BYTES = 256 << 20
_NOTED_BLOBS = 1000


@dataclass(frozen=True)
class Damaged:
    """A blob that is not what it is stored as.

    Attributes:
        digest: What its bytes should have.
        users: Releases and entries that need it; empty: none does.
        found: What was there instead.
        quarantined: Where the wrong bytes are now, below the root; None where there were none.
        is_healed: Whether the right bytes are there again.
    """

    digest: str
    users: tuple[str, ...]
    found: str
    quarantined: str | None
    is_healed: bool = False

    def __str__(self) -> str:
        """For people."""
        whose = ", ".join(self.users) or "nothing needs it"
        then = "the right bytes were fetched" if self.is_healed else "restore it from a copy"
        return f"blobs/sha256/{self.digest.removeprefix('sha256:')} ({whose}): {self.found}; {then}"


@dataclass(frozen=True)
class Scrubbed:
    """What a scrub found.

    Attributes:
        checked: Blobs that were read.
        checked_bytes: How much that was.
        waiting: Blobs that this run's budget did not reach.
        damaged: Those with wrong bytes, and those that are missing.
    """

    checked: int
    checked_bytes: int
    waiting: int
    damaged: tuple[Damaged, ...]

    @property
    def is_whole(self) -> bool:
        """Whether everything that is needed is there, as far as it was read."""
        return all(blob.is_healed or not blob.users for blob in self.damaged)


@dataclass(frozen=True)
class _Turn:
    """Blobs to read now, and how many have to wait."""

    sizes: Mapping[Path, int]
    waiting: int

    @property
    def size_bytes(self) -> int:
        return sum(self.sizes.values())


def scrub(
    registry: Registry,
    *,
    budget_bytes: int | None,
    now: datetime,
    source: Path | None = None,
    progress: Progress | None = None,
) -> Scrubbed:
    """Check the log, then as many blobs as the budget allows.

    Steps: (1) the log, every entry and tile; (2) read the blobs whose turn it is; (3) set wrong bytes
    aside, fetch what is wrong or missing from the copy.

    Args:
        registry: Whose blobs.
        budget_bytes: How much to read; at least one blob is read, whatever its size. None for everything.
        now: Time with a zone.
        source: Folder of another registry to fetch right bytes from.
        progress: For a bar.

    Returns:
        What was found; where it is not `is_whole` the registry lacks something, and so says `verify`.

    Raises:
        IntegrityError: The log itself is broken.
        InvalidInputError: The budget is negative, the time has no zone, or the copy is this registry.
        NotFoundError: The copy is no registry.
        SmallcraftError: The disk refused.
    """
    timestamp(now)
    copy = _copy_at(source, registry.layout)
    if budget_bytes is not None and budget_bytes < 0:
        raise InvalidInputError(f"the budget must not be negative, got {budget_bytes}; 0 reads one blob")
    layout = registry.layout
    # (1) the log
    with locked(layout.log, shared=True):
        log = open_log(layout, registry.trust)
        check_tiles(tile_reader(layout), log.checkpoint.size, root=log.checkpoint.root)
    # (2) blobs
    state = State(layout.database)
    turn = _turn(layout, state.scrubbed(), budget_bytes)
    suspects = _read(layout, state, turn, now=now, progress=progress)
    # (3) what is wrong
    damaged: tuple[Damaged, ...] = ()
    if suspects or _missing(layout, log):
        with registry.writing(now) as writer:
            damaged = _settle(writer, suspects, copy)
        state.note_scrubbed([blob.digest for blob in damaged if blob.is_healed], now=now)
    return Scrubbed(len(turn.sizes), turn.size_bytes, turn.waiting, damaged)


def _copy_at(source: Path | None, layout: Layout) -> Layout | None:
    if source is None:
        return None
    copy = Layout(source)
    if not copy.blobs.is_dir():
        raise NotFoundError(f"no registry at {source}, blobs/sha256 is not there; name a copy's folder")
    if copy.blobs.samefile(layout.blobs):
        raise InvalidInputError(f"{source} is the registry itself; name the folder of a copy")
    return copy


def _turn(layout: Layout, scrubbed: Mapping[str, str], budget_bytes: int | None) -> _Turn:
    """The blobs that were not read for longest, up to the budget."""
    blobs = {path: _size_of(path) for path in layout.blobs.iterdir() if BLOB_NAME.fullmatch(path.name)}
    chosen: dict[Path, int] = {}
    total = 0
    for path in sorted(blobs, key=lambda path: (scrubbed.get(f"sha256:{path.name}", ""), path.name)):
        total += blobs[path]
        if budget_bytes is not None and chosen and total > budget_bytes:
            break
        chosen[path] = blobs[path]
    return _Turn(chosen, len(blobs) - len(chosen))


def _size_of(path: Path) -> int:
    """0 for what a collection took away in between."""
    with contextlib.suppress(FileNotFoundError):
        return path.lstat().st_size
    return 0


def _read(
    layout: Layout, state: State, turn: _Turn, *, now: datetime, progress: Progress | None
) -> list[Path]:
    """Hash each blob; sound ones are noted now and then, so that a killed run goes on where it was."""
    suspects: list[Path] = []
    sound: list[str] = []
    done, noted = 0, 0
    try:
        for path, size in turn.sizes.items():
            if _what_is_wrong(layout, path) is None:
                sound.append(f"sha256:{path.name}")
            else:
                suspects.append(path)
            done += size
            if progress is not None:
                progress(done, turn.size_bytes)
            if done - noted >= _NOTED_BYTES or len(sound) >= _NOTED_BLOBS:
                state.note_scrubbed(sound, now=now)
                sound, noted = [], done
    finally:
        state.note_scrubbed(sound, now=now)
    return suspects


def _what_is_wrong(layout: Layout, path: Path) -> str | None:
    """What is there instead of the bytes that the name says, None where it is those.

    Raises:
        IntegrityError: This user may not read it, which says nothing about its bytes.
    """
    try:
        content = hash_file(path, name=layout.name_of(path))
    except IntegrityError as error:
        if isinstance(error.__cause__, PermissionError):
            raise
        return _MISSING if not path.exists() and not path.is_symlink() else "it is no plain file"
    except OSError as error:
        return f"the disk cannot read it ({error.strerror})"
    if content.digest == f"sha256:{path.name}":
        return None
    return f"it holds {content.size_bytes} bytes with {content.digest}"


def _missing(layout: Layout, log: OpenLog) -> list[str]:
    """Digests that somebody needs and that are not there."""
    users = users_of(layout, log, is_strict=False)
    return [digest for digest in users if not layout.blob(digest).exists()]


def _settle(writer: Writer, suspects: Sequence[Path], copy: Layout | None) -> tuple[Damaged, ...]:
    """Quarantine and fetch, under the lock; a writer may have healed a blob in between."""
    layout = writer.layout
    found: dict[str, Damaged] = {}
    users = users_of(layout, writer.log, is_strict=False)
    for path in suspects:
        wrong, digest = _what_is_wrong(layout, path), f"sha256:{path.name}"
        if wrong is not None and wrong != _MISSING:
            found[digest] = Damaged(digest, tuple(users.get(digest, ())), wrong, _quarantine(layout, path))
    tried: set[str] = set()
    # A manifest that was fetched names blobs that nobody could know before.
    while wanted := sorted({*_missing(layout, writer.log), *(found.keys() & users.keys())} - tried):
        tried |= set(wanted)
        fetched = _fetch(layout, copy, wanted)
        users = users_of(layout, writer.log, is_strict=False)
        for digest in wanted:
            known = found.get(digest) or Damaged(digest, (), _MISSING, None)
            whose = tuple(users.get(digest, known.users))
            found[digest] = replace(known, users=whose, is_healed=digest in fetched)
    return tuple(found.values())


def _quarantine(layout: Layout, path: Path) -> str:
    """Move a file aside under a name that is free; its path there below the root."""
    layout.quarantine.mkdir(exist_ok=True)
    aside, count = layout.quarantine / path.name, 1
    while aside.exists() or aside.is_symlink():
        count += 1
        aside = layout.quarantine / f"{path.name}.{count}"
    path.rename(aside)
    for folder in (layout.quarantine, layout.root, layout.blobs):
        sync_folder(folder)
    return layout.name_of(aside)


def _fetch(layout: Layout, copy: Layout | None, digests: Sequence[str]) -> set[str]:
    """Copy blobs from another registry, those whose bytes are right there."""
    if copy is None:
        return set()
    staging = Staging(layout.tmp)
    fetched = set()
    for digest in digests:
        path = copy.blob(digest)
        if not path.is_file() or path.is_symlink():
            continue
        content = staging.add(path)
        if content.digest == digest:
            fetched.add(digest)
        elif content.digest not in fetched:
            staging.discard(content.digest)
    staging.sync()
    for digest in sorted(fetched):
        staging.paths[digest].replace(layout.blob(digest))
    sync_folder(layout.blobs)
    return fetched
