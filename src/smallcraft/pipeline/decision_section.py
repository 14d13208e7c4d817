"""`[decision]` of the project file: an error budget or a coverage that answers shall keep.

Holds what may stand there; thresholds and limits are fitted to it by `models.decisions`, never by hand.
An error budget is a gate too: it passes where the training rows, judged out of fold, show that it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from smallcraft.bundle.decoders.hierarchical import tree_of
from smallcraft.errors import ConfigError
from smallcraft.evaluate.measuring.decided import ANSWERED_ERROR, FITTED_ON
from smallcraft.models.decisions import KINDS, DecisionPlan, Kind, SetScore
from smallcraft.pipeline.sections import Fraction, Section
from smallcraft.records import GateSpec, Task

# Which settings each kind reads; None for what is usual with the task.
_READS: Mapping[Kind | None, tuple[str, ...]] = {
    None: (),
    "argmax": (),
    "abstain": ("errors_at_most", "required"),
    "hierarchical": ("errors_at_most", "required", "separator", "parents"),
    "conformal": ("coverage", "score", "by_class"),
    "thresholds": (),
    "value": ("coverage",),
}
_BUDGETED = ("abstain", "hierarchical")
DECISION_GATE = "error_budget"


class DecisionSection(Section):
    """What is answered: always the most probable label, only where it is sure, a set, or a node of a tree."""

    kind: Kind | None = None
    errors_at_most: Fraction | None = None
    required: bool = True
    coverage: Fraction = 0.9
    score: SetScore = "lac"
    by_class: bool = False
    separator: Annotated[str, Field(min_length=1)] = "/"
    parents: Annotated[dict[str, str], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _settings_fit_the_kind(self) -> DecisionSection:
        for name in sorted(self.model_fields_set - {"kind", *_READS[self.kind]}):
            readers = [f'"{kind}"' for kind, names in _READS.items() if kind and name in names]
            said = "no kind" if self.kind is None else f'kind = "{self.kind}"'
            raise ConfigError(
                f"{name} is read by kind = {' or '.join(readers)}, and there is {said}; "
                "change the kind, or leave it out"
            )
        if self.kind in _BUDGETED and self.errors_at_most is None:
            raise ConfigError(
                f'kind = "{self.kind}" needs an error budget; add errors_at_most = 0.02 to allow 2% of the '
                "answers to be wrong"
            )
        if self.parents is not None and "separator" in self.model_fields_set:
            raise ConfigError("separator and parents both say how labels make a tree; keep one of them")
        tree_of(tuple(self.parents or ()), self.separator, tuple(sorted((self.parents or {}).items())))
        return self

    def require_fit(self, task: Task) -> None:
        """Refuse a kind of another task, before anything is trained.

        Raises:
            ConfigError: The message lists the kinds of this one.
        """
        if self.kind is not None and self.kind not in KINDS[task]:
            raise ConfigError(
                f"[decision] kind = '{self.kind}' is none for the task of [data], {task}; "
                f"write one of {', '.join(KINDS[task])}, or leave it out"
            )

    def gates(self) -> tuple[GateSpec, ...]:
        """That the error budget is shown to be kept, where there is one; the project sets the confidence."""
        if self.errors_at_most is None:
            return ()
        return (
            GateSpec(
                DECISION_GATE,
                "at_most",
                ANSWERED_ERROR,
                FITTED_ON,
                self.errors_at_most,
                required=self.required,
            ),
        )

    def plan(self, *, confidence: float) -> DecisionPlan:
        """The same for `models.decisions`.

        Args:
            confidence: One-sided, of the error budget being kept.
        """
        return DecisionPlan(
            kind=self.kind,
            errors_at_most=self.errors_at_most,
            coverage=self.coverage,
            confidence=confidence,
            score=self.score,
            by_class=self.by_class,
            separator=self.separator,
            parents=tuple(sorted((self.parents or {}).items())),
        )
