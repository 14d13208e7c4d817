"""A version of MLflow's registry back as a release: fetched, then checked as if a stranger had sent it.

Steps: (1) the version; (2) its files; (3) the proof; (4) the name; (5) every file; (6) MLmodel; (7) the tags;
(8) the log that the user has, where it is the same one.
Covered: a byte, a file, a tag or a version that was altered, lost, planted, or put in place of another.
Not covered: an older version that is offered as the newest (`smallcraft log` of the project shows that).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.mlflow_client import load_mlflow
from smallcraft.registry.content.disk import read_bytes
from smallcraft.registry.mlflow.addressing import MlflowAddress, MlflowVersion
from smallcraft.registry.mlflow.packing import (
    MODEL_FILE,
    PROOF_FOLDER,
    RELEASE_FOLDER,
    model_file,
    tags_of,
)
from smallcraft.registry.mlflow.tracking import open_client, told
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.proofs.proof_check import ENTRY, ProofReport, verify_proof
from smallcraft.registry.proofs.proof_folder import read_proof_folder
from smallcraft.registry.tlog.proof import parse_proof
from smallcraft.registry.tlog.tree import leaf_hash, root_of
from smallcraft.registry.verify.folder import extra_error, verify_directory
from smallcraft.registry.verify.report import Step, VerifyReport

if TYPE_CHECKING:
    from mlflow import MlflowClient

RELEASE_STEP = "release files"

_LARGEST_MODEL_FILE = 1 << 20


@dataclass(frozen=True)
class Checked:
    """A folder as MLflow keeps it, checked.

    Attributes:
        proof: What its proof shows.
        files: The proof's files.
        steps: All of them hold.
    """

    proof: ProofReport
    files: Mapping[str, bytes]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Expectations:
    """What a reader brings along.

    Attributes:
        policy: Whose logs count; None for the proof's own word.
        log: The user's own copy of the log; None where there is none, or another.
        require: Raises where a checkpoint that was kept elsewhere says otherwise.
    """

    policy: bytes | None = None
    log: OpenLog | None = None
    require: Callable[[ProofReport], None] = lambda proof: None  # noqa: ARG005


_NOTHING = Expectations()


def verify_version(address: MlflowAddress, expected: Expectations = _NOTHING) -> VerifyReport:
    """Fetch a version and check all of it.

    Raises:
        NotFoundError: There is no such version.
        IntegrityError: The first thing that is not as recorded.
        RemoteError: MLflow did not answer as it should.
    """
    with tempfile.TemporaryDirectory(prefix="smallcraft-mlflow-") as place:
        return _receive(address, Path(place), expected)


def pull_version(address: MlflowAddress, target: Path, expected: Expectations = _NOTHING) -> VerifyReport:
    """Fetch a version, check all of it, and put its release and its proof into a new folder.

    Args:
        address: Of one version.
        target: A folder that is absent or empty; it gets `release/`, `proof/` and MLmodel.
        expected: What the reader brings along.

    Raises:
        InvalidInputError: The folder holds something.
        IntegrityError: Something is not as recorded; the folder is not made.
    """
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise InvalidInputError(f"{target} must be an empty folder or not be there; choose another path")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _beside(target) as place:
        report = _receive(address, place, expected)
        next(place.iterdir()).rename(target)
    return report


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _receive(address: MlflowAddress, place: Path, expected: Expectations) -> VerifyReport:
    client = open_client(address)
    # (1) version
    version = find_version(client, address)
    # (2) files
    folder = place / "model"
    folder.mkdir()
    with told(address):
        uri = client.get_model_version_download_uri(version.name, version.version)
        load_mlflow(address.text).artifacts.download_artifacts(
            artifact_uri=uri, dst_path=str(folder), tracking_uri=address.uri
        )
    inside = sorted(folder.iterdir())
    if not (folder / MODEL_FILE).exists() and len(inside) == 1 and inside[0].is_dir():
        # The client keeps the last part of the path that it fetched.
        inside[0].rename(place / "inside")
        folder.rmdir()
        (place / "inside").rename(folder)
    # (3) to (6) but for (4)
    checked = check_folder(folder, expected.policy, where=f"{address.uri} {version.name}/{version.version}")
    # (4) name
    if checked.proof.entry.name != version.name:
        raise IntegrityError(
            f"version {version.version} of '{version.name}' is {checked.proof.entry.label}: a release was "
            "replayed under another name; do not use it"
        )
    # (7) tags
    tags = _check_tags(dict(version.tags), checked, where=f"version {version.version} of '{version.name}'")
    # (8) the user's log
    expected.require(checked.proof)
    steps = (*checked.steps, tags, *_check_own_log(checked, expected.log))
    checkpoint = checked.proof.checkpoint
    root = checkpoint.root_digest
    return VerifyReport(steps, f"{checkpoint.size}:{root}", root)


def find_version(client: MlflowClient, address: MlflowAddress) -> Any:  # noqa: ANN401 - MLflow's own record
    """MLflow's record of the version that is meant.

    Raises:
        InvalidInputError: The address names none.
        NotFoundError: There is none.
    """
    wanted = address.version
    if wanted is None:
        raise InvalidInputError(
            f"{address.text} names a server and no version; add it, as in {address.text}#tickets/1 or "
            "#tickets@stable"
        )
    with told(address):
        if wanted.number is None and wanted.alias is None:
            found = client.search_model_versions(f"name={_quoted(wanted.name)}")
            newest = max(found, key=lambda one: int(one.version), default=None)
        else:
            newest = _asked(client, wanted)
    if newest is None:
        raise NotFoundError(
            f"no version '{address.text.partition('#')[2]}' at {address.uri}; `smallcraft push "
            f"{address.text.partition('#')[0]}` registers releases there"
        )
    return newest


def check_folder(folder: Path, policy: bytes | None = None, *, where: str | None = None) -> Checked:
    """Check a folder as `packing` says it is: the proof, every file of the release, MLmodel, nothing else.

    Args:
        folder: On this machine.
        policy: Whose logs count; None for the proof's own word.
        where: What to call it; None for its path.

    Raises:
        IntegrityError: The first thing that is not as recorded.
    """
    named = where or str(folder)
    try:
        files = read_proof_folder(folder / PROOF_FOLDER)
    except NotFoundError as error:
        raise IntegrityError(
            f"{named} holds no proof: it was not registered by `smallcraft push`, or lost it; do not use it"
        ) from error
    report = verify_proof(files, policy=policy)
    held = verify_directory(folder / RELEASE_FOLDER, report.files)
    wanted = model_file(report)
    path = folder / MODEL_FILE
    if read_bytes(path, name=f"{named} {MODEL_FILE}", limit=_LARGEST_MODEL_FILE) != wanted:
        raise IntegrityError(
            f"{named}: {MODEL_FILE} is not the one that follows from {report.entry.label}: it was altered, "
            "and may name other code; do not load it"
        )
    for path in sorted(folder.iterdir()):
        if path.name not in {MODEL_FILE, RELEASE_FOLDER, PROOF_FOLDER, "registered_model_meta"}:
            raise extra_error(f"{named} {path.name}", "no release has it")
    steps = (
        *(Step(step.name, step.detail, step.count) for step in report.steps),
        replace(held.steps[0], name=RELEASE_STEP),
        Step(MODEL_FILE, "follows from the release, and nothing else is there", 1),
    )
    return Checked(report, files, steps)


def _asked(client: MlflowClient, wanted: MlflowVersion) -> Any:  # noqa: ANN401
    from mlflow.exceptions import MlflowException

    try:
        if wanted.alias is not None:
            return client.get_model_version_by_alias(wanted.name, wanted.alias)
        return client.get_model_version(wanted.name, str(wanted.number))
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise


def _check_tags(tags: Mapping[str, str], checked: Checked, *, where: str) -> Step:
    wanted = tags_of(checked.proof, checked.files).named
    for name, value in wanted.items():
        if tags.get(name) != value:
            raise IntegrityError(
                f"{where}: the tag {name} says {tags.get(name, 'nothing')!r}, its proof {value!r}; one of "
                "them was altered, do not use it"
            )
    return Step("tags", "say what the proof says", len(wanted))


def _check_own_log(checked: Checked, log: OpenLog | None) -> tuple[Step, ...]:
    """The entry is where the user's own copy of the log has it; its checkpoint was a state of that log."""
    if log is None or log.checkpoint.origin != checked.proof.checkpoint.origin:
        return ()
    index, size = parse_proof(checked.files["release.tlog-proof"]).index, checked.proof.checkpoint.size
    label = checked.proof.entry.label
    if size > log.checkpoint.size:
        detail = f"it has {log.checkpoint.size} entries, the proof {size}: pull before you compare"
        return (Step("own log", detail, 0),)
    if log.raw[index] != checked.files[ENTRY]:
        raise IntegrityError(
            f"entry {index + 1} of the project's log is another than that of {label}: the log was forked; "
            "do not use it"
        )
    if root_of(leaf_hash(data) for data in log.raw[:size]) != checked.proof.checkpoint.root:
        raise IntegrityError(
            f"the project's log had another root with {size} entries than the proof of {label}: the log was "
            "forked; do not use it"
        )
    return (Step("own log", f"the project's log has {label} at the same place", index + 1),)


def _quoted(name: str) -> str:
    if "'" in name and '"' in name:
        raise InvalidInputError(f"MLflow cannot search for a name with both quotes, got {name!r}")
    return f'"{name}"' if "'" in name else f"'{name}'"
