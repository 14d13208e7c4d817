"""What a verb says when it is done: lines for people, or one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import typer

_STARTING = "starting ..."


def say(*lines: str, told: Mapping[str, object], as_json: bool, then: str | None = None) -> None:
    """Print the lines, or the object.

    Args:
        lines: For people.
        told: The same for scripts.
        as_json: Whether scripts read it.
        then: The last line for people, as `next_steps.next_line` makes it.
    """
    shown = lines if then is None else (*lines, then)
    typer.echo(json.dumps(told, indent=2) if as_json else "\n".join(shown))


@contextmanager
def starting() -> Iterator[None]:
    """On a terminal, say that something is under way while the parts that a verb needs are loaded."""
    if not sys.stderr.isatty():
        yield
        return
    sys.stderr.write(f"\033[2m{_STARTING}\033[0m")
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()
