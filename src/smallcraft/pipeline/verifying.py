"""Checks everything a project keeps: registry, test-set ledger, and the working copies of bundles."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from smallcraft.bundle.layout import DESCRIPTION, BundleFiles, listed_digests, read_description
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.evaluate.meter.chain import line_of, locked, restore
from smallcraft.evaluate.meter.ledger import verify_ledger
from smallcraft.pipeline.version_control import CHECKPOINT_FILE, kept_copies, other_logs
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Release
from smallcraft.registry.content.archives import extract_safely
from smallcraft.registry.keys.policy import read_policy_file
from smallcraft.registry.opening import Trust
from smallcraft.registry.proofs.proof_check import PROOF, ProofReport, verify_proof
from smallcraft.registry.proofs.proof_folder import read_proof_folder
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.copies import Copy, pin_of, read_copy
from smallcraft.registry.verify.folder import verify_directory
from smallcraft.registry.verify.registry import verify_registry
from smallcraft.registry.verify.release import verify_release
from smallcraft.registry.verify.report import Step, VerifyReport
from smallcraft.registry.writing import require_same_looks

_BUNDLE = "bundle/"
_ARCHIVES = {".tar", ".zip"}


@dataclass(frozen=True)
class RestoredLooks:
    """How many looks were written, and where."""

    count: int
    path: Path


@dataclass(frozen=True)
class VerifyOptions:
    """What a verifier brings along.

    Attributes:
        pins: Files that hold a checkpoint kept elsewhere: a note, a published card, another registry.
        policy: A file that says whose logs count; None to believe the keys that were seen first.
        deep: Also compare every tar header of a pack with its index.
    """

    pins: tuple[Path, ...] = ()
    policy: Path | None = None
    deep: bool = False

    @property
    def copies(self) -> tuple[Copy, ...]:
        """The checkpoints.

        Raises:
            NotFoundError: A file is not there.
            InvalidInputError: A file holds no checkpoint.
        """
        return tuple(read_copy(path) for path in self.pins)

    @property
    def trust(self) -> Trust:
        """Keys and pins of the user, under their policy.

        Raises:
            NotFoundError: There is no such policy file.
            InvalidInputError: It is no policy.
        """
        return Trust() if self.policy is None else Trust(policy=read_policy_file(self.policy))


def verify_project(project: Path, options: VerifyOptions | None = None) -> VerifyReport:
    """Check a project's registry, ledger and bundles.

    Args:
        project: Its folder, or its project file; a checkpoint beside it counts as one kept elsewhere.
        options: What the verifier brings along.

    Raises:
        NotFoundError: Nothing was released there yet.
        IntegrityError: The first thing that is not as recorded.
    """
    options = options or VerifyOptions()
    workspace = Workspace(project.parent if project.is_file() else project)
    # Opening takes back what an interrupted publish left half-way.
    registry = Registry.open(workspace.registry, trust=options.trust)
    origin = registry.log().checkpoint.origin
    copies = (*options.copies, *kept_copies(workspace.project, origin))
    report = verify_registry(workspace.registry, trust=options.trust, copies=copies, deep=options.deep)
    looks = verify_looks(workspace.ledger, registry.looks())
    steps = (*report.steps, looks, _verify_copies(workspace, registry.releases()))
    others = tuple(
        f"{CHECKPOINT_FILE} also has a checkpoint of log '{other}': somebody else's, or one that was here "
        "before"
        for other in other_logs(workspace.project, origin)
    )
    return replace(report, steps=steps, notes=(*report.notes, *others))


def verify_named(reference: str, project: Path, options: VerifyOptions | None = None) -> VerifyReport:
    """Check one release of a project: `helpdesk@3`, `helpdesk@stable`, `latest`.

    Raises:
        NotFoundError: There is no such release.
        IntegrityError: The first thing that is not as recorded.
    """
    options = options or VerifyOptions()
    folder = project.parent if project.is_file() else project
    registry = Registry.open(Workspace(folder).registry, trust=options.trust)
    kept = kept_copies(folder, registry.log().checkpoint.origin)
    return verify_release(registry, reference, copies=(*options.copies, *kept))


def verify_looks(ledger: Path, logged: Sequence[bytes]) -> Step:
    """The ledger follows on, and begins with every look that the registry's log has.

    Args:
        ledger: The file.
        logged: The lines that were logged, oldest first.

    Raises:
        IntegrityError: It does not; the message says how to write it anew from the log.
    """
    if logged and not ledger.exists():
        raise IntegrityError(
            f"{ledger.name} is missing, and the log has {len(logged)} looks at the sealed test set: do not "
            "trust its cert scores; `smallcraft registry restore-ledger` writes it anew from the log"
        )
    looks = verify_ledger(ledger)
    require_same_looks(logged, [line_of(entry) for entry in looks])
    detail = "each look at the sealed test set follows on, and is the one that the registry's log has"
    return Step("ledger", detail, len(looks))


def restore_looks(project: Path) -> RestoredLooks:
    """Write the ledger anew from the looks that the registry's log holds.

    Raises:
        NotFoundError: Nothing was logged there yet.
        IntegrityError: The log is broken, or its looks do not follow from one another.
    """
    folder = project.parent if project.is_file() else project
    workspace = Workspace(folder)
    lines = Registry.open(workspace.registry).looks()
    with locked(workspace.ledger):
        restore(workspace.ledger, lines)
    return RestoredLooks(len(lines), workspace.ledger)


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


def verify_path(target: Path, options: VerifyOptions | None = None) -> VerifyReport:
    """Check a registry, a proof, or a bundle, wherever it is; also one that came as a tar or a zip.

    Raises:
        NotFoundError: It is none of them.
        InvalidInputError: It is an archive that must not be unpacked.
        IntegrityError: The first thing that is not as recorded.
    """
    options = options or VerifyOptions()
    if target.is_file() and target.suffix.lower() in _ARCHIVES:
        return _verify_archive(target, options)
    if (target / DESCRIPTION).exists():
        return VerifyReport((verify_bundle(target),))
    if (target / PROOF).exists():
        return _verify_proof(target, options)
    if (target / "log").is_dir() or (target / "oci-layout").exists():
        return verify_registry(target, trust=options.trust, copies=options.copies, deep=options.deep)
    raise NotFoundError(
        f"{target} is neither a registry, nor a proof, nor a bundle; name a folder that holds log/, {PROOF} "
        "or bundle.json, or run `smallcraft verify` in a project"
    )


def _verify_archive(archive: Path, options: VerifyOptions) -> VerifyReport:
    """Unpacked in a folder of its own; an archive of one folder stands for that folder."""
    with tempfile.TemporaryDirectory(prefix="smallcraft-verify-") as place:
        unpacked = Path(place) / archive.name
        extract_safely(archive, unpacked)
        inside = sorted(unpacked.iterdir())
        is_wrapped = len(inside) == 1 and inside[0].is_dir()
        return verify_path(inside[0] if is_wrapped else unpacked, options)


def _verify_proof(folder: Path, options: VerifyOptions) -> VerifyReport:
    policy = options.policy.read_bytes() if options.policy else None
    found = verify_proof(read_proof_folder(folder), policy=policy)
    for copy in options.copies:
        require_same_state(found, copy)
    steps = tuple(Step(step.name, step.detail, step.count) for step in found.steps)
    root = found.checkpoint.root_digest
    return VerifyReport(steps, f"{found.checkpoint.size}:{root}", root)


def require_same_state(proof: ProofReport, copy: Copy) -> None:
    """A proof holds no more of the log than one state: a pin of that size has that root.

    Raises:
        IntegrityError: It has another.
        InvalidInputError: It is of another size.
    """
    pin = pin_of(copy, [proof.vkey])
    if (pin.checkpoint.size, pin.checkpoint.root) == (proof.checkpoint.size, proof.checkpoint.root):
        return
    if pin.checkpoint.size == proof.checkpoint.size:
        raise IntegrityError(
            f"{copy.source}: the log was forked: with {pin.checkpoint.size} entries it had root "
            f"{pin.checkpoint.root_digest} there, the proof says {proof.checkpoint.root_digest}; trust "
            "neither"
        )
    raise InvalidInputError(
        f"{copy.source} pins {pin.checkpoint.size} entries, the proof {proof.checkpoint.size}: a proof alone "
        "cannot connect the two; verify the registry itself with this pin, or ask for a proof of that state"
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
