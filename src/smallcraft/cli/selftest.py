"""`smallcraft selftest`: small seeded data through every stage, on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import Json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("selftest")(selftest)


def selftest(
    *,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    as_json: Json = False,
) -> int:
    """Try what smallcraft promises on small made-up data: preprocessing, training, metrics, records."""
    from smallcraft.pipeline.selftest.run import run_selftest

    found = []
    for kept in run_selftest(seed=seed):
        found.append(kept)
        mark = "kept  " if kept.is_kept else "BROKEN"
        typer.echo(f"{mark} {kept.stage}: {kept.claim} ({kept.seen})", err=as_json)
    broken = [kept for kept in found if not kept.is_kept]
    if as_json:
        told = {"seed": seed, "broken": len(broken), "promises": [asdict(kept) for kept in found]}
        typer.echo(json.dumps(told, indent=2))
    else:
        seconds = sum(kept.seconds for kept in found)
        kept_all = f"{len(found) - len(broken)} of {len(found)} promises kept"
        typer.echo(f"{kept_all} in {seconds:.0f} s, seed {seed}")
    tell_next("doctor" if broken else "demo", as_json=as_json)
    return 2 if broken else 0
