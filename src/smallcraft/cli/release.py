"""`smallcraft alias`, `export`, `push` and `pull`: what a release is called, and where it goes."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.options import Json, Project, folder_of
from smallcraft.cli.saying import say
from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from smallcraft.registry.keys.policy import Policy as TrustedKeys
    from smallcraft.registry.reading import Stored


Policy = Annotated[
    Path | None, typer.Option(help="A policy file: whose logs and witnesses count.", show_default=False)
]


class Part(StrEnum):
    """What an export writes."""

    ALL = "all"
    BUNDLE = "bundle"


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (alias, export, push, pull):
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
    found = None if release is None else registry.read(release)
    name = found.name if found else remove or ""
    version = found.version if found else None
    registry.set_alias(name, word, version, now=now, reason=because)
    keep_checkpoint(folder_of(project), registry.log())
    meant = found.label if found else "nothing now"
    told = {"alias": f"{name}@{word}", "means": found.label if found else None}
    say(f"{name}@{word} means {meant}", told=told, as_json=as_json)


def export(
    release: Annotated[str, typer.Argument(help="A release: helpdesk@3, helpdesk@stable, latest.")],
    target: Annotated[Path, typer.Argument(help="The folder to make; with --device the zip.")],
    *,
    project: Project = Path(),
    only: Annotated[Part, typer.Option(help="all, or the bundle alone: the on-device form.")] = Part.ALL,
    device: Annotated[
        bool, typer.Option("--device", help="One zip: the bundle, the runtime that reads it, an example.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a release to a folder that `model_signing verify` accepts, or its device bundle alone."""
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.proofs.exporting import export_release

    found = open_registry(project).find(release)
    if device:
        _export_device(found, target, as_json=as_json)
        return
    written = export_release(found.files, lambda file: found.read(file.path), target, only=only.value)
    label = found.entry.label
    say(f"{label} is in {written}", told={"release": label, "folder": str(written)}, as_json=as_json)


def _export_device(found: Stored, target: Path, *, as_json: bool) -> None:
    from smallcraft.pipeline.device import export_device

    written = export_device(found, target)
    label, size_mb = found.entry.label, written.size_bytes / 1e6
    told = {
        "release": label,
        "zip": str(written.path),
        "digest": written.digest,
        "size_bytes": written.size_bytes,
    }
    say(f"{label} is in {written.path}, {size_mb:.1f} MB", told=told, as_json=as_json)


def push(
    remote: Annotated[Path, typer.Argument(help="A shared folder: absent, empty, or a registry.")],
    *,
    project: Project = Path(),
    policy: Policy = None,
    as_json: Json = False,
) -> None:
    """Bring a shared folder up to this project's registry; every byte is checked on the way."""
    from smallcraft.canonical import plain
    from smallcraft.cli.show_registry import describe_transfer
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.proofs.transfer import push as push_registry

    done = push_registry(open_registry(project).root, remote, policy=_policy_in(policy))
    say(describe_transfer(done, f"to {remote}"), told=plain(done), as_json=as_json)


def pull(
    remote: Annotated[Path, typer.Argument(help="A shared folder that holds a registry.")],
    *,
    project: Project = Path(),
    policy: Policy = None,
    as_json: Json = False,
) -> None:
    """Bring this project's registry up to a shared folder, then verify it."""
    from smallcraft.canonical import plain
    from smallcraft.cli.show_registry import describe_transfer
    from smallcraft.pipeline.workspace import Workspace
    from smallcraft.registry.proofs.transfer import pull as pull_registry
    from smallcraft.registry.verify.registry import verify_registry

    local = Workspace(folder_of(project)).registry
    local.parent.mkdir(parents=True, exist_ok=True)
    done = pull_registry(remote, local, verify=verify_registry, policy=_policy_in(policy))
    say(describe_transfer(done, f"from {remote}"), told=plain(done), as_json=as_json)


def _policy_in(path: Path | None) -> TrustedKeys | None:
    from smallcraft.registry.keys.policy import read_policy_file

    return None if path is None else read_policy_file(path)
