"""A registry's first files, and what stands in the way of them.

Always: the checkpoint comes last, so that a folder without one is no registry yet.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError, SmallcraftError
from smallcraft.registry.committing import clear, put
from smallcraft.registry.content.disk import DATABASE_NAMES, Layout
from smallcraft.registry.keys.policy import encode_policy, policy_of
from smallcraft.registry.manifests.index import build_index
from smallcraft.registry.manifests.kinds import OCI_LAYOUT
from smallcraft.registry.old.reading_1 import is_old
from smallcraft.registry.tlog.checkpoint import Checkpoint, sign_checkpoint
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.tlog.tree import EMPTY_ROOT

_SPARE_BYTES = 1 << 20
_TOP_NAMES = frozenset(
    ("oci-layout", "index.json", "blobs", "log", "tmp", "trash", "quarantine", *DATABASE_NAMES)
)


def commit_empty(layout: Layout, signer: Signer) -> None:
    """Write the files of a registry that holds nothing; its checkpoint comes last."""
    clear(layout)
    put(layout, layout.oci_layout, OCI_LAYOUT)
    put(layout, layout.index, build_index(()))
    put(layout, layout.policy, encode_policy(policy_of([signer.vkey])))
    empty = Checkpoint(signer.name, 0, EMPTY_ROOT)
    put(layout, layout.checkpoint, sign_checkpoint(empty, signer))


def refuse_old_format(layout: Layout) -> None:
    """A registry of the format before is neither read nor written as one of this format.

    Raises:
        InvalidInputError: It is one, or an upgrade of one was cut short.
    """
    root = layout.root
    before, new = (root.with_name(f"{root.name}.{ending}") for ending in ("before", "new"))
    is_cut_short = not root.exists() and new.exists() and is_old(before)
    if is_cut_short or is_old(root):
        raise InvalidInputError(
            f"{root} is a registry of the format before this one"
            f"{', half upgraded' if is_cut_short else ''}; run `smallcraft registry upgrade`, which keeps "
            "the old one beside it"
        )


def refuse_foreign_folder(layout: Layout) -> None:
    """A folder that holds something else is not made a registry.

    Raises:
        InvalidInputError: It is a file, or holds other things.
        IntegrityError: It is a registry that lost its checkpoint.
    """
    root = layout.root
    if root.exists() and not root.is_dir():
        raise InvalidInputError(f"a registry is a folder, {root} is a file; choose another path")
    refuse_lost_checkpoint(layout)
    foreign = sorted({path.name for path in root.iterdir()} - _TOP_NAMES) if root.exists() else []
    if foreign:
        raise InvalidInputError(
            f"{root} already holds {', '.join(foreign[:3])}, which is not a registry's; choose an "
            "empty folder"
        )


def refuse_lost_checkpoint(layout: Layout) -> None:
    """A registry without its checkpoint is not an empty one.

    Raises:
        IntegrityError: There are entries or blobs.
    """
    entries = layout.tile("tile/entries")
    old = layout.log / "entries"
    for folder in (entries, old, layout.blobs):
        if folder.is_dir() and any(folder.iterdir()):
            raise IntegrityError(
                f"log/checkpoint is missing, but {layout.root} holds releases: expected the state "
                "that was committed last; restore the checkpoint from a copy"
            )


def refuse_full_disk(root: Path, files: Mapping[str, Path | bytes], facts: bytes) -> None:
    """Refuse before anything is written what would not fit.

    Raises:
        SmallcraftError: The disk has less than the release needs.
    """
    needed = sum(_size_of(source) for source in files.values()) + len(facts) + _SPARE_BYTES
    free = shutil.disk_usage(root).free
    if free < needed:
        raise SmallcraftError(
            f"the release needs {needed:,} bytes, {root} has {free:,} free; free space or keep the "
            "registry on another disk"
        )


def _size_of(source: Path | bytes) -> int:
    if isinstance(source, bytes):
        return len(source)
    return source.stat().st_size if source.is_file() else 0
