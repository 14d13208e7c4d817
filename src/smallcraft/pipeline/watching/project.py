"""Where a project keeps what it watches, and what production is held against: the releases' own references.

Leaves to others: what a reference is (`data.profiles`), when it is looked at (`pipeline.watching.watch`).
Always: a reference that is used was read from the verified registry.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from smallcraft.data.profiles.reference_bytes import read_reference
from smallcraft.errors import NotFoundError
from smallcraft.observe.judging import WatchedRelease
from smallcraft.pipeline.baseline import BASELINE_FILE, REFERENCE_FILE, Baseline, read_baseline
from smallcraft.pipeline.workspace import Workspace, write_whole
from smallcraft.registry.reading import Stored
from smallcraft.serve.windows.references import reference_path


@dataclass(frozen=True)
class WatchPlaces:
    """Folders of one project.

    Attributes:
        project: The folder of `smallcraft.toml`.
    """

    project: Path

    @property
    def root(self) -> Path:
        """Everything that watching keeps; the journal of alarms is in it."""
        return Workspace(self.project).root / "watch"

    @property
    def parts(self) -> Path:
        """What servers write of windows that are open."""
        return self.root / "parts"

    @property
    def store(self) -> Path:
        """Windows that are over."""
        return self.root / "windows"

    @property
    def references(self) -> Path:
        """References of releases that are served."""
        return self.root / "references"

    @property
    def reviews(self) -> Path:
        """Batches of rows that alarms ask to have labelled."""
        return self.root / "reviews"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold what is kept for one look; another one waits."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "look.lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def place_reference(stored: Stored, digest: str, folder: Path) -> bool:
    """Put a release's reference where a server looks for it.

    Args:
        stored: The release.
        digest: Of its bundle, as the server knows it.
        folder: Of all references.

    Returns:
        Whether the release has one.

    Raises:
        IntegrityError: A stored byte is not what was recorded.
    """
    if REFERENCE_FILE not in stored.locations:
        return False
    path, data = reference_path(folder, digest), stored.read(REFERENCE_FILE)
    if not path.exists() or path.read_bytes() != data:
        write_whole(path, data)
    return True


def baseline_of_release(stored: Stored) -> Baseline | None:
    """What a release promised; None where it says nothing.

    Raises:
        IntegrityError: A stored byte is not what was recorded.
    """
    if BASELINE_FILE not in stored.locations:
        return None
    return read_baseline(stored.read(BASELINE_FILE), source=f"{BASELINE_FILE} of {stored.entry.label}")


def watched_release(stored: Stored, *, tolerance: float, season: str | None) -> WatchedRelease:
    """A release and what it is held against.

    Args:
        stored: The release.
        tolerance: How much worse is no harm, in units of the loss.
        season: That windows are compared by; a reference that was made for another one is taken whole.

    Raises:
        NotFoundError: It has no reference.
        IntegrityError: A stored byte is not what was recorded.
    """
    label = stored.entry.label
    if REFERENCE_FILE not in stored.locations:
        raise NotFoundError(
            f"{label} has no reference to hold production against: it was released before there were any, or "
            "has a column named as what is measured beside it; build and release it again"
        )
    reference = read_reference(stored.read(REFERENCE_FILE), name=f"{REFERENCE_FILE} of {label}")
    if reference.season != season:
        reference = replace(reference, profiles={0: reference.whole}, season=None)
    baseline = baseline_of_release(stored)
    return WatchedRelease(
        label,
        reference,
        None if baseline is None else baseline.for_harm(tolerance=tolerance),
        () if baseline is None else baseline.classes,
    )
