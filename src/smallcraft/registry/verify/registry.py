"""Checks every byte of a registry, in numbered steps, and names the first broken thing.

Leaves to others: what makes a log one (`registry.opening`, `registry.tlog`), what a decision must say
(`registry.memory`), who signs a release (`registry.proofs`).
Always: reads only, and believes nothing that it did not hash; `index.json` is recomputed, `state.db` is
never asked.
Covered: any changed, missing, added, swapped or shortened file below the root (`state.db`, `tmp`, `trash` and
`quarantine` aside, which hold nothing that a release is read from), links in place of files, versions out of
order, a log that was rolled back, forked or signed by another key since a checkpoint that is kept elsewhere.
Not covered: what happened before the first such checkpoint. File modes and times are not checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.registry.content.disk import (
    DATABASE_NAMES,
    Layout,
    content_error,
    hash_file,
    locked,
    read_bytes,
)
from smallcraft.registry.content.packs import check_pack, parse_index
from smallcraft.registry.creating import refuse_old_format
from smallcraft.registry.indexing import encode_own_policy, live_puts, names_in
from smallcraft.registry.manifests.index import build_index
from smallcraft.registry.manifests.kinds import OCI_LAYOUT
from smallcraft.registry.opening import (
    OpenLog,
    Trust,
    open_log,
    require_undamaged,
    require_well,
    tile_reader,
)
from smallcraft.registry.reading import Stored, read_stored
from smallcraft.registry.tlog.order import clock_notes
from smallcraft.registry.tlog.tiles import BUNDLE_LEVEL, TILE_HEIGHT, TILE_WIDTH, Tile
from smallcraft.registry.verify.copies import Copy, pin_of
from smallcraft.registry.verify.expecting import Expected, expected_blobs
from smallcraft.registry.verify.folder import extra_error, walk
from smallcraft.registry.verify.report import Step, VerifyReport
from smallcraft.registry.verify.statements import check_statements

_MOST_LEVELS = 8


def verify_registry(
    root: Path, *, trust: Trust | None = None, copies: Sequence[Copy] = (), deep: bool = False
) -> VerifyReport:
    """Check every file of a registry; waits for a running writer.

    Args:
        root: The registry's folder. After an interrupted publish open it once
            (`Registry.open`) before, which takes back what was left half-way.
        trust: The user's keys and pins; None for those of the user's configuration folder.
        copies: Checkpoints kept elsewhere, which the log must continue.
        deep: Also compare every tar header of a pack with its index.

    Returns:
        The steps, in order, when all of them hold.

    Raises:
        NotFoundError: There is no registry.
        IntegrityError: The first broken thing: which, what was expected, what is there, what next.
    """
    layout = Layout(root)
    refuse_old_format(layout)
    if not layout.log.is_dir():
        raise NotFoundError(f"no registry at {root}; run `smallcraft build` to make one")
    with locked(layout.log, shared=True):
        return _verify(layout, trust or Trust(), copies, deep=deep)


def _verify(layout: Layout, trust: Trust, copies: Sequence[Copy], *, deep: bool) -> VerifyReport:
    # (1) layout
    steps = [_check_layout(layout)]
    # (2) log: policy, signature, every entry and tile under the root, order, keys, and the user's own pin
    log = open_log(layout, trust)
    require_undamaged(tile_reader(layout), log.checkpoint)
    _check_policy(layout, log)
    detail = "each entry lies under the signed root, in order; nothing that was seen before is gone"
    steps.append(Step("log", detail, len(log.entries)))
    # (3) copies kept elsewhere
    known = log.standing
    for copy in copies:
        known = require_well(pin_of(copy, log.keys), log, source=copy.source)
    steps.append(Step("copies", known, 1 + len(copies)))
    # (4) releases
    puts = [entry for entry in log.entries if entry.kind == "put" and not log.is_erased(entry)]
    stored = [read_stored(layout, entry) for entry in puts]
    for one in stored:
        _require_readable(one)
    detail = "manifests, facts and names of each release are those its entry names"
    steps.append(Step("releases", detail, len(stored)))
    # (5) signatures, and deltas recomputed from the evidence
    steps += check_statements(log, stored)
    # (6) blobs
    expected = expected_blobs(layout, log, stored)
    steps.append(_check_blobs(layout, expected, deep=deep))
    # (7) nothing else; before the index, which is no fault where the checkpoint was put back
    steps.append(_check_nothing_else(layout, log, expected))
    # (8) index
    steps.append(_check_index(layout, log, stored))
    head = f"{log.checkpoint.size}:{log.checkpoint.root_digest}"
    notes = (*_author_notes(log), *(str(note) for note in clock_notes(log.entries)))
    return VerifyReport(tuple(steps), head, log.checkpoint.root_digest, notes)


def _author_notes(log: OpenLog) -> Iterator[str]:
    """Whoever holds the log's key can let another author in; that is no error, and worth a look."""
    for fingerprint, named in list(log.state.authors.items())[1:]:
        yield f"entry {named.number} lets another author sign releases: {fingerprint}; was that meant?"


