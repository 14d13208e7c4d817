"""`smallcraft build`: the main job, from a project file to a release."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from smallcraft.cli.options import Json, Project


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("build")(build)


def build(project: Project = Path(), *, as_json: Json = False) -> int:
    """Check the data, climb the ladder, and release the cheapest candidate that is good enough."""
    from smallcraft.cli.show import show_result
    from smallcraft.cli.views import open_view
    from smallcraft.pipeline.build import build as run_build
    from smallcraft.pipeline.config import load_config
    from smallcraft.records import Outcome

    config = load_config(project)
    with open_view(config.quality.metric, to_stderr=as_json) as view:
        result = run_build(config, listener=view)
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=2))
    else:
        show_result(result, config)
    return {Outcome.PASS: 0, Outcome.FAIL: 2, Outcome.UNDECIDED: 3}[result.outcome]
