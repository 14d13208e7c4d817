"""A bundle's files: `bundle.json` lists every other file with its digest; nothing is used before it matches.

Always: bytes are read once, hashed, and those same bytes are used; no pickle; no path leaves the directory.
Covered: an edited, truncated, missing or swapped file, and a file that `bundle.json` does not list.
Not covered: a bundle whose `bundle.json` was rewritten as a whole (the registry's log knows its digest).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import FastTokenizer
from smallcraft.bundle.runtime_choice import choose_runtime
from smallcraft.bundle.runtimes.runtime import Runtime, Session
from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import BundleFormatError, IntegrityError, NotFoundError

FORMAT = 1
DESCRIPTION = "bundle.json"


class BundleFiles:
    """Reads a directory's files by name, each checked against the digest it is listed with.

    Args:
        root: The directory.
        digests: Relative path to `sha256:...` for every file that may be read.
        runtime: Opens the graphs; None leaves the choice to the environment, when the first one is opened.
    """

    def __init__(self, root: Path, digests: Mapping[str, str], *, runtime: Runtime | None = None) -> None:
        self.root = root
        self.digests = digests
        self.runtime = runtime
        self._bytes: dict[str, bytes] = {}
        self._tokenizers: dict[str, FastTokenizer] = {}
        # By name: a stage that is described twice is loaded once (`bundle.stage`).
        self.opened_stages: dict[str, object] = {}

    @classmethod
    def held(cls, files: Mapping[str, bytes], *, runtime: Runtime | None = None) -> BundleFiles:
        """Files that are in memory, and in no directory.

        Args:
            files: Relative path to bytes.
            runtime: As above.
        """
        made = cls(Path(), {path: digest_bytes(data) for path, data in files.items()}, runtime=runtime)
        made._bytes.update(files)
        return made

    def read(self, path: str) -> bytes:
        """A file's bytes, read and checked once.

        Raises:
            IntegrityError: The file is missing or its bytes are not those listed.
        """
        if path not in self._bytes:
            self._bytes[path] = self.read_again(path)
        return self._bytes[path]

    def read_again(self, path: str) -> bytes:
        """A file's bytes, read and checked now; nothing is kept.

        Raises:
            IntegrityError: The file is missing or its bytes are not those listed.
        """
        expected = self._expected(path)
        try:
            data = (self.root / path).read_bytes()
        except OSError as error:
            raise IntegrityError(
                f"{self.root / path} is listed in {DESCRIPTION} but cannot be read ({error.strerror}); "
                "take the bundle from the registry again"
            ) from error
        found = digest_bytes(data)
        if found != expected:
            raise IntegrityError(
                f"{self.root / path} does not match its record: {DESCRIPTION} says {expected[:19]}..., "
                f"the file has {found[:19]}...; do not use this model, take it from the registry again"
            )
        return data

    def arrays(self, path: str) -> Mapping[str, NDArray[Any]]:
        """The arrays of an `.npz` file.

        Raises:
            BundleFormatError: It is no such file, or holds pickled objects.
        """
        try:
            with np.load(io.BytesIO(self.read(path)), allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except (ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise BundleFormatError(
                f"{self.root / path} must hold plain arrays ({error}); "
                "take the bundle from the registry again"
            ) from error

    def tokenizer(self, path: str) -> FastTokenizer:
        """The tokenizer of a `tokenizer.json`; blocks of one file share one object, and so its work.

        Raises:
            BundleFormatError: The file is no tokenizer that the installed `tokenizers` reads.
        """
        if path not in self._tokenizers:
            from tokenizers import Tokenizer

            data = self.read(path)
            try:
                self._tokenizers[path] = FastTokenizer(Tokenizer.from_buffer(data), data)
            except ValueError as error:
                raise BundleFormatError(
                    f"{self.root / path} is no tokenizer ({error}); update the package `tokenizers`, "
                    "or take the bundle from the registry again"
                ) from error
        return self._tokenizers[path]

    def open_graph(self, model: str, weights: Sequence[str] = ()) -> Session:
        """A session over a graph and the weight files that it calls by name.

        Raises:
            BundleFormatError: The runtime cannot run it.
        """
        runtime = self.runtime or choose_runtime()
        # The session copies them: kept here they would be in memory twice.
        data = {path: self._bytes.get(path) or self.read_again(path) for path in (model, *weights)}
        return runtime.open(data.pop(model), data)

    def _expected(self, path: str) -> str:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts or path not in self.digests:
            raise IntegrityError(
                f"{path} is not listed in {self.root / DESCRIPTION}; do not use this model, "
                "take it from the registry again"
            )
        return self.digests[path]


class BundleWriter:
    """Collects a bundle's files in a directory of its own; `finish` writes `bundle.json` last."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, tuple[str, int]] = {}
        root.mkdir(parents=True)

    def add(self, path: str, data: bytes) -> str:
        """Write a file and return its path; same bytes twice are one file, others get a name of their own."""
        digest = digest_bytes(data)
        stem, dot, suffix = path.rpartition(".")
        attempt, copy = path, 1
        while attempt in self.files and self.files[attempt][0] != digest:
            copy += 1
            attempt = f"{stem}-{copy}{dot}{suffix}"
        if attempt not in self.files:
            target = self.root / attempt
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            self.files[attempt] = (digest, len(data))
        return attempt

    def add_arrays(self, path: str, arrays: Mapping[str, NDArray[Any]]) -> str:
        """Write arrays as `.npz`, uncompressed: the same arrays give the same bytes everywhere."""
        assert not any(array.dtype.hasobject for array in arrays.values()), "a bundle holds no pickles"
        buffer = io.BytesIO()
        sorted_arrays: dict[str, Any] = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
        np.savez(buffer, **sorted_arrays)
        return self.add(path, buffer.getvalue())

    def finish(self, description: Mapping[str, Any], *, name: str = DESCRIPTION) -> str:
        """Write `bundle.json` and return the bundle's digest, which is that file's.

        Args:
            description: All but the format's number and the list of files.
            name: The file's name, where the directory is no whole bundle.
        """
        listed = {path: {"digest": digest, "size_bytes": size} for path, (digest, size) in self.files.items()}
        data = canonical_json({"format": FORMAT, **description, "files": listed})
        (self.root / name).write_bytes(data)
        return digest_bytes(data)


