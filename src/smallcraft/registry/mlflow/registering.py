"""Registers releases as versions of MLflow models: each once, with its proof, and the aliases beside it.

Steps for a release: (1) is it there; (2) its folder, written and checked as a reader will; (3) a run that
holds it; (4) the version, with tags; (5) was somebody faster.
Always: files are there before the version that names them; of two who register the same release at the same
time the lower number stays.
Covered: a command that was cut off (the run is taken up again, or stays without a version).
Not covered: a release that is retired later; its version stays until somebody deletes it in MLflow.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.mlflow.addressing import MlflowAddress
from smallcraft.registry.mlflow.packing import (
    DIGEST_TAG,
    LOG_TAG,
    RELEASE_TAG,
    Tags,
    tags_of,
    write_folder,
)
from smallcraft.registry.mlflow.receiving import check_folder
from smallcraft.registry.mlflow.tracking import open_client, told
from smallcraft.registry.proofs.proof_check import verify_proof
from smallcraft.registry.proving import prove_release
from smallcraft.registry.reading import Stored
from smallcraft.registry.store import Registry

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "smallcraft"

_ARTIFACT = "model"


@dataclass(frozen=True)
class Registered:
    """A release in MLflow.

    Attributes:
        release: As the log calls it.
        name: Of the registered model.
        version: MLflow's own number.
        is_new: False where it was there already.
    """

    release: str
    name: str
    version: int
    is_new: bool


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
        versions: In the order of the log.
        aliases: MLflow's aliases that were moved, as `name@alias`, with the version that they mean now.
    """

    versions: tuple[Registered, ...]
    aliases: dict[str, int]


def push_releases(address: MlflowAddress, registry: Registry, *, reference: str | None = None) -> Pushed:
    """Register what is not registered yet, and let MLflow's aliases mean what the log's do.

    Args:
        address: Of a server or a store.
        registry: Where the releases are.
        reference: One release; None for all that are neither retired nor erased.

    Raises:
        InvalidInputError: The address names a version.
        IntegrityError: A version there claims to be the release, with other bytes.
        RemoteError: MLflow did not answer as it should.
    """
    if address.version is not None:
        raise InvalidInputError(
            f"push registers versions, so it wants the server alone: {address.text.partition('#')[0]}, got "
            f"{address.text}; name a release with --release"
        )
    client = open_client(address)
    chosen = [registry.find(reference)] if reference else _live(registry)
    versions = tuple(_register(client, address, registry, stored) for stored in chosen)
    aliases: dict[str, int] = {}
    for found in versions:
        aliases |= _move_aliases(client, address, registry, found)
    return Pushed(versions, aliases)


def _live(registry: Registry) -> list[Stored]:
    retired = registry.log().state.retired
    return [one for one in registry.stored() if (one.entry.name, one.entry.version) not in retired]


def _register(client: MlflowClient, address: MlflowAddress, registry: Registry, stored: Stored) -> Registered:
    proof = prove_release(registry, stored.entry.label)
    tags = tags_of(verify_proof(proof), proof)
    name = str(stored.entry.name)
    with told(address):
        _create_model(client, name)
        # (1) there already
        known = _versions_of(client, name, tags)
        if known:
            return Registered(tags.release, name, known[0], is_new=False)
        # (2) folder, (3) run
        run = _upload(client, stored, proof, tags)
        # (4) version
        made = client.create_model_version(
            name,
            source=f"{run.info.artifact_uri}/{_ARTIFACT}",
            run_id=run.info.run_id,
            tags=dict(tags.named),
            description=_described(address, tags),
        )
        # (5) the lower number stays
        first = min((*_versions_of(client, name, tags), int(made.version)))
        if first != int(made.version):
            client.delete_model_version(name, made.version)
        return Registered(tags.release, name, first, is_new=first == int(made.version))


def _upload(client: MlflowClient, stored: Stored, proof: Mapping[str, bytes], tags: Tags) -> Any:  # noqa: ANN401
    """The run that holds the files, each checked as a reader will before it is sent."""
    with tempfile.TemporaryDirectory(prefix="smallcraft-mlflow-") as place:
        folder = write_folder(stored, proof, Path(place) / "model")
        check_folder(folder)
        run = _open_run(client, tags)
        client.log_artifacts(run.info.run_id, str(folder), artifact_path=_ARTIFACT)
        client.set_terminated(run.info.run_id)
    return run


def _create_model(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException as missing:
        if missing.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _versions_of(client: MlflowClient, name: str, tags: Tags) -> list[int]:
    """Numbers of the versions that are a release, the lowest first.

    Raises:
        IntegrityError: One claims to be it, with another digest.
    """
    found = []
    for version in _all_versions(client, name):
        said = dict(version.tags)
        if (said.get(RELEASE_TAG), said.get(LOG_TAG)) != (tags.release, tags.log):
            continue
        if said.get(DIGEST_TAG) != tags.digest:
            raise IntegrityError(
                f"version {version.version} of '{name}' says that it is {tags.release} with "
                f"{said.get(DIGEST_TAG)}, the log has {tags.digest}; its tags were altered: delete that "
                "version in MLflow, then push again"
            )
        found.append(int(version.version))
    return sorted(found)


def _all_versions(client: MlflowClient, name: str) -> Iterator[Any]:
    quote = '"' if "'" in name else "'"
    token = None
    while True:
        page = client.search_model_versions(f"name={quote}{name}{quote}", page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _open_run(client: MlflowClient, tags: Tags) -> Any:  # noqa: ANN401 - MLflow's own record
    """A new run, or the one that an interrupted push of the same release left."""
    experiment = _experiment(client)
    query = f"tags.`{DIGEST_TAG}` = '{tags.digest}' and attributes.status = 'RUNNING'"
    left: Sequence[Any] = client.search_runs([experiment], query, max_results=1)
    if left:
        return left[0]
    # A checkpoint is longer than some stores let a run's tag be; the version has it.
    return client.create_run(
        experiment,
        tags={RELEASE_TAG: tags.release, DIGEST_TAG: tags.digest, LOG_TAG: tags.log},
        run_name=tags.release,
    )


def _experiment(client: MlflowClient) -> str:
    from mlflow.exceptions import MlflowException

    known = client.get_experiment_by_name(EXPERIMENT)
    if known is None:
        try:
            return str(client.create_experiment(EXPERIMENT))
        except MlflowException as error:
            known = client.get_experiment_by_name(EXPERIMENT)
            if known is None:
                raise error from None
    return str(known.experiment_id)


def _described(address: MlflowAddress, tags: Tags) -> str:
    return (
        f"{tags.release}, entry {int(tags.log_index) + 1} of the log {tags.log}, {tags.digest}. Its files "
        "are below release/, the proof below proof/; proof/VERIFY.md says how to check it offline, "
        f"`smallcraft verify '{address.text}#NAME/VERSION'` does."
    )


def _move_aliases(
    client: MlflowClient, address: MlflowAddress, registry: Registry, found: Registered
) -> dict[str, int]:
    """Each word of the log that means this release."""
    number = int(found.release.rpartition("@")[2])
    words = [word for word, meant in registry.log().state.aliases(found.name).items() if meant == number]
    moved = {}
    with told(address):
        known = dict(client.get_registered_model(found.name).aliases)
        for word in sorted(words):
            if str(known.get(word)) != str(found.version):
                client.set_registered_model_alias(found.name, word, str(found.version))
                moved[f"{found.name}@{word}"] = found.version
    return moved
