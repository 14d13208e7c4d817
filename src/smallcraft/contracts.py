"""One Protocol a plug-in folder: what an implementation must offer to stand in that folder's table.

Attributes are read-only properties, so frozen dataclasses fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.records import CheckResult, GateSpec, Measurement, Predictions, Roles, Task, Verdict

Need = Literal["text", "features", "backbone", "train"]
Takes = Literal["limit", "parts", "nothing"]
Workshop = TypeVar("Workshop", contravariant=True)
Stage = TypeVar("Stage", covariant=True)


class Check(Protocol):
    """Inspects data (`data/checks`); never changes it."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    def inspect(self, splits: Mapping[str, pl.DataFrame], roles: Roles) -> CheckResult:
        """Look at every split; rows in findings are 0-based positions in their split."""


class Score(Protocol):
    """Measures the quality of predictions (`evaluate/scores`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table and the name of its measurement."""

    @property
    def higher_is_better(self) -> bool:
        """Direction."""

    def measure(self, predictions: Predictions, *, confidence: float, seed: int) -> Measurement:
        """Point and interval over all rows; `value` is None where the score does not apply."""


class Rule(Protocol):
    """Turns measurements into verdicts (`gates/rules`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    @property
    def measurement(self) -> str:
        """What it judges where the gate names nothing; empty where the gate must."""

    @property
    def takes(self) -> Takes:
        """What a gate must declare for it."""

    def judge(
        self, gate: GateSpec, measurements: Sequence[Measurement], parts: Sequence[Verdict] = ()
    ) -> tuple[Verdict, ...]:
        """PASS, FAIL, or UNDECIDED with what would settle it, for each measurement that the gate matches.

        At least one verdict; a missing measurement never passes. `parts` are what the gate's parts said.
        """


class Rung(Protocol[Workshop, Stage]):
    """One kind of candidate on the ladder (`models/rungs`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    @property
    def needs(self) -> frozenset[Need]:
        """What it cannot be built without."""

    @property
    def tasks(self) -> frozenset[Task]:
        """What it can learn."""

    @property
    def is_raced(self) -> bool:
        """Whether it trains for a fold at a time (`workshop.most_folds`), so that it may be stopped early."""

    @property
    def no_cheaper_than(self) -> str | None:
        """The rung whose cost of answering it has at least; None where that is not known beforehand."""

    @property
    def rounds(self) -> bool:
        """Whether its files are rounded to INT8, so that there is an exact form to compare with."""

    def estimate_cpu_s(self, workshop: Workshop) -> float | None:
        """CPU-seconds that training will take, before anything is trained; None where it is seconds."""

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """The candidate's stages, trained on every row of the workshop; one, or more for a cascade."""

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """For each stage `(n, k)` logits of every row, from a model that did not see the row's fold.

        Rows of folds that a dear rung did not train for are NaN.
        """
