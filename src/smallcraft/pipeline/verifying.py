"""Checks everything a project keeps: registry, test-set ledger, and the working copies of released bundles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from smallcraft.bundle.layout import DESCRIPTION, BundleFiles, listed_digests, read_description
from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.evaluate.ledger import verify_ledger
from smallcraft.pipeline.workspace import Workspace
from smallcraft.registry.store import Registry
from smallcraft.registry.verify import Step, VerifyReport, verify_registry


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
    Registry.open(workspace.registry)
    report = verify_registry(workspace.registry)
    looks = verify_ledger(workspace.ledger)
    steps = [
        *report.steps,
        Step("ledger", "each look at the sealed test set follows from the one before", len(looks)),
    ]
    bundles = [folder for folder in sorted(workspace.bundles.glob("*")) if (folder / DESCRIPTION).exists()]
    for folder in bundles:
        verify_bundle(folder)
    steps.append(Step("bundles", "the working copies are what their own lists say", len(bundles)))
    return replace(report, steps=tuple(steps))


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
    for path in sorted(listed):
        files.read(path)
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and name != DESCRIPTION and name not in listed:
            raise IntegrityError(f"{path} is not listed in {folder / DESCRIPTION}; delete it, or do not use the bundle")
    _check_own_name(folder, digest)
    return Step("bundle", digest, len(listed) + 1)


def _check_own_name(folder: Path, digest: str) -> None:
    """A bundle made by a build is called by the first digits of its digest."""
    _, dash, digits = folder.name.rpartition("-")
    if dash and len(digits) == 12 and not digest.startswith(f"sha256:{digits}"):
        raise IntegrityError(
            f"{folder / DESCRIPTION} does not match its folder's name: its digest is {digest[:19]}..., "
            f"the name says {digits}; do not use this model, build it again"
        )
