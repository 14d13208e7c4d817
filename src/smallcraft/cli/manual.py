"""The page of all commands, from the same words as `--help`; `docs/commands.md` is its golden copy.

What stands in a verb's help belongs to the verb; examples and the order to `cli.listing`.
Always: every verb that is not hidden is on the page once, as wide on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from smallcraft.cli.listing import sections

_WIDTH = 96
_OPENING = """\
# Commands

What `smallcraft COMMAND --help` says, in the order of the loop: data, build, registry, serve, watch, label. \
This page is generated from it by `make goldens`.

Every command ends with the next sensible one (`next  smallcraft ...`), ready to be pasted; a word in \
CAPITALS is yours to fill in. `--json` prints one JSON object on standard output and nothing else there.

Exit codes are the same everywhere: 0 pass, 1 an error with its remedy, 2 a gate FAILED, 3 UNDECIDED on \
something required, 4 stored bytes are not what was recorded, 130 stopped by Ctrl-C. Where a command gives \
one of them a narrower meaning, its help says so.
"""


def render_manual(app: typer.Typer) -> str:
    """The page.

    Args:
        app: With every verb registered.
    """
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    parts = [_OPENING]
    for title, verbs in sections(root.commands):
        parts.append(f"## {title}\n")
        for verb in verbs:
            parts += _pages(root.commands[verb], ("smallcraft", verb))
    return "\n".join(parts)


def _pages(command: Any, path: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 - typer's own click
    """A verb, and those below it."""
    name = " ".join(path)
    context = command.context_class(command, info_name=name, terminal_width=_WIDTH)
    told = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"### {name}\n\n```text\n{told}\n```\n"
    for below in getattr(command, "commands", {}).values():
        yield from _pages(below, (*path, below.name))
