"""Publishes releases and reads them back.

Leaves to others: what entries, manifests and checkpoints say (`registry.log`, `registry.manifest`),
the order of writes that makes a crash harmless (`registry.commit`), how bytes reach the disk
(`registry.disk`), the check of everything at once (`registry.verify`).
Always: a release is there whole or not at all, kill -9 and full disks included; a version is never
changed; bytes handed out were hashed on the way out.
Not covered: an owner of the machine who rewrites the whole registry (see `registry.log`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from smallcraft.canonical import canonical_json
from smallcraft.errors import (
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    SmallcraftError,
    nearest_name,
)
from smallcraft.records import Release, StoredFile
from smallcraft.registry.commit import commit_empty, commit_release, sweep
from smallcraft.registry.disk import (
    Content,
    Layout,
    locked,
    make_folders,
    read_blob,
    read_log,
    read_manifest,
    write_new,
)
from smallcraft.registry.log import DEFAULT_ORIGIN, Entry, check_name, empty_log
from smallcraft.registry.manifest import check_paths, parse_facts
from smallcraft.registry.references import find_entry
from smallcraft.registry.verify import verify_directory

_SPARE_BYTES = 1 << 20
_TOP_NAMES = frozenset(("oci-layout", "index.json", "blobs", "log", "tmp"))


class Registry:
    """A folder of numbered releases.

    Writers queue for a lock; readers need none, since a committed file is never changed.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    @property
    def root(self) -> Path:
        """The registry's folder."""
        return self._layout.root

    @classmethod
    def create(cls, root: Path, *, origin: str = DEFAULT_ORIGIN) -> Self:
        """Make an empty registry, or open the one that is there.

        Args:
            root: A folder that is absent, empty, or a registry.
            origin: The log's name, in every entry and checkpoint.

        Raises:
            InvalidInputError: The folder holds something else, or `origin` is malformed.
            IntegrityError: It is a registry that lost its checkpoint.
        """
        layout = Layout(root)
        log = empty_log(origin)
        if not layout.checkpoint.exists():
            _refuse_foreign_folder(layout)
            make_folders(layout)
            with locked(layout.log):
                if not layout.checkpoint.exists():
                    commit_empty(layout, log)
        return cls.open(root)

    @classmethod
    def open(cls, root: Path) -> Self:
        """Open a registry; what an interrupted publish left behind is swept first.

        Raises:
            NotFoundError: There is none.
            IntegrityError: There is one that lost its checkpoint.
        """
        layout = Layout(root)
        if not layout.checkpoint.exists():
            _refuse_lost_checkpoint(layout)
            raise NotFoundError(
                f"no registry at {root}: log/checkpoint is not there; run `smallcraft build` to make one"
            )
        registry = cls(layout)
        registry._sweep_when_idle()
        return registry

    def publish(
        self,
        name: str,
        files: Mapping[str, Path | bytes],
        facts: Mapping[str, object],
        *,
        now: datetime,
        by: str | None = None,
    ) -> Release:
        """Store a release and commit it as the next version of its name.

        The same files and facts published again give the release that is already there, so a
        resumed build registers once; keep what differs from run to run (times) out of `facts`.

        Args:
            name: The release's name.
            files: Path inside the release to its bytes, or to a plain file to copy.
            facts: What is known about the release; JSON can hold it.
            now: Time with a zone.
            by: Role or key that publishes, never a person's data.

        Raises:
            InvalidInputError: A name, path, source or fact that cannot be stored.
            IntegrityError: The log is broken; nothing is added to it.
            SmallcraftError: The disk refused; nothing, or the whole release, is there.
        """
        check_name(name)
        check_paths(files)
        created = _timestamp(now)
        recorded = canonical_json(facts)
        layout = self._layout
        try:
            make_folders(layout)
            with locked(layout.log):
                sweep(layout)
                log = read_log(layout)
                _refuse_full_disk(self.root, files, recorded)
                try:
                    entry = commit_release(layout, log, name, files, facts=recorded, created=created, by=by)
                finally:
                    sweep(layout)
        except OSError as error:
            raise SmallcraftError(
                f"publishing {name} in {self.root} stopped ({error}); free space or fix the "
                "folder's permissions and publish again: that never registers twice"
            ) from error
        return _release_of(layout, entry)

    def releases(self, name: str | None = None) -> tuple[Release, ...]:
        """Every release, or those of one name, oldest first, each checked as it is read.

        Raises:
            IntegrityError: A stored byte on the way is not what was recorded.
        """
        entries = read_log(self._layout).entries
        return tuple(_release_of(self._layout, entry) for entry in entries if name in {None, entry.name})

    def read(self, reference: str) -> Release:
        """One release, by `name@3`, `name` or `name@latest` (its newest), `3`, or `latest`.

        Raises:
            NotFoundError: There is no such release.
            InvalidInputError: A bare number while there are several names.
            IntegrityError: A stored byte on the way is not what was recorded.
        """
        return _release_of(self._layout, find_entry(reference, read_log(self._layout).entries))

    def read_file(self, release: Release, path: str) -> bytes:
        """The bytes of a release's file; these very bytes were hashed.

        Raises:
            NotFoundError: The release has no such file.
            IntegrityError: The stored bytes are not those of the release.
        """
        for file in release.files:
            if file.path == path:
                return _read_stored(self._layout, file, release)
        paths = [file.path for file in release.files]
        raise NotFoundError(
            f"{release.label} has no file '{path}'; it has {', '.join(paths)}{nearest_name(path, paths)}"
        )

    def materialize(self, release: Release, target: Path, *, prefix: str = "bundle/") -> Path:
        """Write a release's files below `prefix` to a new folder, verified, whole or not at all.

        A folder that already holds exactly these files is left as it is.

        Args:
            release: As read from this registry.
            target: The folder to make; the prefix is not part of the paths in it.
            prefix: Which files; an empty one means all.

        Returns:
            `target`.

        Raises:
            NotFoundError: The release has no file below the prefix.
            IntegrityError: A stored byte, or what `target` holds, is not that of the release.
        """
        files = [file for file in release.files if file.path.startswith(prefix)]
        if not files:
            raise NotFoundError(
                f"{release.label} has no file below '{prefix}'; `smallcraft show {release.label}` "
                "lists its files"
            )
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            self._write_folder(release, files, target, prefix=prefix)
        verify_directory(target, files, prefix=prefix)
        return target

    def _write_folder(
        self, release: Release, files: Sequence[StoredFile], target: Path, *, prefix: str
    ) -> None:
        """Build the folder beside `target`, then rename it; another one's may be there first."""
        target.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            for file in files:
                path = building / file.path.removeprefix(prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_new(path, _read_stored(self._layout, file, release))
            building.chmod(0o755)
            building.rename(target)
        except OSError:
            if not target.exists():
                raise
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def _sweep_when_idle(self) -> None:
        """Sweep, unless a writer is at work or the registry is read-only here."""
        tmp = self._layout.tmp
        if not tmp.is_dir() or not any(tmp.iterdir()):
            return
        try:
            with locked(self._layout.log, wait=False) as is_idle:
                if is_idle:
                    sweep(self._layout)
        except PermissionError:
            return


def _release_of(layout: Layout, entry: Entry) -> Release:
    manifest = read_manifest(layout, entry)
    wanted = Content(manifest.facts_digest, manifest.facts_size)
    facts = read_blob(layout, wanted, use=f"the facts of {entry.label}")
    return Release(
        name=entry.name,
        version=entry.version,
        manifest_digest=entry.manifest_digest,
        previous_manifest=entry.prev_manifest,
        created=entry.created,
        files=manifest.files,
        facts=parse_facts(facts, digest=manifest.facts_digest),
    )


def _read_stored(layout: Layout, file: StoredFile, release: Release) -> bytes:
    wanted = Content(file.digest, file.size_bytes)
    return read_blob(layout, wanted, use=f"{file.path} of {release.label}")


def _timestamp(now: datetime) -> str:
    if now.tzinfo is None:
        raise InvalidInputError(f"now must carry a time zone, got {now.isoformat()}; write datetime.now(UTC)")
    return now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _refuse_full_disk(root: Path, files: Mapping[str, Path | bytes], facts: bytes) -> None:
    sizes = (_size_of(source) for source in files.values())
    needed = sum(sizes) + len(facts) + _SPARE_BYTES
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


def _refuse_foreign_folder(layout: Layout) -> None:
    root = layout.root
    if root.exists() and not root.is_dir():
        raise InvalidInputError(f"a registry is a folder, {root} is a file; choose another path")
    _refuse_lost_checkpoint(layout)
    foreign = sorted({path.name for path in root.iterdir()} - _TOP_NAMES) if root.exists() else []
    if foreign:
        raise InvalidInputError(
            f"{root} already holds {', '.join(foreign[:3])}, which is not a registry's; choose an "
            "empty folder"
        )


def _refuse_lost_checkpoint(layout: Layout) -> None:
    for folder in (layout.entries, layout.blobs):
        if folder.is_dir() and any(folder.iterdir()):
            raise IntegrityError(
                f"log/checkpoint is missing, but {layout.root} holds releases: expected the state "
                "that was committed last; restore the checkpoint from a copy"
            )
