"""What a process is told to load: folders, and the digests that they must have.

Whoever names a source has verified it (`loading.released`); whoever loads it compares digests, so that what
lies between them, a disk, need not be trusted.
Always: what is read equals what was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smallcraft.bundle.layout import DESCRIPTION, read_description
from smallcraft.bundle.trunk.task import PACK
from smallcraft.bundle.trunk.trunk import BUDGET_BYTES
from smallcraft.errors import InvalidInputError

_PLAIN = ("name", "version", "digest", "budget_bytes", "mended")
_PLAIN_HEAD = ("head", "name", "version", "digest", "is_pinned", "mended")


@dataclass(frozen=True, slots=True)
class HeadSource:
    """A task on the encoder of a model.

    Attributes:
        head: What requests call it.
        name: The model's, as replies name it.
        version: The release's number, as text.
        folder: A bundle, or a pack.
        digest: Of its description, which lists every other file's.
        is_pinned: Whether it stays in memory from its first use on.
        mended: As in `ModelSource`.
    """

    head: str
    name: str
    version: str
    folder: Path
    digest: str
    is_pinned: bool = False
    mended: str | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        """How people name it: `banking@3`."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model.

    Attributes:
        name: The model's.
        version: The release's number, as text.
        folder: A bundle; or, with heads, a trunk that has no task of its own.
        digest: Of its description, which lists every other file's.
        heads: Tasks on its encoder, read when they are asked.
        budget_bytes: What heads in memory may take together, by the size of their files.
        mended: What was wrong with an earlier copy, which this one replaced; for an alarm.
    """

    name: str
    version: str
    folder: Path
    digest: str
    heads: tuple[HeadSource, ...] = ()
    budget_bytes: int = BUDGET_BYTES
    mended: str | None = field(default=None, compare=False)

    @property
    def label(self) -> str:
        """How people name it: `helpdesk@3`."""
        return f"{self.name}@{self.version}"

    def mended_copies(self) -> dict[str, str]:
        """Label to what was wrong with its earlier copy: of the model and of its heads."""
        everything: tuple[ModelSource | HeadSource, ...] = (self, *self.heads)
        return {one.label: one.mended for one in everything if one.mended is not None}


def source_of_folder(folder: Path, name: str, version: str = "0") -> ModelSource:
    """A bundle or trunk as it is in a folder now, whoever wrote it.

    Args:
        folder: Where it is.
        name: What to call the model.
        version: What to call this version of it.

    Raises:
        NotFoundError: There is none.
        BundleFormatError: It is of another format.
    """
    _, digest = read_description(folder)
    return ModelSource(name, version, folder.resolve(), digest)


def head_of_folder(folder: Path, head: str, version: str = "0", *, is_pinned: bool = False) -> HeadSource:
    """A head as it is in a folder now: a bundle, or a pack.

    Raises:
        NotFoundError: There is none.
        BundleFormatError: It is of another format.
    """
    _, digest = read_description(folder, name=description_name(folder))
    return HeadSource(head, head, version, folder.resolve(), digest, is_pinned)


def description_name(folder: Path) -> str:
    """Which file describes what is in a folder."""
    return PACK if (folder / PACK).exists() else DESCRIPTION


def write_source(source: ModelSource) -> dict[str, Any]:
    """A source as plain values."""
    plain = {name: getattr(source, name) for name in _PLAIN}
    heads = [
        {name: getattr(head, name) for name in _PLAIN_HEAD} | {"folder": str(head.folder)}
        for head in source.heads
    ]
    return plain | {"folder": str(source.folder), "heads": heads}


def read_source(plain: Mapping[str, Any]) -> ModelSource:
    """A source from what `write_source` wrote.

    Raises:
        InvalidInputError: It is not that.
    """
    try:
        heads = tuple(HeadSource(**{**head, "folder": Path(head["folder"])}) for head in plain["heads"])
        return ModelSource(**{**plain, "folder": Path(plain["folder"]), "heads": heads})
    except (KeyError, TypeError) as error:
        raise InvalidInputError(
            f"a source must be as `write_source` writes it, got {plain} ({error}); restart the server"
        ) from error
