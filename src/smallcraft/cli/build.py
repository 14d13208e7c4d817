"""`smallcraft build`: the main job, from a project file to a release."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.options import EngineOption, Json, Project
from smallcraft.cli.saying import starting
from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from smallcraft.pipeline.events import Listener


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("build")(build)


def build(
    project: Project = Path(),
    *,
    because: Annotated[
        str | None, typer.Option(help="Why this release is made; a terminal asks when it is left out.")
    ] = None,
    engine: EngineOption = None,
    as_json: Json = False,
) -> int:
    """Check the data, climb the ladder, and release the cheapest candidate that is good enough."""
    with starting():
        from smallcraft.cli.show import show_result
        from smallcraft.cli.views import open_view
        from smallcraft.pipeline.build import build as run_build
        from smallcraft.pipeline.config import load_config, with_engine
        from smallcraft.records import Outcome

    config = with_engine(load_config(project), engine)
    with open_view(config.quality.metric, to_stderr=as_json) as view:
        result = run_build(config, listener=view, because=_reason(because, view, is_quiet=as_json))
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=2))
    else:
        show_result(result, config, project=project)
    return {Outcome.PASS: 0, Outcome.FAIL: 2, Outcome.UNDECIDED: 3}[result.outcome]


def _reason(said: str | None, view: Listener, *, is_quiet: bool) -> Callable[[str], str | None] | None:
    """Gives the reason that was passed, or asks a person at a terminal; None where nobody can be asked."""
    from smallcraft.cli.views import LiveView
    from smallcraft.registry.memory.decisions import REASON_LIMIT

    reason = (said or "").strip()
    if len(reason) > REASON_LIMIT:
        raise InvalidInputError(
            f"--because must hold at most {REASON_LIMIT:,} characters, got {len(reason):,}; say it shorter"
        )
    if reason:
        return lambda _decision: reason
    if is_quiet or not isinstance(view, LiveView) or not sys.stdin.isatty():
        return None
    return view.ask_reason
