"""`smallcraft rollout simulate`: what a project's settings do to good and bad releases, before they are used.

Leaves to others: what happens in a scenario, what the rules make of it, in which words (`serve.simulation`).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import EngineOption, Json, Project
from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from smallcraft.pipeline.rollout_section import RolloutSection
    from smallcraft.serve.simulation.traffic import Traffic

_USUAL_PROJECT = Path()
_MOST_REQUESTS_S = 10_000
_USUAL_SCENARIOS = ("fine", "incident", "sticky", "errors", "slow_tail")
_NO_WORSE = "fine, incident, slow_incident, sticky, margin, better"
_WORSE = "errors, sticky_errors, slow_tail, stalls, slow, late_errors, leak, other_answers"
_SCENARIOS_HELP = (
    f"What happens; may be given several times. No worse: {_NO_WORSE}. Worse: {_WORSE}. "
    f"By default {', '.join(_USUAL_SCENARIOS)}."
)


def simulate(
    project: Project = _USUAL_PROJECT,
    *,
    scenario: Annotated[
        list[str] | None, typer.Option(help=_SCENARIOS_HELP, metavar="NAME", show_default=False)
    ] = None,
    rollouts: Annotated[
        int, typer.Option(help="How many of each; with 2000 a share of 5 % is known to 1 %.", min=1)
    ] = 200,
    requests_s: Annotated[float, typer.Option(help="Requests a second.")] = 50.0,
    error_rate: Annotated[float, typer.Option(help="Share that fails when all is well.")] = 0.01,
    p50_ms: Annotated[float, typer.Option(help="Half of the requests take less.")] = 20.0,
    p99_ms: Annotated[float, typer.Option(help="99 % take less.")] = 100.0,
    seed: Annotated[int, typer.Option(help="Of all chance: the same gives the same.", min=0)] = 0,
    engine: EngineOption = None,
    as_json: Json = False,
) -> None:
    """Try the settings of [rollout] on good and bad releases, before you use them.

    Each scenario is rolled out many times in made traffic like yours: how often is a good release rolled
    back, how soon a bad one, and how many requests does it spoil until then?
    """
    from smallcraft.engine.engines import shared_engine
    from smallcraft.engine.naming import LOCAL
    from smallcraft.serve.simulation.cells import to_json
    from smallcraft.serve.simulation.scenarios import find_scenario
    from smallcraft.serve.simulation.simulate import simulate as run_scenario
    from smallcraft.serve.simulation.telling import tell_cell, tell_service

    scenarios = [find_scenario(name) for name in scenario or _USUAL_SCENARIOS]
    traffic = _traffic(requests_s, error_rate, p50_ms, p99_ms)
    plan = _section(project).plan()
    cells = []
    for found in scenarios:
        typer.echo(f"{found.name}: {found.about}", err=True)
        where = shared_engine(engine or LOCAL)
        cells.append(run_scenario(plan, found, traffic=traffic, rollouts=rollouts, seed=seed, engine=where))
        if not as_json:
            typer.echo(f"{found.name}: {tell_cell(cells[-1])}")
    if as_json:
        typer.echo(json.dumps([to_json(cell) for cell in cells], indent=2))
    else:
        typer.echo(f"traffic: {tell_service(cells[-1])}")
        tell_next("rollout", "start", "RELEASE", project=project)


def _section(project: Path) -> RolloutSection:
    """Of the project; the usual one where there is none and none was named."""
    from smallcraft.pipeline.config import FILE_NAME, load_config
    from smallcraft.pipeline.rollout_section import RolloutSection

    if project == _USUAL_PROJECT and not (project / FILE_NAME).exists():
        typer.echo(f"there is no {FILE_NAME} here: the usual settings", err=True)
        return RolloutSection()
    return load_config(project).rollout


def _traffic(requests_s: float, error_rate: float, p50_ms: float, p99_ms: float) -> Traffic:
    from smallcraft.serve.simulation.traffic import Traffic

    if not 0 < requests_s <= _MOST_REQUESTS_S:
        raise InvalidInputError(
            f"--requests-s must be above 0 and at most {_MOST_REQUESTS_S:,}, got {requests_s:g}; "
            "more traffic than that only makes a rollout faster"
        )
    if not 0 < p50_ms < p99_ms < math.inf:
        raise InvalidInputError(
            f"--p50-ms must be above 0 and below --p99-ms, got {p50_ms:g} and {p99_ms:g}; "
            "give both as the histogram of your service has them"
        )
    return Traffic(requests_s=requests_s, error_rate=error_rate, median_s=p50_ms / 1000, p99_s=p99_ms / 1000)
