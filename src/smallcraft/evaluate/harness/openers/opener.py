"""What an opener must offer: to know its targets by their looks, and to open one as a model that answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.runtime import TASK_OF_LINK
from smallcraft.evaluate.harness.answers import Answers, Questions
from smallcraft.records import Task

CostKind = Literal["cpu", "wall", "none"]


@dataclass(frozen=True)
class OpenOptions:
    """What a user says beside the target.

    Attributes:
        folder: Where modules are looked for.
        trusted: Types that may be made while a file is opened.
        classes: Labels of the columns of probabilities, where the model does not say; empty for none.
        timeout: Seconds that a server may take for one answer.
        id_column: Column that names a row, in the data and in a file of predictions; None to find one.
    """

    folder: Path = Path()
    trusted: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    timeout: float = 30.0
    id_column: str | None = None


@dataclass(frozen=True)
class OpenedModel:
    """A model that answers.

    Attributes:
        target: As the user named it.
        kind: Name of its opener.
        answer: Answers some rows, in their order.
        reads: Columns that it asks for by name; empty where it takes what it is given.
        cost: What can be measured of its work: CPU time of this process, time on the clock, or nothing.
        whole: It must see all rows at once.
        notes: What a reader of its numbers should know.
        decoder: Of a bundle: what is decided by its probabilities; None for a model of another make.
    """

    target: str
    kind: str
    answer: Callable[[Questions], Answers]
    reads: tuple[str, ...] = ()
    cost: CostKind = "cpu"
    whole: bool = False
    notes: tuple[str, ...] = ()
    decoder: Decoder | None = None

    @property
    def task(self) -> Task:
        """What it answers with; a model of another make names one class a row."""
        return "multiclass" if self.decoder is None else TASK_OF_LINK[self.decoder.link]


class Opener(Protocol):
    """Opens one kind of target (`evaluate/harness/openers`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    @property
    def example(self) -> str:
        """What its targets look like, for messages."""

    def fits(self, target: str) -> bool:
        """Whether a target is of this kind, by its looks and by what lies there; opens nothing."""

    def open(self, target: str, options: OpenOptions) -> OpenedModel:
        """Open it; refuses what it cannot use before any row is asked."""
