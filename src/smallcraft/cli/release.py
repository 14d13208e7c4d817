"""`smallcraft alias`, `push` and `pull`: what a release is called, and where it goes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import next_line
from smallcraft.cli.options import Json, Project, folder_of
from smallcraft.cli.saying import say
from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from smallcraft.records import Release
    from smallcraft.registry.keys.policy import Policy as TrustedKeys
    from smallcraft.registry.mlflow.addressing import MlflowAddress
    from smallcraft.registry.store import Registry


Policy = Annotated[
    Path | None, typer.Option(help="A policy file: whose logs and witnesses count.", show_default=False)
]

_PLACES = "a folder, s3://bucket/prefix, gs://, az://, oci://host/name, hf://owner/name or mlflow://host:5000"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (alias, push, pull):
        app.command(verb.__name__)(verb)


def alias(
    word: Annotated[str, typer.Argument(help="The word: stable, canary, ...", metavar="ALIAS")],
    release: Annotated[
        str | None, typer.Argument(help="What it means from now on: helpdesk@3; left out with --remove.")
    ] = None,
    *,
    project: Project = Path(),
    because: Annotated[str | None, typer.Option(help="Why, in a sentence.")] = None,
    remove: Annotated[
        str | None, typer.Option(help="Take the word away from this name.", metavar="NAME")
    ] = None,
    remote: Annotated[
        str | None,
        typer.Option(
            help="Commit at this bucket first, on top of what others put there: s3://bucket/prefix.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a word such as 'stable' mean a release; every move is an entry of the log."""
    from smallcraft.pipeline.version_control import keep_checkpoint
    from smallcraft.pipeline.workspace import open_registry

    if (release is None) == (remove is None):
        raise InvalidInputError(
            f"alias wants the release that '{word}' is to mean, or --remove NAME; write `smallcraft alias "
            f"{word} helpdesk@3`"
        )
    registry, now = open_registry(project), datetime.now(UTC)

    def move() -> Release | None:
        found = None if release is None else registry.read(release)
        name, version = (found.name, found.version) if found else (remove or "", None)
        registry.set_alias(name, word, version, now=now, reason=because)
        return found

    found = move() if remote is None else _move_at(remote, registry, move)
    name = found.name if found else remove or ""
    keep_checkpoint(folder_of(project), registry.log())
    meant = found.label if found else "nothing now"
    told = {"alias": f"{name}@{word}", "means": found.label if found else None}
    then = (
        next_line("serve", f"{name}@{word}", project=project) if found else next_line("log", project=project)
    )
    say(f"{name}@{word} means {meant}", told=told, as_json=as_json, then=then)


def _move_at(remote: str, registry: Registry, move: Callable[[], Release | None]) -> Release | None:
    """Make a change at a remote first."""
    from smallcraft.registry.sharing.addressing import open_remote
    from smallcraft.registry.sharing.through import write_through

    found = open_remote(remote)
    if found is None:
        raise InvalidInputError(
            f"--remote wants a bucket such as s3://models/team, got {remote!r}; a folder is brought up by "
            f"`smallcraft push {remote}`"
        )
    return write_through(found, registry, move)


