"""`[rollout]` of the project file: how traffic moves to a new release, and the plan that follows from it.

Leaves to others: what the plan's settings do (`serve.rollout.plan`).
Always: what is not said here has the plan's own default; the number of requests that a share must have seen
grows with the share; a section that was read makes a plan that can be carried out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from smallcraft.errors import ConfigError
from smallcraft.pipeline.sections import Fraction, Section
from smallcraft.serve.rollout.plan import RolloutPlan

_DEFAULT = RolloutPlan()
# 300 requests at a share of 5 %, 3,000 at 50 %.
_REQUESTS_OF_ALL = 6000
_FEWEST_REQUESTS = 300

# What must be shown, and the margin that it has to be wider than: a release just within the margin could
# never be promoted otherwise.
_WIDER = {
    "non_inferior_errors": ("error_margin", "it is a multiple, such as 2.0 for twice as many errors"),
    "non_inferior_latency": ("latency_margin", "it is a share, such as 0.5 for half as long again"),
    "non_inferior_drift": ("drift_margin", "it is a multiple, such as 2.0 for twice as often"),
}


def _within(low: float, high: float, remedy: str) -> Callable[[float, ValidationInfo], float]:
    """A check for a number from `low` to `high`; the remedy is told whoever writes another one."""

    def check(value: float, info: ValidationInfo) -> float:
        if low <= value <= high:
            return value
        raise ConfigError(f"{info.field_name} must be from {low:g} to {high:g}, got {value:g}; {remedy}")

    return check


NotNegative = Annotated[float, Field(ge=0)]
Times = Annotated[float, Field(ge=1)]
Requests = Annotated[int, Field(ge=1)]
Share = Annotated[
    float,
    AfterValidator(_within(0, 1, "write 0.05 for 5%")),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}),
]
Floor = Annotated[
    float,
    AfterValidator(_within(0, 1, "it is in seconds, write 0.005 for 5 ms")),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}),
]
# Confidence is counted in twentieths: a narrower margin is none, a wider one sees nothing.
Confidence = Annotated[
    float,
    AfterValidator(_within(0.05, 0.5, "0.1 lets a mean of 0.85 become 0.75")),
    WithJsonSchema({"type": "number", "minimum": 0.05, "maximum": 0.5}),
]


class RolloutSection(Section):
    """How traffic moves to a new release."""

    start: Fraction | None = None
    stages: Annotated[tuple[Fraction, ...], Field(min_length=1)] = _DEFAULT.stages
    wrong_rollback: Fraction = _DEFAULT.wrong_rollback
    hold_back: Fraction = _DEFAULT.hold_back
    dwell_s: NotNegative = _DEFAULT.dwell_s
    shadow_requests: Requests = _DEFAULT.shadow_requests
    baseline_requests: Requests = _DEFAULT.baseline_requests
    watch_requests: Requests = _DEFAULT.watch_requests
    error_margin: Times = _DEFAULT.error_margin
    non_inferior_errors: Times = _DEFAULT.non_inferior_errors
    tolerated_errors: Fraction = _DEFAULT.tolerated_errors
    latency_margin: NotNegative = _DEFAULT.latency_margin
    non_inferior_latency: NotNegative = _DEFAULT.non_inferior_latency
    latency_floor_s: Floor = _DEFAULT.latency_floor_s
    drift_margin: Times = _DEFAULT.drift_margin
    non_inferior_drift: Times = _DEFAULT.non_inferior_drift
    confidence_margin: Confidence = _DEFAULT.confidence_margin
    disagreement: Share | None = None
    escalation: Share | None = None

    @model_validator(mode="after")
    def _stages_rise(self) -> RolloutSection:
        rises = all(early < late for early, late in itertools.pairwise(self.stages))
        if not rises or self.shares[0] > self.stages[0]:
            shares = self.stages if self.start is None else (self.start, *self.stages)
            raise ConfigError(
                f"start and stages must rise, got {', '.join(f'{share:g}' for share in shares)}; "
                "write stages such as [0.05, 0.10, 0.25, 0.50], and a start of no more than the first"
            )
        if self.stages[-1] >= 1 - self.hold_back:
            raise ConfigError(
                f"the last stage must be below 1 - hold_back = {1 - self.hold_back:g}, got "
                f"{self.stages[-1]:g}; the share that is watched follows it"
            )
        return self

    @model_validator(mode="after")
    def _shown_is_wider_than_allowed(self) -> RolloutSection:
        for name, (margin, remedy) in _WIDER.items():
            shown, allowed = getattr(self, name), getattr(self, margin)
            if shown <= allowed:
                raise ConfigError(f"{name} must be above {margin} = {allowed:g}, got {shown:g}; {remedy}")
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """Of traffic, one after the other."""
        first = self.stages[0] if self.start is None else self.start
        return tuple(dict.fromkeys((first, *self.stages)))

    def plan(self) -> RolloutPlan:
        """The declared settings of a rollout."""
        as_they_are = set(RolloutSection.model_fields) - {"start", "stages"}
        return replace(
            _DEFAULT,
            stages=self.shares,
            mature_requests=tuple(
                max(_FEWEST_REQUESTS, round(_REQUESTS_OF_ALL * share)) for share in self.shares
            ),
            # Evidence that holds a rollout is never more than what ends it.
            advance_below=min(_DEFAULT.advance_below, 1 / self.wrong_rollback),
            **{name: getattr(self, name) for name in as_they_are},
        )