def read_description(
    root: Path, *, name: str = DESCRIPTION, digest: str | None = None
) -> tuple[Mapping[str, Any], str]:
    """`bundle.json` of a directory, and the bundle's digest.

    Args:
        root: The directory.
        name: The file's name, where the directory is no whole bundle.
        digest: What the bundle's digest must be; None takes what is there.

    Raises:
        NotFoundError: No such directory or file.
        BundleFormatError: The file is not a bundle's, or of a format this version does not read.
        IntegrityError: It is another bundle than `digest` says.
    """
    path = root / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"{root} is not a bundle: it has no {name} ({error.strerror}); "
            "`smallcraft build` prints the path of the bundle it makes"
        ) from error
    found = digest_bytes(data)
    if digest not in {None, found}:
        raise IntegrityError(
            f"{path} is not what was recorded: {digest} was wanted, it has {found}; do not use this model, "
            "take it from the registry again"
        )
    try:
        description = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleFormatError(
            f"{path} is not JSON ({error}); take the bundle from the registry again"
        ) from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        number = description.get("format") if isinstance(description, dict) else type(description).__name__
        raise BundleFormatError(
            f"{path} must be of bundle format {FORMAT}, got {number!r}; "
            "read it with the smallcraft version that wrote it"
        )
    return description, found


def listed_digests(description: Mapping[str, Any]) -> Mapping[str, str]:
    """Path to digest of every file a description lists."""
    return {path: str(entry["digest"]) for path, entry in description["files"].items()}
