"""A project small enough to build anywhere in seconds, and the commands that take it once round.

Needs nothing but the standard library, so that it can drive an environment that has none of ours.
Always: the rows are the same every time; a command that ends otherwise than it should ends the round.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROWS = 240
_SUBJECTS = {
    "billing": ("invoice", "refund", "charge", "payment", "card"),
    "login": ("password", "account", "locked", "signin", "reset"),
    "parcel": ("courier", "tracking", "delivery", "address", "box"),
}
_FILL = ("please", "my", "the", "today", "again", "still", "help", "about", "new", "never")
_PROJECT = """\
[data]
path = "rows.csv"
text = "message"
label = "intent"

[ladder]
rungs = ["majority", "linear", "ngram"]
"""
_LONGEST_S = 600.0

ROUND: tuple[tuple[str, ...], ...] = (
    ("build", "--because", "the first that knows the three teams"),
    ("gate",),
    ("log",),
    ("verify",),
    ("card", "latest"),
    ("predict", "--release", "latest", "--input", "rows.csv", "--output", "answers.csv"),
    ("export", "latest", "device.zip", "--device"),
    ("drift", "rows.csv", "rows.csv"),
)
"""Each must end with 0."""


class RoundBrokenError(RuntimeError):
    """A command did not end as it should."""


@dataclass(frozen=True)
class Done:
    """A command that ended well."""

    arguments: tuple[str, ...]
    printed: str


def write_project(folder: Path) -> Path:
    """Messages of three kinds, which a few words give away, and their project file."""
    dice, lines = random.Random(1), ["message,intent"]
    for row in range(ROWS):
        label = tuple(_SUBJECTS)[row % len(_SUBJECTS)]
        words = [
            *dice.sample(_SUBJECTS[label], 2),
            *dice.sample(_FILL, 4),
            f"case{row}y{dice.randrange(10**6)}",
        ]
        dice.shuffle(words)
        lines.append(f"{' '.join(words)},{label}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "smallcraft.toml").write_text(_PROJECT, encoding="utf-8")
    return folder


def go_round(
    smallcraft: Sequence[str], folder: Path, *, environ: Mapping[str, str] = os.environ
) -> Iterator[Done]:
    """Run the commands one after the other, in a folder of its own.

    Args:
        smallcraft: The command, such as `["/env/bin/smallcraft"]`.
        folder: Made, with the project in it; keys stay in it too.
        environ: The environment of the commands.

    Raises:
        RoundBrokenError: One ended otherwise; the message has the end of what it said.
    """
    write_project(folder)
    own = {**environ, "SMALLCRAFT_CONFIG": str(folder / "keys")}
    for arguments in ROUND:
        done = subprocess.run(
            [*smallcraft, *arguments],
            cwd=folder,
            env=own,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_S,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-1500:]
            raise RoundBrokenError(f"smallcraft {' '.join(arguments)} ended with {done.returncode}: {said}")
        yield Done(arguments, done.stdout)
