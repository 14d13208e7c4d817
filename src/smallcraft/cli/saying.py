"""What a verb says when it is done: lines for people, or one JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping

import typer


def say(*lines: str, told: Mapping[str, object], as_json: bool) -> None:
    """Print the lines, or the object.

    Args:
        lines: For people.
        told: The same for scripts.
        as_json: Whether scripts read it.
    """
    typer.echo(json.dumps(told, indent=2) if as_json else "\n".join(lines))
