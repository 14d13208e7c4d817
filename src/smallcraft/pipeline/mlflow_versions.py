"""Versions of an MLflow registry, checked with what a project and its user know of the log that signed them.

Leaves to others: what is checked (`registry.mlflow.receiving`).
Always: where the project has the same log, its keys count and its entries must be the same; else the proof's
own word, which the report says.
"""

from __future__ import annotations

from pathlib import Path

from smallcraft.errors import NotFoundError
from smallcraft.pipeline.verifying import VerifyOptions, require_same_state
from smallcraft.pipeline.workspace import Workspace
from smallcraft.registry.mlflow.addressing import MlflowAddress
from smallcraft.registry.mlflow.receiving import Expectations, pull_version, verify_version
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.proofs.proof_check import ProofReport
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.report import VerifyReport


def verify_at_mlflow(
    address: MlflowAddress, project: Path, options: VerifyOptions | None = None
) -> VerifyReport:
    """Fetch a version and check it.

    Args:
        address: Of a version.
        project: Its log is compared, where it has one.
        options: What the verifier brings along.

    Raises:
        NotFoundError: There is no such version.
        IntegrityError: The first thing that is not as recorded.
    """
    return verify_version(address, _expected(project, options or VerifyOptions()))


def pull_from_mlflow(
    address: MlflowAddress, target: Path, project: Path, options: VerifyOptions | None = None
) -> VerifyReport:
    """Fetch a version, check it, and write its release and proof to a new folder.

    Raises:
        InvalidInputError: The folder holds something.
        NotFoundError: There is no such version.
        IntegrityError: The first thing that is not as recorded; nothing is written.
    """
    return pull_version(address, target, _expected(project, options or VerifyOptions()))


def _expected(project: Path, options: VerifyOptions) -> Expectations:
    copies = options.copies

    def require(proof: ProofReport) -> None:
        for copy in copies:
            require_same_state(proof, copy)

    policy = options.policy.read_bytes() if options.policy else None
    return Expectations(policy, _own_log(project, options), require)


def _own_log(project: Path, options: VerifyOptions) -> OpenLog | None:
    folder = project.parent if project.is_file() else project
    try:
        return Registry.open(Workspace(folder).registry, trust=options.trust).log()
    except NotFoundError:
        return None
