"""What `smallcraft cost` ends with, in words and as JSON for scripts (schema in `docs/schemas`).

Always: of two bundles nothing is claimed where one of them seemed to differ from itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smallcraft.bundle.runtime import Bundle
from smallcraft.evaluate.costs.compare import LatencyComparison
from smallcraft.evaluate.costs.money import PriceSheet
from smallcraft.pipeline.result import overall_outcome, verdict_json
from smallcraft.records import Measurement, Outcome, Verdict


@dataclass(frozen=True)
class CostSubject:
    """A bundle whose cost is asked for.

    Attributes:
        name: The release, or the directory as it was named.
        bundle: Opened, every file checked.
        accuracy: What cert told of the release; None for a bare bundle.
    """

    name: str
    bundle: Bundle
    accuracy: Measurement | None = None


@dataclass(frozen=True)
class Costed:
    """What was measured.

    Attributes:
        subject: Whose cost.
        source: Where the rows came from.
        rows: How many there were.
        objective_ms: Of the Server scenario.
        sheet: The price; None where none is declared.
        measurements: Costs, the noise floor first; of a comparison the two ratios.
        against: What the subject was compared with; None for scenarios.
        comparison: With it.
        verdicts: Of the gate on the ratio; empty where none was asked for.
    """

    subject: CostSubject
    source: str
    rows: int
    objective_ms: float
    sheet: PriceSheet | None
    measurements: tuple[Measurement, ...]
    against: CostSubject | None = None
    comparison: LatencyComparison | None = None
    verdicts: tuple[Verdict, ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        """Of the gate; None where none was asked for."""
        return overall_outcome(self.verdicts) if self.verdicts else None

    @property
    def sentence(self) -> str:
        """The comparison in words; empty for scenarios."""
        if self.comparison is None or self.against is None:
            return ""
        return claim_words(self.comparison, self.subject.name, self.against.name)

    def as_json(self) -> Mapping[str, Any]:
        """The stable form."""
        return {
            "subject": _subject_json(self.subject),
            "against": None if self.against is None else _subject_json(self.against),
            "inputs": {"source": self.source, "rows": self.rows},
            "objective_ms": None if self.comparison else self.objective_ms,
            "price_sheet": None if self.sheet is None or self.comparison else _sheet_json(self.sheet),
            "measurements": [_cost_json(found) for found in self.measurements],
            "comparison": None
            if self.comparison is None
            else _comparison_json(self.comparison, self.sentence),
            "verdicts": [verdict_json(verdict) for verdict in self.verdicts],
            "outcome": None if self.outcome is None else self.outcome.value,
        }


def claim_words(comparison: LatencyComparison, name: str, against: str) -> str:
    """What may be said of two latencies, and what the machine's own unsteadiness was.

    Args:
        comparison: The numbers.
        name: Whose latency stands above the line.
        against: Whose below.
    """
    own = _ratio_words(comparison.aa_ratio, comparison.aa_interval.low, comparison.aa_interval.high)
    found = _ratio_words(comparison.ratio, comparison.interval.low, comparison.interval.high)
    if not comparison.is_steady:
        return (
            f"nothing is claimed: A/A unsteady, {name} over itself is {own}; {name} over {against} was "
            f"{found}; measure again on a quiet machine"
        )
    words = {
        "faster": f"{name} is faster than {against}",
        "slower": f"{name} is slower than {against}",
        "undecided": f"{name} and {against} are not shown to differ",
    }[comparison.claim]
    return f"{words}: {found}; A/A steady: {own}"


def _ratio_words(ratio: float, low: float, high: float) -> str:
    return f"{ratio:.3f} [{low:.3f}, {high:.3f}]"


def _subject_json(subject: CostSubject) -> Mapping[str, Any]:
    return {"name": subject.name, "digest": subject.bundle.digest, "bundle": str(subject.bundle.path)}


def _sheet_json(sheet: PriceSheet) -> Mapping[str, Any]:
    return {
        "id": sheet.id,
        "as_of": sheet.as_of.isoformat(),
        "per_cpu_hour": sheet.per_cpu_hour,
        "currency": sheet.currency,
    }


def _cost_json(found: Measurement) -> Mapping[str, Any]:
    return {
        "name": found.name,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "unit": found.unit,
        "n": found.n,
        "split": found.split,
        "method": found.method,
        "detail": found.detail,
    }


def _comparison_json(comparison: LatencyComparison, sentence: str) -> Mapping[str, Any]:
    return {
        "claim": comparison.claim,
        "sentence": sentence,
        "ratio": comparison.ratio,
        "low": comparison.interval.low,
        "high": comparison.interval.high,
        "level": comparison.level,
        "blocks": comparison.n,
        "is_steady": comparison.is_steady,
        "aa_ratio": comparison.aa_ratio,
        "aa_low": comparison.aa_interval.low,
        "aa_high": comparison.aa_interval.high,
    }
