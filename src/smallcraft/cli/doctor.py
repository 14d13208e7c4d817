"""`smallcraft doctor`: what is installed and what is missing; with a bundle, whether it works here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import Json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(
    bundle: Annotated[Path | None, typer.Argument(help="A bundle to test on this machine.")] = None,
    *,
    compile_now: Annotated[
        bool, typer.Option("--compile", help="Compile what is otherwise compiled at first use, and stop.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Say what is installed, what is missing and what would add it; or test a bundle on this machine."""
    import json

    from smallcraft.canonical import plain
    from smallcraft.cli.show import show_diagnosis
    from smallcraft.pipeline.diagnosis import diagnose_bundle, diagnose_machine

    if compile_now:
        from smallcraft.pipeline.compiling import compile_kernels

        compile_kernels()
        typer.echo("compiled; a first check has nothing to wait for")
        tell_next("init", "DATA")
        return 0
    findings = diagnose_machine() if bundle is None else diagnose_bundle(bundle)
    if as_json:
        typer.echo(json.dumps(plain(findings), indent=2))
    else:
        show_diagnosis(findings)
    is_fine = all(finding.is_fine for finding in findings if finding.is_required)
    if bundle is not None and is_fine:
        tell_next(
            *("predict", "--bundle", str(bundle), "--input", "FILE", "--output", "ANSWERS.csv"),
            as_json=as_json,
        )
    else:
        tell_next(*(("selftest",) if is_fine else ("doctor",)), as_json=as_json)
    return 0 if is_fine else 1