def push(
    remote: Annotated[str, typer.Argument(help=f"Where to: {_PLACES}; absent, empty, or a registry.")],
    *,
    project: Project = Path(),
    policy: Policy = None,
    release: Annotated[
        str | None,
        typer.Option(help="For MLflow: this release alone; else all in use.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring a shared folder, a bucket or another remote up to this project's registry.

    Every byte is checked on the way. MLflow gets a version a release, with its proof. Credentials are those
    of the environment: AWS_*, GOOGLE_*, AZURE_*, what `docker login` stored, HF_TOKEN, MLFLOW_TRACKING_*.
    """
    from smallcraft.canonical import plain
    from smallcraft.cli.show_registry import describe_transfer
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.mlflow.addressing import parse_address
    from smallcraft.registry.proofs.transfer import push as push_to_folder
    from smallcraft.registry.sharing.addressing import open_remote
    from smallcraft.registry.sharing.sending import push_to

    neighbour = parse_address(remote)
    if neighbour is not None:
        _push_to_mlflow(neighbour, release, project=project, as_json=as_json)
        return
    if release is not None:
        raise InvalidInputError(
            f"--release is for mlflow://host:5000, which has a version a release; {remote} gets the whole "
            "registry, leave the option out"
        )
    trusted, found = _policy_in(policy), open_remote(remote)
    root = open_registry(project).root
    if found is None:
        done, then = push_to_folder(root, Path(remote), policy=trusted), next_line("verify", remote)
    else:
        done, then = push_to(found, root, policy=trusted), next_line("pull", remote, project=Path("FOLDER"))
    say(describe_transfer(done, f"to {remote}"), told=plain(done), as_json=as_json, then=then)


def pull(
    remote: Annotated[str, typer.Argument(help=f"Where from: {_PLACES}; it holds a registry.")],
    *,
    project: Project = Path(),
    policy: Policy = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="For mlflow://host:5000#NAME/3: the new folder of that one release.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring this project's registry up to a remote, then verify it; of MLflow, one release into a folder."""
    from smallcraft.canonical import plain
    from smallcraft.cli.show_registry import describe_transfer
    from smallcraft.cli.views import plain_view
    from smallcraft.pipeline.workspace import Workspace
    from smallcraft.registry.mlflow.addressing import parse_address
    from smallcraft.registry.proofs.transfer import pull as pull_from_folder
    from smallcraft.registry.sharing.addressing import open_remote
    from smallcraft.registry.sharing.fetching import pull_from
    from smallcraft.registry.verify.registry import verify_registry

    neighbour = parse_address(remote)
    if (neighbour is None) != (to is None):
        raise InvalidInputError(
            "--to and a version in MLflow belong together: `smallcraft pull mlflow://host:5000#tickets/1 "
            f"--to FOLDER`, got {remote} {'without' if to is None else 'with'} --to"
        )
    if neighbour is not None and to is not None:
        _pull_from_mlflow(neighbour, to, policy=policy, project=project, as_json=as_json)
        return
    trusted, found = _policy_in(policy), open_remote(remote)
    local = Workspace(folder_of(project)).registry
    local.parent.mkdir(parents=True, exist_ok=True)
    if found is None:
        done = pull_from_folder(Path(remote), local, verify=verify_registry, policy=trusted)
    else:
        view = plain_view(to_stderr=True)
        done = pull_from(
            found,
            local,
            verify=verify_registry,
            policy=trusted,
            tell=lambda came, whole: view.progress(f"{came:,} of {whole:,} bytes", came / max(whole, 1)),
        )
    then = next_line("log", project=project)
    say(describe_transfer(done, f"from {remote}"), told=plain(done), as_json=as_json, then=then)


def _push_to_mlflow(address: MlflowAddress, release: str | None, *, project: Path, as_json: bool) -> None:
    from smallcraft.canonical import plain
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.mlflow.registering import push_releases

    done = push_releases(address, open_registry(project), reference=release)
    lines = [
        f"{one.release} is version {one.version} of '{one.name}' at {address.uri}"
        f"{'' if one.is_new else ', as before'}"
        for one in done.versions
    ]
    lines += [f"{word} means version {version} there" for word, version in done.aliases.items()]
    last = done.versions[-1] if done.versions else None
    version = f"{address.text}#{last.name}/{last.version}" if last else address.text
    say(
        *(lines or [f"nothing is in use that could be registered at {address.uri}"]),
        told=plain(done),
        as_json=as_json,
        then=next_line("verify", version, project=project) if last else next_line("log", project=project),
    )


def _pull_from_mlflow(
    address: MlflowAddress, target: Path, *, policy: Path | None, project: Path, as_json: bool
) -> None:
    from smallcraft.canonical import plain
    from smallcraft.pipeline.mlflow_versions import pull_from_mlflow
    from smallcraft.pipeline.verifying import VerifyOptions
    from smallcraft.registry.mlflow.receiving import RELEASE_STEP

    report = pull_from_mlflow(address, target, project, VerifyOptions(policy=policy))
    held = sum(step.count for step in report.steps if step.name == RELEASE_STEP)
    say(
        f"{held:,} files of {address.text} are in {target}/release, checked; the proof is in {target}/proof",
        told={"folder": str(target), **plain(report)},
        as_json=as_json,
        then=next_line("verify", f"{target}/proof"),
    )


def _policy_in(path: Path | None) -> TrustedKeys | None:
    from smallcraft.registry.keys.policy import read_policy_file

    return None if path is None else read_policy_file(path)
