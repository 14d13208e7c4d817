"""Brings a registry of format 1 to the present one: checked whole, published again, then swapped in.

Leaves to others: reading the old one (`old.reading_1`), publishing (`registry.store`).
Always: the old folder is never changed, only renamed, to `<root>.before`; killed anywhere, the same
command goes on; the new one is verified before it takes the place.
Kept: names, versions, times, facts, files. Dropped: copies of the ledger in releases, since looks stand in
the log now. Moved: `decision.json`, whose form was another, to `evaluation/decision-1.json`.
Not covered: proof of age. The new log begins with the upgrade; `<root>.before` is what was there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.records import Release
from smallcraft.registry.content.disk import Layout, locked, sync_folder
from smallcraft.registry.manifests.kinds import DECISION_PATH, FACTS_PATH, SIGNATURE_PATH
from smallcraft.registry.old.reading_1 import OldRegistry, OldRelease, is_old, read_old
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry
from smallcraft.registry.writing import timestamp

LEDGER_PATH = "ledger.jsonl"
DROPPED = frozenset((LEDGER_PATH, f"{LEDGER_PATH}.head"))
MOVED: Mapping[str, str] = {DECISION_PATH: "evaluation/decision-1.json"}


@dataclass(frozen=True)
class Upgraded:
    """What an upgrade did.

    Attributes:
        root: The registry, of the present format.
        before: The old one; None where there never was one.
        releases: Labels of what was published again; empty where nothing had to be done.
        looks: How many looks at the sealed test set the new log holds.
    """

    root: Path
    before: Path | None
    releases: tuple[str, ...]
    looks: int


def upgrade(
    root: Path,
    *,
    trust: Trust | None = None,
    now: datetime,
    looks: Sequence[bytes] = (),
    looks_of: str | None = None,
) -> Upgraded:
    """Bring a registry to the present format; one that is of it is left as it is.

    Steps: (1) read the old one whole, or go on where a killed upgrade was; (2) publish everything in a
    folder beside it; (3) verify that; (4) swap by two renames.

    Args:
        root: The registry's folder.
        trust: The user's keys and pins; None for those of the user's configuration folder.
        now: Time with a zone; looks are logged under it, releases keep their own.
        looks: Lines of the project's ledger, oldest first.
        looks_of: What was asked about; None for the newest release's name. Where there is none the looks
            are not logged; the next look logs them all.

    Raises:
        NotFoundError: There is no registry.
        IntegrityError: The old one is broken; nothing was changed.
        InvalidInputError: A release holds a file that may not be stored any more, or other folders are in
            the way.
        SmallcraftError: The disk refused; run it again.
    """
    timestamp(now)
    trust = trust or Trust()
    new, before = _beside(root, "new"), _beside(root, "before")
    # (1) which folder is the old one
    old_root = root if root.exists() or not is_old(before) else before
    if not is_old(old_root):
        return _nothing_to_do(root, trust, before=before, new=new)
    if old_root == root and before.exists():
        raise InvalidInputError(
            f"{before} is there already, and the old registry is to be kept under that name; move it away"
        )
    with locked(Layout(old_root).log):
        if not is_old(old_root):  # another upgrade was faster
            return _nothing_to_do(root, trust, before=before, new=new)
        old = read_old(old_root)
        # (2) publish
        registry = Registry.create(new, trust=trust)
        labels = _publish_all(registry, old)
        name = looks_of or _newest_name(old)
        if name is not None:
            registry.record_looks(name, looks, now=now)
        logged = len(registry.looks())
        # (3) verify
        verify_registry(new, trust=trust)
        # (4) swap
        if old_root == root:
            root.rename(before)
        new.rename(root)
        sync_folder(root.parent)
    return Upgraded(root, before, labels, logged)


def _beside(root: Path, ending: str) -> Path:
    return root.with_name(f"{root.name}.{ending}")


def _nothing_to_do(root: Path, trust: Trust, *, before: Path, new: Path) -> Upgraded:
    if not root.exists():
        raise NotFoundError(f"no registry at {root}; run `smallcraft build` to make one")
    looks = Registry.open(root, trust=trust).looks()
    if new.exists():
        raise InvalidInputError(
            f"{root} is of the present format, yet {new} of an upgrade is there: a registry was made while "
            f"an upgrade was cut short; move one of the two away"
        )
    return Upgraded(root, before if is_old(before) else None, (), len(looks))


def _newest_name(old: OldRegistry) -> str | None:
    return old.releases[-1].entry.name if old.releases else None


def _publish_all(registry: Registry, old: OldRegistry) -> tuple[str, ...]:
    """Publish each release in order; one that is there already, from a run that was cut short, is found.

    Raises:
        IntegrityError: The folder holds something else, or a blob changed since it was read.
    """
    taken: set[tuple[str, str]] = set()
    labels = []
    for release in old.releases:
        files = _files_of(release, taken)
        sources: dict[str, Path | bytes] = {path: old.layout.blob(digest) for path, digest in files.items()}
        created = datetime.fromisoformat(release.entry.created)
        made = registry.publish(release.entry.name, sources, release.facts, now=created)
        _require_same(release, made, files)
        labels.append(made.label)
    if [release.label for release in registry.releases()] != labels:
        raise IntegrityError(
            f"{registry.root} holds releases that {old.layout.root} does not have; move it away and run this "
            "again"
        )
    return tuple(labels)


def _files_of(release: OldRelease, taken: set[tuple[str, str]]) -> Mapping[str, str]:
    """Path to digest of what is published again; the ledger stays where it alone tells two versions apart."""
    every = {MOVED.get(file.path, file.path): file.digest for file in release.files}
    files = {path: digest for path, digest in every.items() if path not in DROPPED}
    if _identity(release, files) in taken and LEDGER_PATH in every:
        files[LEDGER_PATH] = every[LEDGER_PATH]
    taken.add(_identity(release, files))
    return files


def _identity(release: OldRelease, files: Mapping[str, str]) -> tuple[str, str]:
    return release.entry.name, repr((sorted(files.items()), sorted(release.facts.items())))


def _require_same(release: OldRelease, made: Release, files: Mapping[str, str]) -> None:
    own = {FACTS_PATH, SIGNATURE_PATH}
    published = {file.path: file.digest for file in made.files if file.path not in own}
    entry = release.entry
    if (made.label, made.created, made.facts, published) != (
        entry.label,
        entry.created,
        release.facts,
        files,
    ):
        raise IntegrityError(
            f"{made.label} is not what {entry.label} was: its files changed while they were read, or another "
            "registry lies in the folder beside; move that away and run this again"
        )
