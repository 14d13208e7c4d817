"""What a release looks like as an MLflow model: its files, its proof, and the `MLmodel` that names a loader.

```
MLmodel    follows from the release; whoever loads the model is told to check the proof first
release/   every file of the release
proof/     what a stranger verifies it by, offline
```
Always: the same release gives the same bytes, so what comes back can be held against them.
Leaves to others: the check of such a folder (`receiving.check_folder`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smallcraft.canonical import digest_bytes
from smallcraft.registry.proofs.exporting import export_release
from smallcraft.registry.proofs.proof_check import CHECKPOINT, PROOF, ProofReport, verify_proof
from smallcraft.registry.proofs.proof_folder import write_proof_folder
from smallcraft.registry.reading import Stored
from smallcraft.registry.tlog.proof import parse_proof

MODEL_FILE = "MLmodel"
RELEASE_FOLDER = "release"
PROOF_FOLDER = "proof"
LOADER = "smallcraft.registry.mlflow.loading"
_BUNDLE = f"{RELEASE_FOLDER}/bundle"


@dataclass(frozen=True)
class Tags:
    """What a version's tags say, each named `smallcraft.` and this; `release` and `log` tell which it is."""

    release: str
    digest: str
    log: str
    log_index: str
    checkpoint: str
    inclusion_proof: str

    @property
    def named(self) -> Mapping[str, str]:
        """As MLflow keeps them."""
        return {f"smallcraft.{name}": value for name, value in vars(self).items()}


RELEASE_TAG, DIGEST_TAG, LOG_TAG = "smallcraft.release", "smallcraft.digest", "smallcraft.log"


def tags_of(report: ProofReport, proof: Mapping[str, bytes]) -> Tags:
    """The tags of a version, from a proof that was checked."""
    assert report.entry.manifest is not None, "a put entry has one"
    return Tags(
        release=report.entry.label,
        digest=report.entry.manifest.digest,
        log=report.checkpoint.origin,
        log_index=str(parse_proof(proof[PROOF]).index),
        checkpoint=proof[CHECKPOINT].decode("utf-8"),
        inclusion_proof=proof[PROOF].decode("utf-8"),
    )


def model_file(report: ProofReport) -> bytes:
    """`MLmodel`: YAML, of which JSON is a part."""
    assert report.entry.manifest is not None, "a put entry has one"
    has_bundle = any(file.path.startswith("bundle/") for file in report.files)
    ours = {
        "release": report.entry.label,
        "digest": report.entry.manifest.digest,
        "log": report.checkpoint.origin,
    }
    flavors: dict[str, object] = {"smallcraft": {**ours, **({"bundle": _BUNDLE} if has_bundle else {})}}
    if has_bundle:
        flavors["python_function"] = {"loader_module": LOADER}
    uuid = digest_bytes(report.entry.manifest.digest.encode())[7:39]
    value = {"artifact_path": report.entry.label, "flavors": flavors, "model_uuid": uuid}
    return (json.dumps(value, indent=1) + "\n").encode("utf-8")


def write_folder(stored: Stored, proof: Mapping[str, bytes], folder: Path) -> Path:
    """Write a release as an MLflow model.

    Args:
        stored: The release.
        proof: Of it.
        folder: A new one.

    Returns:
        `folder`.

    Raises:
        IntegrityError: A stored byte is not what was recorded.
    """
    report = verify_proof(proof, release=stored.entry.label)
    export_release(report.files, lambda file: stored.read(file.path), folder / RELEASE_FOLDER)
    write_proof_folder(proof, folder / PROOF_FOLDER)
    (folder / MODEL_FILE).write_bytes(model_file(report))
    return folder
