"""`smallcraft verify`: a registry, a release, a proof or a bundle against what was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import Json, Project


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify")(verify)


def verify(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A registry, proof or bundle (a folder, tar or zip), a release such as helpdesk@3, or a "
            "version in MLflow, mlflow://host:5000#helpdesk/3; the whole project by default."
        ),
    ] = None,
    *,
    project: Project = Path(),
    pin: Annotated[
        list[Path] | None,
        typer.Option(
            help="A checkpoint kept elsewhere: a copy of log/checkpoint, a published card, a registry."
        ),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="A policy file: whose logs and witnesses count.")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also read into packs of small files.")] = False,
    as_json: Json = False,
) -> None:
    """Check every stored byte, signature and delta; exit 4 names the first that is not as recorded."""
    from smallcraft.canonical import plain
    from smallcraft.cli.show_registry import show_verified
    from smallcraft.pipeline.mlflow_versions import verify_at_mlflow
    from smallcraft.pipeline.verifying import VerifyOptions, verify_named, verify_path, verify_project
    from smallcraft.registry.mlflow.addressing import parse_address

    options = VerifyOptions(pins=tuple(pin or ()), policy=policy, deep=deep)
    if target is None:
        report = verify_project(project, options)
    elif (address := parse_address(target)) is not None:
        report = verify_at_mlflow(address, project, options)
    elif Path(target).exists() or "/" in target:
        report = verify_path(Path(target), options)
    else:
        report = verify_named(target, project, options)
    if as_json:
        typer.echo(json.dumps(plain(report), indent=2))
    else:
        show_verified(report)
        is_elsewhere = target is not None and (Path(target).exists() or "/" in target)
        tell_next("log", project=Path() if is_elsewhere else project)
