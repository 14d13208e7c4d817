"""A release of the registry as a verified copy of its bundle, and the digest that whoever loads it must find.

The registry believes nothing unsigned: the log under its key, the release under its author's, each byte by
its digest. What it vouches for is one digest, of `bundle.json`, which lists the digests of all other files;
so the copy may lie on any disk, and the process that loads it needs no key.
Leaves to others: what the log means (`registry.store`), opening the copy (`loading.opening`).
Always: a reference is resolved through the verified log; a retired release is refused; a copy that is not
what was recorded is replaced by one that is, and that is told.
Not covered: noticing that an alias moved; ask again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.reading import Stored
from smallcraft.registry.store import Registry
from smallcraft.registry.unpacking import unpack_release
from smallcraft.serve.loading.source import ModelSource

_PREFIX = "bundle/"
_ALGORITHM = "sha256:"


def take_release(registry: Registry, reference: str, *, copies: Path) -> ModelSource:
    """Copy a release's bundle, unless a sound copy is there.

    Args:
        registry: Whose.
        reference: `helpdesk@stable`, `helpdesk@3`, ... (`registry.references`).
        copies: A folder of the server's own, on a disk with room; a copy is a folder by digest in it.

    Raises:
        NotFoundError: There is no such release, or it has no bundle.
        InvalidInputError: It is retired.
        IntegrityError: The log, a signature or a stored byte is not what was recorded.
        SmallcraftError: The disk refused.
    """
    stored = find_served(registry, reference)
    digest = bundle_digest(stored)
    target = copies / digest.removeprefix(_ALGORITHM)
    mended = None
    try:
        unpack_release(stored, target, prefix=_PREFIX)
    except IntegrityError as error:
        if not target.exists():
            raise
        mended = str(error)
        _remove(target)
        unpack_release(stored, target, prefix=_PREFIX)
    release = stored.release
    return ModelSource(release.name, str(release.version), target, digest, mended=mended)


def find_served(registry: Registry, reference: str) -> Stored:
    """The release that a reference means now, fit to be served.

    Raises:
        NotFoundError: There is no such release.
        InvalidInputError: It is retired.
        IntegrityError: The log, a signature or a stored byte is not what was recorded.
    """
    stored = registry.find(reference)
    entry = stored.entry
    if registry.log().state.is_retired(entry.name or "", entry.version or 0):
        raise InvalidInputError(
            f"{entry.label} was retired and is not served; name a release in use, such as "
            f"'{entry.name}@latest', or publish it again"
        )
    return stored


def bundle_digest(stored: Stored) -> str:
    """The digest of a release's bundle, as the registry recorded it.

    Raises:
        NotFoundError: The release has no bundle.
    """
    path = _PREFIX + DESCRIPTION
    if path not in stored.locations:
        raise NotFoundError(
            f"{stored.entry.label} has no {path}, so there is nothing to serve; name a release that "
            "`smallcraft build` made"
        )
    return stored.locations[path].file.digest


def forget_copies(copies: Path, *, keep: Iterable[str]) -> None:
    """Delete copies that nobody serves any more.

    Args:
        copies: As given to `take_release`; copies that were begun and not finished go too.
        keep: Digests of the bundles that are served.
    """
    kept = {digest.removeprefix(_ALGORITHM) for digest in keep}
    for folder in copies.iterdir() if copies.is_dir() else ():
        if folder.name not in kept:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Renamed first, so that no one finds half a copy under its name."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink()
        return
    gone = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
