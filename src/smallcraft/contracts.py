"""One Protocol a plug-in folder: what an implementation must offer to stand in that folder's table.

Attributes are read-only properties, so frozen dataclasses fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.records import CheckResult, Measurement, Predictions, Roles, Verdict

Need = Literal["text", "features", "backbone"]
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
    """Turns one measurement into a verdict (`gates/rules`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    def judge(self, gate: str, measurement: Measurement | None, *, limit: float, required: bool) -> Verdict:
        """PASS, FAIL, or UNDECIDED with what would settle it; a missing measurement never passes."""


class Rung(Protocol[Workshop, Stage]):
    """One kind of candidate on the ladder (`models/rungs`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    @property
    def needs(self) -> frozenset[Need]:
        """What it cannot be built without."""

    def stages(self, workshop: Workshop) -> tuple[Stage, ...]:
        """The candidate's stages, trained on every row of the workshop; one, or two for a cascade."""

    def out_of_fold(self, workshop: Workshop) -> tuple[NDArray[np.float64], ...]:
        """For each stage `(n, k)` logits of every row, from a model that did not see the row's fold."""
