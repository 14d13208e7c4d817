"""Checks every byte of a registry, in numbered steps, and names the first broken thing.

Leaves to others: the rules of the log and of manifests (`registry.log`, `registry.manifest`).
Always: reads only, and believes nothing that it did not hash; `index.json` is recomputed.
Covered: any changed, missing, added, swapped or shortened file below the root (`tmp` aside, which
holds nothing that is ever read), links in place of files, versions out of order.
Not covered: an owner who rebuilds the whole log, or puts back a whole older copy; both agree with
themselves, so compare the checkpoint with one kept elsewhere. File modes and times are not checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.records import StoredFile
from smallcraft.registry.disk import (
    Content,
    Layout,
    content_error,
    hash_file,
    locked,
    read_blob,
    read_bytes,
    read_checkpoint,
    read_manifest,
)
from smallcraft.registry.log import Entry, Log, entry_path, open_log
from smallcraft.registry.manifest import OCI_LAYOUT, build_index, parse_facts


@dataclass(frozen=True)
class Step:
    """One thing that was checked, and over how many items it held."""

    name: str
    detail: str
    count: int


@dataclass(frozen=True)
class VerifyReport:
    """What held; `head` and `root` are what to compare with a copy kept elsewhere."""

    steps: tuple[Step, ...]
    head: str | None = None
    root: str | None = None


@dataclass(frozen=True)
class _Expected:
    content: Content
    use: str


def verify_registry(root: Path) -> VerifyReport:
    """Check every file of a registry; waits for a running writer.

    Args:
        root: The registry's folder. After an interrupted publish open it once
            (`Registry.open`) before, which takes back what was left half-way.

    Returns:
        The steps, in order, when all of them hold.

    Raises:
        NotFoundError: There is no registry.
        IntegrityError: The first broken thing: which, what was expected, what is there, what next.
    """
    layout = Layout(root)
    if not layout.log.is_dir():
        raise NotFoundError(f"no registry at {root}; run `smallcraft build` to make one")
    with locked(layout.log, shared=True):
        return _verify(layout)


def _verify(layout: Layout) -> VerifyReport:
    # (1) layout
    steps = [_check_layout(layout)]
    # (2) log
    log = _check_log(layout)
    detail = "each entry is the one its successor and the checkpoint recorded; versions follow on"
    steps.append(Step("log", detail, len(log.entries)))
    # (3) releases
    expected = _expected_blobs(layout, log.entries)
    detail = "manifest and facts of each release are those its entry names"
    steps.append(Step("releases", detail, len(log.entries)))
    # (4) blobs
    for digest, blob in sorted(expected.items()):
        _check_blob(layout, digest, blob)
    total = sum(blob.content.size_bytes for blob in expected.values())
    steps.append(Step("blobs", f"{total:,} bytes have the digests they are stored under", len(expected)))
    # (5) index
    _check_index(layout, log.entries)
    steps.append(Step("index", "index.json is what the log gives", len(log.entries)))
    # (6) nothing else
    steps.append(_check_nothing_else(layout, log, expected))
    return VerifyReport(tuple(steps), log.checkpoint.head, log.checkpoint.root)


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
        if content != Content(file.digest, file.size_bytes):
            recorded = Content(file.digest, file.size_bytes)
            raise content_error(f"{path}/{name}", recorded, content, use="a file of the release")
    detail = f"{sum(file.size_bytes for file in files):,} bytes have the recorded digests"
    # (2) nothing else
    for name in _walk(path):
        if name not in wanted:
            raise _extra_error(f"{path}/{name}", "no file of the release has this path")
    return VerifyReport((Step("files", detail, len(wanted)), Step("extra", "nothing else is there", 0)))


def _check_layout(layout: Layout) -> Step:
    name = layout.name_of(layout.oci_layout)
    data = read_bytes(layout.oci_layout, name=name)
    if data != OCI_LAYOUT:
        raise IntegrityError(
            f"{name}: expected {OCI_LAYOUT.decode()}, the file has {data[:80]!r}; restore it from a copy"
        )
    return Step("layout", "the folder is an OCI image layout 1.0.0", 1)


def _check_log(layout: Layout) -> Log:
    """Read all stored entries, those past the checkpoint too, and check them as one log."""
    checkpoint = read_checkpoint(layout)
    numbers = _entry_numbers(layout)
    last = max(numbers, default=0)
    for number in range(1, last + 1):
        if number not in numbers:
            raise IntegrityError(
                f"{entry_path(number)}: entry {number} is missing, entry {last} is there and the "
                f"checkpoint covers {checkpoint.size}; restore it from a copy"
            )
    raw = [read_bytes(layout.entry(n), name=entry_path(n)) for n in range(1, last + 1)]
    return open_log(raw, checkpoint)


def _entry_numbers(layout: Layout) -> set[int]:
    """Numbers of the files that are named like entries; other files are named by the last step."""
    if not layout.entries.is_dir():
        return set()
    names = {path.name for path in layout.entries.iterdir()}
    stems = {int(name[:8]) for name in names if name[:8].isdecimal() and name[:8].isascii()}
    return {n for n in stems if layout.entry(n).name in names and n > 0}


def _expected_blobs(layout: Layout, entries: Sequence[Entry]) -> dict[str, _Expected]:
    """Every blob that the log reaches; the first use of a digest stands for all."""
    expected: dict[str, _Expected] = {}
    for entry in entries:
        manifest = read_manifest(layout, entry)
        facts = Content(manifest.facts_digest, manifest.facts_size)
        data = read_blob(layout, facts, use=f"the facts of {entry.label}")
        parse_facts(data, digest=facts.digest)
        named = [
            (f"the manifest of {entry.label}", Content(entry.manifest_digest, entry.manifest_size)),
            (f"the facts of {entry.label}", facts),
        ]
        named += [
            (f"{file.path} of {entry.label}", Content(file.digest, file.size_bytes))
            for file in manifest.files
        ]
        for use, content in named:
            expected.setdefault(content.digest, _Expected(content, use))
            _refuse_two_sizes(expected[content.digest], content, use)
    return expected


def _refuse_two_sizes(known: _Expected, content: Content, use: str) -> None:
    if known.content.size_bytes != content.size_bytes:
        raise IntegrityError(
            f"{use} is recorded with {content.size_bytes} bytes, {known.use} with "
            f"{known.content.size_bytes}, though both are {content.digest}; do not serve either"
        )


def _check_blob(layout: Layout, digest: str, expected: _Expected) -> None:
    path = layout.blob(digest)
    name = layout.name_of(path)
    content = hash_file(path, name=f"{name} ({expected.use})")
    if content != expected.content:
        raise content_error(name, expected.content, content, use=expected.use)


def _check_index(layout: Layout, entries: Sequence[Entry]) -> None:
    name = layout.name_of(layout.index)
    if read_bytes(layout.index, name=name) != build_index(entries):
        raise IntegrityError(
            f"{name}: expected the index of the log's {len(entries)} releases, the file says "
            "something else; tools that read it would fetch the wrong release: restore it"
        )


def _check_nothing_else(layout: Layout, log: Log, expected: Mapping[str, _Expected]) -> Step:
    known = {layout.name_of(path) for path in (layout.oci_layout, layout.index, layout.checkpoint)}
    known |= {entry_path(number) for number in range(1, len(log.entries) + 1)}
    known |= {layout.name_of(layout.blob(digest)) for digest in expected}
    folders = {"blobs", "blobs/sha256", "log", "log/entries", "tmp"}
    for name in _walk(layout.root, folders):
        if name not in known and not name.startswith("tmp/"):
            raise _extra_error(name, "no release and no log entry names it")
    return Step("extra", "every file belongs to the log or to a release", len(known))


def _walk(root: Path, folders: set[str] | None = None) -> Iterator[str]:
    """Every file, link and, when `folders` lists the known ones, unknown folder below the root."""
    for parent, directories, names in os.walk(root, onerror=_refuse_unreadable):
        below = Path(parent).relative_to(root)
        for name in sorted(directories):
            path = (below / name).as_posix()
            if (Path(parent) / name).is_symlink() or (folders is not None and path not in folders):
                yield path
        for name in sorted(names):
            yield (below / name).as_posix()


def _refuse_unreadable(error: OSError) -> None:
    raise IntegrityError(
        f"{error.filename} cannot be listed ({error.strerror}), so what it holds is unknown; "
        "give read permission and verify again"
    ) from error


def _extra_error(name: str, why: str) -> IntegrityError:
    return IntegrityError(
        f"{name} does not belong here: {why}; it was planted, or left by an interrupted writer "
        "(opening the registry sweeps those): look at it, then move it away"
    )
