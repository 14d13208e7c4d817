"""What a system did under a fault: one word, which follows from what was seen, and the evidence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["noticed", "refused", "held", "noticed elsewhere", "silent", "n/a", "not run"]

WORDS: Mapping[str, str] = {
    "noticed": "a normal command said that something is wrong",
    "refused": "what was tried was not done, with a message",
    "held": "the fault happened and did no harm: what is there is whole, what is missing was reported",
    "noticed elsewhere": "the store says nothing; a copy that was made before the fault does",
    "silent": "normal commands went on as if nothing had happened",
    "n/a": "the system has no such thing",
    "not run": "not tried, or not told, for the reason given",
}

_MOST_LETTERS = 140
_DIGEST = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{24,56}\b")
_PATH = re.compile(r"(?<![\w/.])/(?:[\w.@+-]+/)+([\w.@+-]+)")
_CONTROL = re.compile("\x1b\\[[0-9;]*m")


@dataclass(frozen=True)
class Outcome:
    """One cell of the table.

    Attributes:
        kind: One of `WORDS`.
        evidence: What was seen, in a few words.
    """

    kind: Kind
    evidence: str


class CannotTryError(RuntimeError):
    """This machine cannot make the fault; the message says why."""


Trial = Callable[[Path], Outcome]
"""Makes a fault in a folder of its own and says what was seen."""


@dataclass(frozen=True)
class System:
    """One column of the table.

    Attributes:
        name: As it is called.
        versions: Package to version.
        setting: How it was set up, in a sentence.
        trials: Fault to what tries it; every fault of the catalogue has one.
    """

    name: str
    versions: Mapping[str, str]
    setting: str
    trials: Mapping[str, Trial]


def not_applicable(reason: str) -> Trial:
    """The trial of a system that has no such thing."""
    return lambda _: Outcome("n/a", reason)


def left_out(reason: str) -> Trial:
    """A trial that is not made here."""
    return lambda _: Outcome("not run", reason)


def cell_text(text: str) -> str:
    """What was said, in the length of a cell: one line, digests and temporary paths cut.

    >>> cell_text("a:\\n  /tmp/x/store/log/checkpoint has " + "ab" * 32)
    'a: .../checkpoint has abababab...'
    """
    line = " ".join(_CONTROL.sub("", text).split())
    line = _PATH.sub(r".../\1", _DIGEST.sub(r"\1...", line))
    return line if len(line) <= _MOST_LETTERS else line[:_MOST_LETTERS].rsplit(" ", 1)[0] + " ..."


def attempt(trial: Trial, folder: Path) -> Outcome:
    """Run a trial; a fault that this machine cannot make is told and has no outcome."""
    folder.mkdir(parents=True)
    try:
        return trial(folder)
    except CannotTryError as reason:
        return Outcome("not run", str(reason))
