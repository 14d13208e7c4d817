"""The `smallcraft` command: its verbs, and the one place where errors become exit codes.

Exit codes: 0 pass, 1 error with its remedy, 2 a gate FAILED, 3 UNDECIDED on something required,
4 stored bytes are not what was recorded. Each verb imports what it needs when it runs, so that `--help`
is quick.
"""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import cast

import typer

from smallcraft.cli import (
    build,
    card,
    check,
    cost,
    curve,
    dashboard,
    demo,
    doctor,
    drift,
    evaluate,
    export,
    gate,
    history,
    importing,
    init,
    label,
    predict,
    registry,
    release,
    reproduce,
    rollout,
    selftest,
    serve,
    verify,
    watch,
)
from smallcraft.cli.listing import Loop, add_examples
from smallcraft.cli.next_steps import first_step, next_line
from smallcraft.errors import IntegrityError, SmallcraftError

_WIDEST = 100

app = typer.Typer(
    name="smallcraft",
    cls=Loop,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": _WIDEST},
)


@app.callback(invoke_without_command=True)
def begin(context: typer.Context) -> None:
    """Ship small models you can prove: the cheapest one that is provably good enough, with its evidence."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        typer.echo(f"\n{next_line(*first_step(Path()))}")


for _module in (
    *(init, importing, check, build, evaluate, gate, cost, curve, predict, history, card, verify, reproduce),
    *(release, export, registry, serve, dashboard, rollout, watch, label, drift, selftest, doctor, demo),
):
    _module.register(app)
add_examples(app)


# typer carries a click of its own; its errors are reached through the one that typer exports.
_UsageError = cast(
    "type[typer.BadParameter]",
    next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"),
)


class ExitCode(IntEnum):
    """What a script may rely on."""

    PASS = 0
    ERROR = 1
    FAIL = 2
    UNDECIDED = 3
    BROKEN = 4
    INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; messages of errors go to standard error."""
    try:
        code = app(args=arguments, prog_name="smallcraft", standalone_mode=False)
    except _UsageError as error:
        error.show()
        return ExitCode.ERROR
    except IntegrityError as error:
        typer.echo(f"broken: {error}", err=True)
        return ExitCode.BROKEN
    except SmallcraftError as error:
        typer.echo(f"error: {error}", err=True)
        return ExitCode.ERROR
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        _close_quietly()
        return ExitCode.ERROR
    except OSError as error:
        typer.echo(f"error: {error}; free space there, or choose a place that can be written", err=True)
        return ExitCode.ERROR
    # Some versions of typer turn a keyboard interrupt into this code themselves.
    if code == ExitCode.INTERRUPTED:
        typer.echo("stopped; run the same command again to go on from here", err=True)
    return code if isinstance(code, int) else ExitCode.PASS


def _close_quietly() -> None:
    """Nobody reads on (`| head`); what is still in the buffer must not be written as the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
