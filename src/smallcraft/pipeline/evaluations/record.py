"""What an evaluation of some models on some rows found, and its stable JSON form.

Measuring belongs to `pipeline.evaluations.run`; the schema is `docs/schemas/evaluate.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from smallcraft.evaluate.harness.versus import Versus
from smallcraft.pipeline.result import overall_outcome, verdict_json
from smallcraft.records import AnyPredictions, Decision, Measurement, Outcome, Roles, Verdict


@dataclass(frozen=True)
class EvaluatedModel:
    """One model.

    Attributes:
        name: As the user named it, or the release that it is.
        kind: Name of its opener.
        labels_only: It gives no probabilities.
        unknown: Labels that it gave and the truth does not hold, to how often; all of them are wrong.
        notes: What a reader of its numbers should know.
        predictions: Its answers beside the truth.
        measurements: Scores, classes, slices, cost.
        verdicts: Of the gates; empty where there were none.
    """

    name: str
    kind: str
    labels_only: bool
    unknown: Mapping[str, int]
    notes: tuple[str, ...]
    predictions: AnyPredictions = field(repr=False)
    measurements: tuple[Measurement, ...]
    verdicts: tuple[Verdict, ...] = ()

    def find(self, name: str, slice: str = "all") -> Measurement | None:  # noqa: A002 - the word of `Measurement`
        """The measurement of that name and slice; None where it was not made."""
        return next((m for m in self.measurements if (m.name, m.slice) == (name, slice)), None)

    @property
    def scores(self) -> tuple[Measurement, ...]:
        """Those over all rows."""
        return tuple(found for found in self.measurements if found.slice == "all")

    @property
    def slices(self) -> tuple[Measurement, ...]:
        """Those of classes and groups."""
        return tuple(found for found in self.measurements if found.slice != "all")


@dataclass(frozen=True)
class Evaluation:
    """Some models on the same rows.

    Attributes:
        source: Where the rows came from.
        rows: How many.
        labels: That occur in the truth, sorted.
        roles: Which column plays which part.
        metric: What the models are compared by.
        confidence: Of every interval.
        models: In the order given.
        differences: Of each other model from the one they stand against.
        tie: Which are good enough, and the cheapest of them; None where that cannot be said.
        notes: What a reader should know.
    """

    source: str
    rows: int
    labels: tuple[str, ...]
    roles: Roles
    metric: str
    confidence: float
    models: tuple[EvaluatedModel, ...]
    differences: tuple[Versus, ...] = ()
    tie: Decision | None = None
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        """Of the gates of all models; None where there were none."""
        verdicts = tuple(verdict for model in self.models for verdict in model.verdicts)
        return overall_outcome(verdicts) if verdicts else None

    def as_json(self) -> Mapping[str, Any]:
        """The stable form."""
        return {
            "data": {
                "source": self.source,
                "rows": self.rows,
                "labels": list(self.labels),
                "label": self.roles.label,
                "text": self.roles.text,
                "features": list(self.roles.features),
                "groups": list(self.roles.groups),
                "key": self.roles.key,
            },
            "metric": self.metric,
            "confidence": self.confidence,
            "models": [model_json(model) for model in self.models],
            "differences": [asdict(claim) for claim in self.differences],
            "tie": None if self.tie is None else _tie_json(self.tie),
            "outcome": None if self.outcome is None else self.outcome.value,
            "notes": list(self.notes),
        }


def model_json(model: EvaluatedModel) -> Mapping[str, Any]:
    """One model: every measurement with its slice, every verdict."""
    return {
        "model": model.name,
        "kind": model.kind,
        "labels_only": model.labels_only,
        "unknown_labels": dict(model.unknown),
        "notes": list(model.notes),
        "measurements": [asdict(found) for found in model.measurements],
        "verdicts": [verdict_json(verdict) for verdict in model.verdicts],
    }


def _tie_json(tie: Decision) -> Mapping[str, Any]:
    return {
        "best": tie.best,
        "tied": list(tie.tied),
        "cheapest": tie.chosen,
        "margin": tie.margin,
        "sentence": tie.sentence,
        "others": dict(tie.lost),
    }
