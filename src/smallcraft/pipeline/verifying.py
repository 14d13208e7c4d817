"""Checks everything a project keeps: registry, test-set ledger, and the working copies of bundles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from smallcraft.bundle.layout import DESCRIPTION, BundleFiles, listed_digests, read_description
from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.evaluate.meter.ledger import verify_ledger
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Release
from smallcraft.registry.store import Registry
from smallcraft.registry.verify import Step, VerifyReport, verify_directory, verify_registry

_BUNDLE = "bundle/"


def verify_project(project: Path) -> VerifyReport:
    """Check a project's registry, ledger and bundles.

    Args:
        project: Its folder, or its project file.

    Raises:
        NotFoundError: Nothing was released there yet.
        IntegrityError: The first thing that is not as recorded.
    """
    workspace = Workspace(project.parent if project.is_file() else project)
    # Opening takes back what an interrupted publish left half-way.
    registry = Registry.open(workspace.registry)
    report = verify_registry(workspace.registry)
    releases = registry.releases()
    steps = (*report.steps, verify_looks(workspace.ledger, releases), _verify_copies(workspace, releases))
    return replace(report, steps=steps)


def verify_looks(ledger: Path, releases: Sequence[Release]) -> Step:
    """The ledger follows on, and still holds every entry that was its last when a release was made.

    Args:
        ledger: The file.
        releases: Of the project, oldest first.

    Raises:
        IntegrityError: It does not; the message says which release to take ledger and head from.
    """
    recorded = [(release, head) for release in releases if (head := _recorded_head(release)) is not None]
    if recorded and not ledger.exists():
        label = recorded[-1][0].label
        raise IntegrityError(
            f"{ledger.name} is missing, and {label} recorded a look at the sealed test set in it: do not "
            f"trust its cert scores; put back {ledger.name} and {ledger.name}.head as {label} keeps them "
            "(both, `smallcraft show` tells their digests)"
        )
    looks = verify_ledger(ledger)
    for release, head in recorded:
        _require_look(ledger, release, head, newest=recorded[-1][0])
    detail = "each look at the sealed test set follows on; the releases' looks are in it"
    return Step("ledger", detail, len(looks))


def _require_look(ledger: Path, release: Release, head: str, *, newest: Release) -> None:
    try:
        verify_ledger(ledger, head=head)
    except IntegrityError as error:
        raise IntegrityError(
            f"{release.label} recorded a look that is not in {ledger.name}, so that an older copy was put "
            f"back, or entries were rewritten: {error}; put back both files as {newest.label} keeps them"
        ) from error


def _recorded_head(release: Release) -> str | None:
    cert = release.facts.get("cert")
    head = cert.get("ledger_head") if isinstance(cert, Mapping) else None
    return head if isinstance(head, str) else None


def _verify_copies(workspace: Workspace, releases: Sequence[Release]) -> Step:
    """Candidates' bundles by their own lists, released ones by the registry's."""
    for release in releases:
        copy = workspace.bundles / release.label
        if copy.exists():
            verify_directory(copy, [f for f in release.files if f.path.startswith(_BUNDLE)], prefix=_BUNDLE)
    bundles = [folder for folder in sorted(workspace.bundles.glob("*")) if (folder / DESCRIPTION).exists()]
    for folder in bundles:
        verify_bundle(folder)
    return Step("bundles", "the working copies are what their own lists say", len(bundles))


def verify_path(target: Path) -> VerifyReport:
    """Check a registry, or a bundle, wherever it is.

    Raises:
        NotFoundError: It is neither.
        IntegrityError: The first thing that is not as recorded.
    """
    if (target / DESCRIPTION).exists():
        return VerifyReport((verify_bundle(target),))
    if (target / "log").is_dir() or (target / "oci-layout").exists():
        return verify_registry(target)
    raise NotFoundError(
        f"{target} is neither a registry nor a bundle; name a folder that holds bundle.json or log/, "
        "or run `smallcraft verify` in a project"
    )


def verify_bundle(folder: Path) -> Step:
    """Check every file of a bundle against its own list.

    Raises:
        IntegrityError: A file is missing, changed, or not listed; or the folder's name says another digest.
    """
    description, digest = read_description(folder)
    listed = listed_digests(description)
    files = BundleFiles(folder, listed)
    for name in sorted(listed):
        files.read(name)
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and name != DESCRIPTION and name not in listed:
            raise IntegrityError(
                f"{path} is not listed in {folder / DESCRIPTION}; delete it, or do not use the bundle"
            )
    _check_own_name(folder, digest)
    return Step("bundle", digest, len(listed) + 1)


def _check_own_name(folder: Path, digest: str) -> None:
    """A bundle made by a build is called by the first digits of its digest."""
    digits = folder.name.rpartition("-")[2]
    if re.fullmatch(r"[0-9a-f]{12}", digits) and not digest.startswith(f"sha256:{digits}"):
        raise IntegrityError(
            f"{folder / DESCRIPTION} does not match its folder's name: its digest is {digest[:19]}..., "
            f"the name says {digits}; do not use this model, build it again"
        )
