"""Checks that a folder holds exactly the files of a release."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.records import StoredFile
from smallcraft.registry.content.disk import content_error, hash_file
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.verify.report import Step, VerifyReport


def verify_directory(path: Path, files: Sequence[StoredFile], *, prefix: str = "") -> VerifyReport:
    """Check that a folder holds exactly the given files.

    Args:
        path: A materialised copy.
        files: What it must hold.
        prefix: Leading part of the files' paths that the folder stands for.

    Raises:
        NotFoundError: There is no such folder.
        IntegrityError: The first broken thing.
    """
    if not path.is_dir():
        raise NotFoundError(f"no folder at {path}; run `smallcraft export` to write one")
    wanted = {file.path.removeprefix(prefix): file for file in files}
    # (1) each file
    for name, file in sorted(wanted.items()):
        content = hash_file(path / name, name=f"{path}/{name}")
        recorded = Content(file.digest, file.size_bytes)
        if content != recorded:
            raise content_error(f"{path}/{name}", recorded, content, use="a file of the release")
    detail = f"{sum(file.size_bytes for file in files):,} bytes have the recorded digests"
    # (2) nothing else
    for name in walk(path):
        if name not in wanted:
            raise extra_error(f"{path}/{name}", "no file of the release has this path")
    return VerifyReport((Step("files", detail, len(wanted)), Step("extra", "nothing else is there", 0)))


def walk(root: Path, folders: set[str] | None = None) -> Iterator[str]:
    """Every file, link and, when `folders` lists the known ones, unknown folder below the root.

    Raises:
        IntegrityError: A folder that cannot be listed.
    """
    for parent, directories, names in os.walk(root, onerror=_refuse_unreadable):
        below = Path(parent).relative_to(root)
        for name in sorted(directories):
            path = (below / name).as_posix()
            if (Path(parent) / name).is_symlink() or (folders is not None and path not in folders):
                yield path
        for name in sorted(names):
            yield (below / name).as_posix()


def extra_error(name: str, why: str) -> IntegrityError:
    """The one message for a file that nothing accounts for."""
    return IntegrityError(
        f"{name} does not belong here: {why}; it was planted, or left by an interrupted writer "
        "(opening the registry sweeps those): look at it, then move it away"
    )


def _refuse_unreadable(error: OSError) -> None:
    raise IntegrityError(
        f"{error.filename} cannot be listed ({error.strerror}), so what it holds is unknown; "
        "give read permission and verify again"
    ) from error
