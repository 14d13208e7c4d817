"""The encoder under all tasks: its files by digest, its tokenizer, its sessions.

Leaves to others: heads, packs, who is kept in memory.
Always: a file is the trunk's when its bytes are; each session is opened once, when it is first needed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smallcraft.bundle.inputs import FastTokenizer
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.bundle.runtime_choice import choose_runtime
from smallcraft.bundle.runtimes.runtime import Session
from smallcraft.bundle.trunk.adapter import AdaptedSession, adapt_session
from smallcraft.errors import BundleFormatError, InvalidInputError

ENCODER = "encoder"


@dataclass(frozen=True)
class Adaptable:
    """The encoder's graph with low-rank inputs.

    Attributes:
        model: Its path.
        weights: Paths of the weight files it calls by name.
        places: For each product that may change its `[in, out]` widths.
    """

    model: str
    weights: tuple[str, ...]
    places: Mapping[str, Sequence[int]]


class Roots:
    """A directory's one encoder.

    Args:
        files: Of the directory.
        spec: The encoder, as its block describes itself.
        adaptable: The graph that packs with an adapter need; None when the directory has none.
    """

    def __init__(self, files: BundleFiles, spec: Mapping[str, Any], adaptable: Adaptable | None) -> None:
        self.files = files
        self.spec = spec
        self.adaptable = adaptable
        self.paths = {files.digests[path]: path for path in _parts(spec)}
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def read(self, digest: str) -> bytes | None:
        """The trunk's file of that digest; None when it has none."""
        return self.files.read(self.paths[digest]) if digest in self.paths else None

    def tokenizer(self) -> FastTokenizer:
        """The encoder's own."""
        with self._lock:
            return self.files.tokenizer(self.spec["tokenizer"])

    def has_graph(self, model: str, weights: Sequence[str]) -> bool:
        """Whether digests are those of the encoder's graph and weights."""
        own = [self.spec["model"], *self.spec["weights"]]
        return [model, *weights] == [self.files.digests[path] for path in own]

    def session(self) -> Session:
        """Of the encoder as it is."""
        return self._session(self.spec["model"], self.spec["weights"])

    def adapted(self, data: bytes, *, path: str) -> AdaptedSession:
        """The encoder with an adapter switched on.

        Args:
            data: The adapter file's bytes.
            path: The file, for messages.

        Raises:
            InvalidInputError: The trunk was not written for adapters.
            BundleFormatError: The adapter is for another one.
        """
        if self.adaptable is None:
            raise InvalidInputError(
                f"{path} changes the encoder, but {self.files.root} has no graph with low-rank inputs; write "
                "the trunk with `smallcraft.models.packs.write_trunk`"
            )
        session = self._session(self.adaptable.model, self.adaptable.weights)
        return adapt_session(session, data, self.adaptable.places, path=path)

    def _session(self, model: str, weights: Sequence[str]) -> Session:
        with self._lock:
            if model not in self._sessions:
                self._sessions[model] = self.files.open_graph(model, weights)
            return self._sessions[model]


def read_roots(path: str | Path, *, runtime: str | None = None, digest: str | None = None) -> Roots:
    """The encoder of a directory that `models.packs.write_trunk` wrote, or of a bundle with one encoder.

    Args:
        path: The directory.
        runtime: What runs its graphs; None asks the environment.
        digest: What the directory's digest must be; None takes what is there.

    Raises:
        NotFoundError: There is no such directory.
        BundleFormatError: It is of another format.
        InvalidInputError: It has no encoder, or several.
        IntegrityError: It is another one than `digest` says.
    """
    root = Path(path)
    description, _ = read_description(root, digest=digest)
    try:
        files = BundleFiles(root, listed_digests(description), runtime=choose_runtime(runtime))
        found = [description[ENCODER]] if ENCODER in description else encoders_of(description)
        _refuse_other_numbers(root, found)
        written = description.get("adaptable")
        adaptable = written and Adaptable(written["model"], tuple(written["weights"]), written["places"])
        return Roots(files, found[0], adaptable)
    except (LookupError, TypeError, AttributeError) as error:
        raise BundleFormatError(
            f"{root} describes its encoder incompletely ({type(error).__name__}: {error}); write it again"
        ) from error


def encoders_of(description: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The encoder blocks that a bundle's description has, in order."""
    return [block for stage in description["stages"] for block in stage["blocks"] if block["kind"] == ENCODER]


def _parts(spec: Mapping[str, Any]) -> list[str]:
    return [spec["model"], *spec["weights"], spec["tokenizer"]]


def _refuse_other_numbers(root: Path, found: Sequence[Mapping[str, Any]]) -> None:
    if len(found) != 1:
        raise InvalidInputError(
            f"a trunk is the one encoder of a bundle, {root} has {len(found)}; take a bundle of the rung "
            "frozen, or write the trunk with `smallcraft.models.packs.write_trunk`"
        )
