"""What an audit gets and gives; the contract of this folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from smallcraft.records import Measurement, Predictions


@dataclass(frozen=True)
class AuditSubject:
    """One candidate on one split.

    Attributes:
        bundle: Its directory.
        rows: Input columns of the split, equally long.
        seed: For whatever is drawn.
        split: Name of the split.
        predictions: Its answers on those rows; None for an audit that needs no truth.
        groups: Declared group columns, a value for each row.
        confidence: Coverage of each interval.
    """

    bundle: Path
    rows: Mapping[str, Sequence[object]]
    seed: int
    split: str = "dev"
    predictions: Predictions | None = None
    groups: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    confidence: float = 0.95


class Audit(Protocol):
    """Asks what a candidate costs, and whom."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    def measure(self, subject: AuditSubject) -> tuple[Measurement, ...]:
        """Everything it found; what could not be measured has no value and says why."""
