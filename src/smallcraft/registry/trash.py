"""Blobs that nothing needs any more, a folder a day, until their grace is over; and the way back.

Leaves to others: what goes here, and the log that says so (`registry.collecting`), the lock while it moves.
Always: what comes back has the digest that its name says; files that are no blobs are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.registry.content.disk import Layout, hash_file, locked, sync_folder
from smallcraft.registry.reaching import BLOB_NAME, blob_name
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.entry import Content

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def restore_from_trash(registry: Registry, digest: str) -> Content:
    """Take a blob back out of the trash.

    A blob that nothing needs goes there again with the next collection: copy what you need before.

    Args:
        registry: Whose trash.
        digest: `sha256:<hex>`.

    Raises:
        NotFoundError: The trash has no such blob.
        IntegrityError: What lies there under this name are other bytes.
        InvalidInputError: That is no digest.
    """
    name = blob_name(digest)
    layout = registry.layout
    with locked(layout.log):
        waiting = [path for day in reversed(_days(layout)) if (path := day / name).exists()]
        if not waiting:
            raise NotFoundError(
                f"the trash of {layout.root} has no blob {name}; it was deleted, or never was"
            )
        for path in waiting:
            content = hash_file(path, name=layout.name_of(path))
            if content.digest == f"sha256:{name}":
                path.replace(layout.blobs / name)
                sync_folder(layout.blobs)
                sync_folder(path.parent)
                return content
    raise IntegrityError(
        f"{layout.name_of(waiting[0])} holds other bytes than its name says; it was left there, take the "
        "blob from a copy of the registry"
    )


def put_aside(layout: Layout, contents: Sequence[Content], *, day: date | None) -> None:
    """Move blobs to the trash; the caller holds the lock.

    Args:
        layout: The registry.
        contents: Which.
        day: Today; None to delete them at once.
    """
    if not contents:
        return
    folder = layout.trash / day.isoformat() if day else None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    for content in contents:
        path = layout.blob(content.digest)
        if folder is None:
            path.unlink()
        else:
            path.replace(folder / path.name)
    if folder is not None:
        for parent in (folder, folder.parent, layout.root):
            sync_folder(parent)
    sync_folder(layout.blobs)


def purge(layout: Layout, *, now: datetime, grace: timedelta) -> list[Content]:
    """Delete the days whose grace is over."""
    purged = []
    for day in _days(layout):
        try:
            ended = datetime.combine(date.fromisoformat(day.name), time.min, UTC) + timedelta(days=1)
        except ValueError:
            continue
        if grace == timedelta(0) or now - ended >= grace:
            purged += _delete(sorted(path for path in day.iterdir() if BLOB_NAME.fullmatch(path.name)))
            _drop_when_empty(day)
    return purged


def purge_unneeded(layout: Layout, digests: set[str]) -> list[Content]:
    """Delete these blobs wherever they were put aside."""
    purged = []
    aside = [layout.quarantine] if layout.quarantine.is_dir() else []
    for folder in (*_days(layout), *aside):
        names = {digest.removeprefix("sha256:") for digest in digests}
        # A blob that was quarantined twice has a number behind its name.
        purged += _delete(sorted(p for p in folder.iterdir() if p.name.partition(".")[0] in names))
        _drop_when_empty(folder)
    return purged


def _days(layout: Layout) -> list[Path]:
    """The trash's folders, oldest first; anything else there is left alone."""
    if not layout.trash.is_dir():
        return []
    days = [path for path in layout.trash.iterdir() if _DAY.fullmatch(path.name)]
    return sorted(path for path in days if path.is_dir() and not path.is_symlink())


def _delete(paths: list[Path]) -> list[Content]:
    deleted = []
    for path in paths:
        size = path.lstat().st_size
        path.unlink()
        deleted.append(Content(f"sha256:{path.name.partition('.')[0]}", size))
    return deleted


def _drop_when_empty(folder: Path) -> None:
    if any(folder.iterdir()):
        sync_folder(folder)
    else:
        folder.rmdir()
        sync_folder(folder.parent)
