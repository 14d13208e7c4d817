"""What an audit gets and gives; the contract of this folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import InputSpec
from smallcraft.records import AuditResult, Predictions

Columns = Mapping[str, Sequence[object]]
"""Input columns by name, equally long."""

Answer = Callable[[Columns], NDArray[np.float64]]
"""From input columns to `(n, k)` probabilities, in the order of the classes."""


class Twin(Protocol):
    """Trains the candidate's recipe again on other rows than it was trained on."""

    @property
    def rows(self) -> Columns:
        """Input columns of the `n` train rows."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """`(n,)` codes of the train rows' labels."""

    def train_with(self, extra: Columns, labels: NDArray[np.int64]) -> Answer:
        """A model of the same recipe, trained on the train rows and these."""

    def train_on_labels(self, labels: NDArray[np.int64]) -> Answer:
        """A model of the same recipe, trained on the train rows with these labels `(n,)`."""


NO_TWIN = (
    "no twin of the recipe was given; a project's build trains one, that of a rung which takes minutes only "
    "where [audits] run names this audit"
)


@dataclass(frozen=True)
class AuditSubject:
    """One candidate on one split, and what an audit may need besides.

    An audit that needs what is None here gives a measurement without a value that says what would bring it.

    Attributes:
        rows: Input columns of the split, equally long.
        seed: For whatever is drawn.
        bundle: Its directory; None for a model that is no bundle.
        spec: Which columns are text, numbers, categories.
        split: Name of the split.
        answer: Answers any rows of those columns.
        predictions: Its answers on `rows` beside the truth.
        groups: Declared group columns, a value for each row.
        positive: The class that an outcome is good or bad for; None takes the second of two.
        confidence: Coverage of each interval.
        most_rows: An audit that asks the model many times asks about this many rows, drawn by the seed.
        out_of_scope: Input columns of rows that belong to none of the classes.
        twin: Trains the recipe again.
        metadata: Columns that no model reads (row number, text length, time), `(n,)` numbers each.
        teacher: `(n,)` int64 codes of what a large model said; -1 where it was not asked.
        exact: Writes the bundle's exact form, in which nothing is rounded, and gives its directory; None
            where the bundle rounds nothing.
    """

    rows: Columns
    seed: int
    bundle: Path | None = None
    spec: InputSpec = field(default_factory=InputSpec)
    split: str = "dev"
    answer: Answer | None = None
    predictions: Predictions | None = None
    groups: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    positive: str | None = None
    confidence: float = 0.95
    most_rows: int = 1000
    out_of_scope: Columns | None = None
    twin: Twin | None = None
    metadata: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    teacher: NDArray[np.int64] | None = None
    exact: Callable[[], Path] | None = None


class Audit(Protocol):
    """Asks what a candidate costs, and whom."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    def measure(self, subject: AuditSubject) -> AuditResult:
        """Everything it found; what could not be measured has no value and says why."""
