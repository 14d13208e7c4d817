"""`smallcraft log`, `show` and `diff`: what was released when, what changed, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import Json, Project, Release


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (log, show, diff):
        app.command(verb.__name__)(verb)


def log(
    project: Project = Path(),
    *,
    find: Annotated[
        str | None, typer.Option(help="Only releases whose name, settings or reasons hold these words.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="What each alias meant at a time: 2026-10-01 or 2026-10-01T12:00Z.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell the history, newest first: what changed, by how much, why, and how to use it."""
    from smallcraft.canonical import plain
    from smallcraft.cli.show_registry import show_aliases, show_story
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.telling import aliases_at, tell_found, tell_registry

    registry = open_registry(project)
    if at is not None:
        meant = aliases_at(registry, at)
        if as_json:
            typer.echo(json.dumps(dict(meant), indent=2))
        else:
            show_aliases(meant, at)
        tell_next("log", project=project, as_json=as_json)
        return
    story = tell_registry(registry) if find is None else tell_found(registry, find)
    if as_json:
        typer.echo(json.dumps(plain(tuple(reversed(story.lines))), indent=2))
    else:
        show_story(story)
    tell_next("show", "latest", project=project, as_json=as_json)


def show(
    release: Release = "latest",
    *,
    project: Project = Path(),
    proof: Annotated[
        Path | None,
        typer.Option(help="Write the release's proof to this folder, for whoever does not trust us."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show one release: decision, evidence, verdicts, digests; or write its proof."""
    from smallcraft.canonical import plain
    from smallcraft.cli.show_registry import show_details
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.telling import detail_release

    registry = open_registry(project)
    if proof is not None:
        from smallcraft.registry.proofs.proof_folder import write_proof_folder
        from smallcraft.registry.proving import prove_release

        written = write_proof_folder(prove_release(registry, release), proof)
        label = registry.read(release).label
        typer.echo(f"the proof of {label} is in {written}; {written}/VERIFY.md says how to check it")
        tell_next("verify", str(written))
    elif as_json:
        typer.echo(json.dumps(plain(registry.read(release)), indent=2))
    else:
        show_details(detail_release(registry, release))
        tell_next("verify", registry.read(release).label, project=project)


def diff(
    before: Annotated[str, typer.Argument(help="A release: helpdesk@2.")],
    after: Annotated[str, typer.Argument(help="Another one: helpdesk@3.")] = "latest",
    *,
    project: Project = Path(),
    as_json: Json = False,
) -> None:
    """Compare two releases: scores with paired intervals, data, settings, weights, cost."""
    from smallcraft.cli.show_registry import show_comparison
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.telling import compare_in

    found = compare_in(open_registry(project), before, after)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        show_comparison(found)
        tell_next("rollout", "start", found.after, project=project)
