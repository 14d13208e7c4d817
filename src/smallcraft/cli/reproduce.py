"""`smallcraft reproduce`: builds a release again and says whether it came out the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import Json, Project, Release

Keep = Annotated[
    Path | None, typer.Option("--keep", help="Build there and leave it; an absent or empty folder.")
]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("reproduce")(reproduce)


def reproduce(
    release: Release = "latest", *, project: Project = Path(), keep: Keep = None, as_json: Json = False
) -> int:
    """Build a release again from what it recorded: identical, within noise, or diverged and at what."""
    from smallcraft.cli.views import open_view
    from smallcraft.pipeline.reproducing.run import reproduce as build_again
    from smallcraft.pipeline.reproducing.wording import describe_reproduction
    from smallcraft.pipeline.workspace import open_registry

    registry = open_registry(project)
    found = registry.read(release)
    with open_view(str(found.facts.get("metric", "")), to_stderr=as_json) as view:
        told = build_again(project, found, registry, listener=view, keep=keep)
    if as_json:
        typer.echo(json.dumps(told.as_json(), indent=2, allow_nan=False))
    else:
        typer.echo("\n".join(describe_reproduction(told)))
    tell_next(
        *(("verify", found.label) if told.exit_code == 0 else ("doctor",)), project=project, as_json=as_json
    )
    return told.exit_code
