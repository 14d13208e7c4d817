"""Writes a release's files to a folder: verified while written, whole or not at all.

Leaves to others: where the bytes come from (`read`), and which files a release has.
Always: the folder appears under its name in one rename; what is written was hashed just before; a folder that
holds anything else is never touched, one that already holds exactly these files is left as it is.
Covered: a stored byte that changed, links and foreign files in the target, a crash half-way, a full disk.
Not covered: who changes the folder afterwards (`model_signing verify` or `sha256sum -c` tell); the hidden
folder beside the target that a kill -9 leaves.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from smallcraft.canonical import digest_bytes
from smallcraft.errors import InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.records import StoredFile
from smallcraft.registry.content.disk import content_error, hash_file, sync_folder, write_new
from smallcraft.registry.manifests.kinds import SIGNATURE_PATH
from smallcraft.registry.manifests.manifest import check_paths
from smallcraft.registry.tlog.entry import Content

Part = Literal["bundle", "all"]
ReadFile = Callable[[StoredFile], bytes]

BUNDLE_PREFIX = "bundle/"


def export_release(
    files: Iterable[StoredFile],
    read: ReadFile,
    target: Path,
    *,
    only: Part = "all",
    signature: bytes | None = None,
) -> Path:
    """Write a release, or its device bundle alone, to a new folder.

    Args:
        files: All files of the release.
        read: The bytes of one of them; they are hashed here again.
        target: A folder that is absent, empty, or an earlier export of the same files.
        only: `bundle` puts what is below `bundle/` at the folder's root, for a device.
        signature: An OpenSSF signature over what is written; becomes `model.sig`.

    Returns:
        `target`.

    Raises:
        NotFoundError: The release has no such file.
        InvalidInputError: The folder holds something else, or two files would be `model.sig`.
        IntegrityError: Bytes are not those of the release, be it read or found in the folder.
        SmallcraftError: The disk refused; the folder is not there.
    """
    chosen = _chosen(tuple(files), only)
    if signature is not None and any(file.path == SIGNATURE_PATH for file in chosen):
        raise InvalidInputError(
            f"the release brings its own {SIGNATURE_PATH}; leave the signature out, or export the bundle only"
        )
    written = chosen
    if signature is not None:
        written = (*chosen, StoredFile(SIGNATURE_PATH, digest_bytes(signature), len(signature)))
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InvalidInputError(f"{target} must be a folder or not be there; choose another path")
    if target.is_dir() and any(target.iterdir()):
        check_folder(target, written)
        return target
    prefix = BUNDLE_PREFIX if only == "bundle" else ""
    try:
        _build(target, _contents(chosen, read, prefix=prefix, signature=signature), written)
    except OSError as error:
        raise SmallcraftError(
            f"exporting to {target} stopped ({error}); free space or fix the folder's permissions, and "
            "export again: nothing was left there"
        ) from error
    return target


def check_folder(folder: Path, files: Sequence[StoredFile]) -> None:
    """Check that a folder holds exactly the given files, links counting as none.

    Raises:
        InvalidInputError: It holds something else.
        IntegrityError: One of the files is missing there or has other bytes.
    """
    wanted = {file.path: file for file in files}
    for path in walk_files(folder):
        if path not in wanted:
            raise InvalidInputError(
                f"{folder} already holds {path}, which is no file of the release; choose an empty folder"
            )
    for path, file in sorted(wanted.items()):
        recorded = Content(file.digest, file.size_bytes)
        got = hash_file(folder / path, name=f"{folder}/{path}")
        if got != recorded:
            raise content_error(f"{folder}/{path}", recorded, got, use="a file of the release")


def walk_files(folder: Path) -> Iterator[str]:
    """Path below the folder of all that is not a plain folder, in order; links are not followed."""
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders.sort()
        linked = [name for name in folders if (here / name).is_symlink()]
        for name in sorted((*names, *linked)):
            yield (here / name).relative_to(folder).as_posix()


def _chosen(files: Sequence[StoredFile], only: Part) -> tuple[StoredFile, ...]:
    """The files to write, by the path that they get."""
    if only == "bundle":
        below = [file for file in files if file.path.startswith(BUNDLE_PREFIX)]
        files = [
            StoredFile(file.path.removeprefix(BUNDLE_PREFIX), file.digest, file.size_bytes) for file in below
        ]
    if not files:
        raise NotFoundError(
            f"the release has no file {f'below {BUNDLE_PREFIX}' if only == 'bundle' else 'at all'}; "
            "`smallcraft show` lists its files"
        )
    check_paths(file.path for file in files)
    return tuple(sorted(files, key=lambda file: file.path))


def _contents(
    chosen: Sequence[StoredFile], read: ReadFile, *, prefix: str, signature: bytes | None
) -> Iterator[tuple[str, bytes]]:
    """Each path with its bytes, read one at a time and hashed."""
    for file in chosen:
        original = StoredFile(prefix + file.path, file.digest, file.size_bytes)
        data = read(original)
        got = Content(digest_bytes(data), len(data))
        if got != Content(file.digest, file.size_bytes):
            wanted = Content(file.digest, file.size_bytes)
            raise content_error(original.path, wanted, got, use="a file of the release")
        yield file.path, data
    if signature is not None:
        yield SIGNATURE_PATH, signature


def _build(target: Path, contents: Iterator[tuple[str, bytes]], written: Sequence[StoredFile]) -> None:
    """Fill a folder beside the target, then rename it; another export may be there first."""
    target.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for path, data in contents:
            file = building / path
            file.parent.mkdir(parents=True, exist_ok=True)
            write_new(file, data)
        for folder in sorted({(building / file.path).parent for file in written}):
            sync_folder(folder)
        building.chmod(0o755)
        building.rename(target)
        sync_folder(target.parent)
    except OSError:
        if not target.is_dir() or not any(target.iterdir()):
            raise
        check_folder(target, written)
    finally:
        shutil.rmtree(building, ignore_errors=True)
