"""How the tour speaks: lines that fit a terminal, and a word for each stage of long work."""

from __future__ import annotations

import textwrap
import time

import typer

from smallcraft.pipeline.events import SilentListener

_WIDTH = 110
_SECONDS_BETWEEN_LINES = 10.0


class Stages(SilentListener):
    """Says what is being done, a line a stage, and where a long step is every ten seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def stage(self, sentence: str) -> None:
        """Say it."""
        self._say(sentence)

    def progress(self, step: str, share: float) -> None:
        """At most one line in ten seconds."""
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._say(step + (f", {share:.0%}" if share else ""))

    def _say(self, sentence: str) -> None:
        self._last = time.monotonic()
        typer.secho(f"  ... {sentence}", dim=True)


def tell(sentence: str, *, indent: int = 2) -> None:
    """A sentence, wrapped; what goes on in a further line stands a little further in.

    Args:
        sentence: Whatever its length.
        indent: Of its first line.
    """
    first, further = " " * indent, " " * (indent + 2)
    lines = textwrap.wrap(
        sentence,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    typer.echo("\n".join(lines))
