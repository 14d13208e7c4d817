"""A release's files as a folder: written whole or not at all, verified while written and again as a whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from smallcraft.errors import NotFoundError, SmallcraftError
from smallcraft.records import StoredFile
from smallcraft.registry.content.disk import write_new
from smallcraft.registry.reading import Stored
from smallcraft.registry.verify.folder import verify_directory


def unpack_release(stored: Stored, target: Path, *, prefix: str) -> Path:
    """Write a release's files below `prefix` to a new folder.

    A folder that already holds exactly these files is left as it is.

    Args:
        stored: The release.
        target: The folder to make; the prefix is not part of the paths in it.
        prefix: Which files; an empty one means all.

    Returns:
        `target`.

    Raises:
        NotFoundError: The release has no file below the prefix.
        IntegrityError: A stored byte, or what `target` holds, is not that of the release.
        SmallcraftError: The disk refused; nothing is there.
    """
    label = stored.entry.label
    files = [file for file in stored.files if file.path.startswith(prefix)]
    if not files:
        raise NotFoundError(
            f"{label} has no file below '{prefix}'; `smallcraft show {label}` lists its files"
        )
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        _write_folder(stored, files, target, prefix=prefix)
    verify_directory(target, files, prefix=prefix)
    return target


def _write_folder(stored: Stored, files: Sequence[StoredFile], target: Path, *, prefix: str) -> None:
    """Build the folder beside `target`, then rename it; another one's may be there first."""
    target.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for file in files:
            path = building / file.path.removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_new(path, stored.read(file.path))
        building.chmod(0o755)
        building.rename(target)
    except OSError as error:
        if not target.exists():
            raise SmallcraftError(
                f"writing {target} stopped ({error.strerror}); free space or choose another folder, then go "
                "on"
            ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