def _check_layout(layout: Layout) -> Step:
    name = layout.name_of(layout.oci_layout)
    data = read_bytes(layout.oci_layout, name=name, limit=1 << 16)
    if data != OCI_LAYOUT:
        raise IntegrityError(
            f"{name}: expected {OCI_LAYOUT.decode()}, the file has {data[:80]!r}; restore it from a copy"
        )
    return Step("layout", "the folder is an OCI image layout 1.0.0", 1)


def _check_policy(layout: Layout, log: OpenLog) -> None:
    """The policy that the log claims lists its keys, in the form and order a registry writes."""
    name = layout.name_of(layout.policy)
    if read_bytes(layout.policy, name=name) != encode_own_policy(layout, log.keys):
        raise IntegrityError(
            f"{name}: expected the log's keys, {', '.join(log.keys)}, and nothing else but witnesses, the "
            "file says something else; restore it from a copy"
        )


def _require_readable(stored: Stored) -> None:
    """The facts are read here, so that what is wrong with them is told with the release's name."""
    assert stored.facts is not None


def _check_blobs(layout: Layout, expected: Mapping[str, Expected], *, deep: bool) -> Step:
    total = 0
    for digest, blob in sorted(expected.items()):
        path = layout.blob(digest)
        if blob.may_be_gone and not path.exists():
            continue
        name = layout.name_of(path)
        content = hash_file(path, name=f"{name} ({blob.use})")
        if content != blob.content:
            raise content_error(name, blob.content, content, use=blob.use)
        total += content.size_bytes
        if deep and blob.index is not None:
            index = read_bytes(layout.blob(blob.index.digest), name=f"the index of {blob.use}")
            check_pack(path, parse_index(index, use=f"the index of {blob.use}"))
    return Step("blobs", f"{total:,} bytes have the digests they are stored under", len(expected))


def _check_index(layout: Layout, log: OpenLog, stored: Sequence[Stored]) -> Step:
    live = set(live_puts(log))
    named = [name for one in stored if one.entry in live for name in names_in(one)]
    retired = len(stored) - sum(one.entry in live for one in stored)
    name = layout.name_of(layout.index)
    if read_bytes(layout.index, name=name) != build_index(named):
        raise IntegrityError(
            f"{name}: expected the index of the log's {len(stored) - retired} live releases, the file says "
            "something else; tools that read it would fetch the wrong release: run `smallcraft registry "
            "reindex`"
        )
    return Step("index", "index.json is what the log gives", len(named))


def _check_nothing_else(layout: Layout, log: OpenLog, expected: Mapping[str, Expected]) -> Step:
    files = (layout.oci_layout, layout.index, layout.checkpoint, layout.policy)
    known = {layout.name_of(path) for path in files}
    known |= {f"log/{path}" for path in tile_paths(log.checkpoint.size)}
    known |= {layout.name_of(layout.blob(digest)) for digest in expected}
    known |= set(DATABASE_NAMES)
    folders = {"blobs", "blobs/sha256", "log", "log/tile", "log/tile/entries", *_folders_of(known)}
    unread = ("tmp", "trash", "quarantine")
    for name in walk(layout.root, folders | set(unread)):
        if name not in known and name.partition("/")[0] not in unread:
            raise extra_error(name, "no release and no log entry names it")
    return Step("extra", "every file belongs to the log or to a release", len(known) - len(DATABASE_NAMES))


def tile_paths(size: int) -> frozenset[str]:
    """The tiles and bundles of a log of that size, as paths below `log/`.

    >>> sorted(tile_paths(3))
    ['tile/0/000.p/3', 'tile/entries/000.p/3']
    """
    paths = set()
    for level in (BUNDLE_LEVEL, *range(_MOST_LEVELS)):
        count = size >> TILE_HEIGHT * max(level, 0)
        for first in range(0, count, TILE_WIDTH):
            width = min(TILE_WIDTH, count - first)
            paths.add(Tile(level, first // TILE_WIDTH, width).path)
    return frozenset(paths)


def _folders_of(paths: set[str]) -> set[str]:
    return {parent.as_posix() for path in paths for parent in PurePosixPath(path).parents}
