"""The folder `.smallcraft` beside a project file: where a build keeps what it makes.

Always: made only when there is something to keep; one build at a time writes to it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.records import Release
from smallcraft.registry.store import Registry


@dataclass(frozen=True)
class Workspace:
    """Paths of one project.

    Attributes:
        project: The folder of `smallcraft.toml`.
    """

    project: Path

    @property
    def root(self) -> Path:
        """Everything that is kept."""
        return self.project / ".smallcraft"

    @property
    def cache(self) -> Path:
        """What can be computed again; safe to delete."""
        return self.root / "cache"

    @property
    def bundles(self) -> Path:
        """Every candidate's bundle, a directory each."""
        return self.root / "bundles"

    @property
    def registry(self) -> Path:
        """The releases."""
        return self.root / "registry"

    @property
    def last_build(self) -> Path:
        """What the last build found; its facts where it released nothing."""
        return self.root / "last-build.json"

    @property
    def ledger(self) -> Path:
        """Every look at the sealed test set."""
        return self.root / "ledger.jsonl"

    def quarantine(self, part: str) -> Path:
        """Rows that were set aside from the main table, or from the user's own `dev` or `cert`."""
        return self.project / ("quarantine.parquet" if part == "main" else f"quarantine-{part}.parquet")

    @property
    def report(self) -> Path:
        """The last build's page."""
        return self.project / "report.html"

    @property
    def check(self) -> Path:
        """What `smallcraft check` wrote last: page, findings, audit sheets."""
        return self.project / "check"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and hold it for one build.

        Raises:
            InvalidInputError: Another build holds it.
        """
        self.root.mkdir(exist_ok=True)
        with (self.root / "build.lock").open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InvalidInputError(
                    f"another build is running in {self.project}; wait until it ends, or stop it"
                ) from error
            yield


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def open_registry(project: Path) -> Registry:
    """The registry of a project, given its folder or its project file.

    Raises:
        NotFoundError: Nothing was released there yet.
    """
    folder = project.parent if project.is_file() else project
    return Registry.open(Workspace(folder).registry)


def open_released(workspace: Workspace, registry: Registry, release: Release) -> Bundle:
    """The bundle of a release, from its working copy; the copy is made when it is not there.

    Raises:
        IntegrityError: The copy is not what the registry recorded.
    """
    copy = workspace.bundles / release.label
    if not copy.exists():
        registry.materialize(release, copy)
    bundle = open_bundle(copy)
    recorded = next(file.digest for file in release.files if file.path == f"bundle/{DESCRIPTION}")
    if bundle.digest != recorded:
        raise IntegrityError(
            f"{copy} is not what {release.label} recorded: its digest is {bundle.digest[:19]}..., the "
            f"registry says {recorded[:19]}...; delete that folder, it is then taken from the registry again"
        )
    return bundle
