"""A task on a trunk: a bundle, or a pack that leaves the encoder out, read without its encoder.

Leaves to others: what a bundle is made of (`bundle.runtime`), who stays in memory (`trunk.shelf`).
Always: a task's encoder is the trunk's, file by file, by digest; any other is refused when the task is added.
Every other file is hashed each time it is read, and only what came out of it stays in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smallcraft.bundle.inputs import FastTokenizer
from smallcraft.bundle.layout import (
    DESCRIPTION,
    BundleFiles,
    listed_digests,
    read_description,
)
from smallcraft.bundle.runtime import Bundle, read_bundle
from smallcraft.bundle.runtimes.runtime import Session
from smallcraft.bundle.selfcheck import GOLDEN
from smallcraft.bundle.trunk.roots import Roots, encoders_of
from smallcraft.errors import BundleFormatError, InvalidInputError

PACK = "pack.json"


@dataclass(frozen=True)
class TrunkTask:
    """What is known of a task before it is first asked.

    Attributes:
        name: What callers call it.
        root: Its directory.
        digest: Of its description, which lists every other file's digest.
        description: As `bundle.json` or `pack.json` has it.
        digests: Path to digest of its own files and of those it shares with the trunk.
        adapter: Path of the file that changes the encoder; None for a task on the encoder as it is.
        size_bytes: Of the files that it does not share.
    """

    name: str
    root: Path
    digest: str
    description: Mapping[str, Any]
    digests: Mapping[str, str]
    adapter: str | None
    size_bytes: int

    @property
    def encoder(self) -> str:
        """Which encoder it runs: empty for the trunk's as it is, else the digest of what changes it."""
        return "" if self.adapter is None else self.digests[self.adapter]

    def load(self, roots: Roots) -> Bundle:
        """The task as a bundle whose encoder is the trunk's.

        Raises:
            IntegrityError: A file is not the one that was recorded.
            BundleFormatError: Its parts do not fit.
        """
        return read_bundle(self.root, self.description, self.digest, _TaskFiles(self, roots))


def read_task(name: str, folder: str | Path, roots: Roots) -> TrunkTask:
    """A task from its directory; nothing but its description is read.

    Args:
        name: What callers call it.
        folder: A bundle, or a pack of `models.packs`.
        roots: The trunk's encoder.

    Raises:
        NotFoundError: There is neither.
        BundleFormatError: Its description is incomplete or of another format.
        InvalidInputError: Its encoder is not the trunk's.
    """
    root = Path(folder)
    file = PACK if (root / PACK).exists() else DESCRIPTION
    description, digest = read_description(root, name=file)
    try:
        own = listed_digests(description)
        digests = {**description.get("shared", {}), **own}
        needed = [path for path, of in own.items() if path != GOLDEN and of not in roots.paths]
        size = sum(int(description["files"][path]["size_bytes"]) for path in needed)
        _refuse_other_encoders(name, root, description, digests, roots)
        return TrunkTask(name, root, digest, description, digests, description.get("adapter"), size)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise BundleFormatError(
            f"{root / file} is incomplete ({type(error).__name__}: {error}); write it again"
        ) from error


def _refuse_other_encoders(
    name: str, root: Path, description: Mapping[str, Any], digests: Mapping[str, str], roots: Roots
) -> None:
    found = encoders_of(description)
    if not found:
        raise InvalidInputError(
            f"task '{name}' has no encoder to share ({root}); open it with `smallcraft.bundle.open`"
        )
    for spec in found:
        paths = [spec["model"], *spec["weights"]]
        has_words = digests[spec["tokenizer"]] == roots.files.digests[roots.spec["tokenizer"]]
        if not has_words or not roots.has_graph(digests[paths[0]], [digests[path] for path in paths[1:]]):
            own = roots.files.digests[roots.spec["model"]]
            raise InvalidInputError(
                f"task '{name}' was trained on another encoder than the trunk's: {root} needs "
                f"{digests[paths[0]][:19]}... with its weights and tokenizer, {roots.files.root} has "
                f"{own[:19]}...; open the trunk of that encoder, or build the task again with the trunk's "
                "backbone and form"
            )


class _TaskFiles(BundleFiles):
    """A task's files; those of the trunk come from the trunk, nothing read is kept."""

    def __init__(self, task: TrunkTask, roots: Roots) -> None:
        super().__init__(task.root, task.digests, runtime=roots.files.runtime)
        self.task = task
        self.roots = roots

    def read(self, path: str) -> bytes:
        shared = self.roots.read(self.digests.get(path, ""))
        return self.read_again(path) if shared is None else shared

    def tokenizer(self, path: str) -> FastTokenizer:
        is_shared = self.digests.get(path) == self.roots.files.digests[self.roots.spec["tokenizer"]]
        return self.roots.tokenizer() if is_shared else super().tokenizer(path)

    def open_graph(self, model: str, weights: Sequence[str] = ()) -> Session:
        if not self.roots.has_graph(self.digests[model], [self.digests[path] for path in weights]):
            return super().open_graph(model, weights)
        if self.task.adapter is None:
            return self.roots.session()
        adapter = self.task.adapter
        return self.roots.adapted(self.read_again(adapter), path=str(self.root / adapter))
