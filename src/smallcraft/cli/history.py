"""`smallcraft log`, `show`, `card` and `verify`: the registry, read and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.options import Json, Project, Release


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (log, show, card, verify):
        app.command(verb.__name__)(verb)


def log(project: Project = Path(), *, as_json: Json = False) -> None:
    """List the releases, newest first: what changed, how good, how large, and why."""
    from smallcraft.canonical import plain
    from smallcraft.cli.show import show_history
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.history import describe_history

    lines = describe_history(reversed(open_registry(project).releases()))
    if as_json:
        typer.echo(json.dumps(plain(lines), indent=2))
    else:
        show_history(lines)


def show(release: Release = "latest", *, project: Project = Path(), as_json: Json = False) -> None:
    """Show one release: decision, evidence, verdicts, digests."""
    from smallcraft.canonical import plain
    from smallcraft.cli.show import show_release
    from smallcraft.pipeline.workspace import open_registry

    found = open_registry(project).read(release)
    if as_json:
        typer.echo(json.dumps(plain(found), indent=2))
    else:
        show_release(found)


def card(release: Release = "latest", *, project: Project = Path()) -> None:
    """Print the model card of a release, in Markdown."""
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.cards import render_release_card

    typer.echo(render_release_card(open_registry(project).read(release)))


def verify(
    target: Annotated[
        Path | None, typer.Argument(help="A registry or bundle folder; the project's own by default.")
    ] = None,
    *,
    project: Project = Path(),
    as_json: Json = False,
) -> None:
    """Check every stored byte; exit 4 names the first that is not as recorded."""
    from smallcraft.canonical import plain
    from smallcraft.cli.show import show_verified
    from smallcraft.pipeline.verifying import verify_path, verify_project

    report = verify_path(target) if target else verify_project(project)
    if as_json:
        typer.echo(json.dumps(plain(report), indent=2))
    else:
        show_verified(report)
