"""The sections of the project file, each a frozen value with the rules that hold inside it.

Holds types, ranges and what excludes what; the file as a whole belongs to `pipeline.config`.
Always: an unknown key is an error; a share is a fraction, never a percentage; a limit is positive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from smallcraft.errors import ConfigError, nearest_name
from smallcraft.evaluate.audits import BUILTIN as AUDITS
from smallcraft.evaluate.by_task import BY_TASK
from smallcraft.evaluate.choice.paired import DECIDING_BY_TASK, require_deciding
from smallcraft.evaluate.scores import BUILTIN as SCORES
from smallcraft.gates.policy import custom_specs
from smallcraft.plugins import find_plugin


def _checked_fraction(value: float, info: ValidationInfo) -> float:
    if 0 < value < 1:
        return value
    remedy = f"; write {value / 100:g} for {value:g}%" if 1 < value < 100 else ""
    raise ConfigError(f"{info.field_name} must be a fraction in (0, 1), got {value:g}{remedy}")


def _checked_confidence(value: float) -> float:
    # A one-sided bound at a half or less is no evidence; the choice would refuse it after training.
    if value <= 0.5:
        raise ConfigError(f"confidence must be above 0.5, got {value:g}; 0.95 is usual")
    return value


Fraction = Annotated[
    float,
    AfterValidator(_checked_fraction),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
]
Confidence = Annotated[
    float,
    AfterValidator(_checked_fraction),
    AfterValidator(_checked_confidence),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": 1}),
]
Positive = Annotated[float, Field(gt=0)]
Column = Annotated[str, Field(min_length=1)]
GapName = Literal[
    "accuracy_gap",
    "selection_rate_gap",
    "tpr_gap",
    "fpr_gap",
    "ppv_gap",
    "base_rate_gap",
    "calibration_gap_gap",
]


class Section(BaseModel):
    """What all sections share: frozen, exact types, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class BudgetSection(Section):
    """Upper limits; each one given becomes a gate."""

    latency_p95_ms: Positive | None = None
    size_mb: Positive | None = None
    peak_rss_mb: Positive | None = None
    cpu_s_per_1000: Positive | None = None
    train_cpu_s: Positive | None = None


class PlanSection(Section):
    """Cert says PASS or not, to so many candidates, and no score."""

    questions: Annotated[int, Field(ge=1)]
    passes: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _passes_are_questions(self) -> PlanSection:
        if self.passes > self.questions:
            raise ConfigError(
                f"passes = {self.passes} are more than questions = {self.questions}; 1 pass is usual: "
                "the series ends with it"
            )
        return self


class QualitySection(Section):
    """The metric and what counts as good enough, declared before anything is looked at."""

    metric: str = "macro_f1"
    floor: Positive | None = None
    margin: Fraction = 0.01
    confidence: Confidence = 0.95
    cert_bits: Positive | None = None
    preregistration: Annotated[int, Field(ge=1)] = 1
    plan: PlanSection | None = None

    @model_validator(mode="after")
    def _plan_has_a_bar(self) -> QualitySection:
        if self.plan is not None and self.floor is None:
            raise ConfigError("plan asks whether the floor is met, and there is none; add floor = 0.90")
        return self

    @field_validator("metric")
    @classmethod
    def _metric_exists(cls, metric: str) -> str:
        if not any(metric in known for known in DECIDING_BY_TASK.values()):
            find_plugin("scores", metric, SCORES)
            require_deciding(metric)
        return metric

    @field_validator("floor")
    @classmethod
    def _floor_is_in_range(cls, floor: float | None, info: ValidationInfo) -> float | None:
        is_unbounded = info.data.get("metric") in BY_TASK["regression"].unbounded
        return floor if floor is None or is_unbounded else _checked_fraction(floor, info)


class LadderSection(Section):
    """Which rungs to climb; None means every one whose needs are installed."""

    rungs: Annotated[tuple[Column, ...], Field(min_length=1)] | None = None
    backbone: Annotated[str, Field(min_length=1)] = "auto"
    refit: bool = True
    race: bool = True
    teacher: Column | None = None
    sample: Annotated[int, Field(ge=2)] | None = None
    augment: Annotated[int, Field(ge=0, le=10)] = 0

    @field_validator("rungs")
    @classmethod
    def _each_rung_once(cls, rungs: tuple[str, ...] | None) -> tuple[str, ...] | None:
        twice = sorted({rung for rung in rungs or () if (rungs or ()).count(rung) > 1})
        if twice:
            raise ConfigError(f"rungs names {', '.join(twice)} more than once; keep one of each")
        return rungs


class AuditsSection(Section):
    """Which audits the winner goes through, and how thoroughly; a declared gate adds the audit it judges."""

    run: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    rows: Annotated[int, Field(ge=30)] = 300

    @field_validator("run")
    @classmethod
    def _audits_exist(cls, run: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in run or ():
            find_plugin("audits", name, AUDITS)
        return run


class GateSection(Section):
    """What every gate has: whether UNDECIDED blocks too."""

    required: bool = False


class FairnessGateSection(GateSection):
    """No group's gap to the rest is larger than the tolerance; `measure` says which gaps."""

    tolerance: Fraction = 0.05
    measure: Annotated[tuple[GapName, ...], Field(min_length=1)] | None = None


class RobustnessGateSection(GateSection):
    """Of the rows that were right, no perturbation of the severity turns more than the tolerance wrong."""

    tolerance: Fraction = 0.10
    severity: Annotated[int, Field(ge=1, le=3)] = 1


class PrivacyGateSection(GateSection):
    """A canary audit finds no evidence of a larger epsilon; its size follows from the tolerance."""

    tolerance: Positive = 3.0
    canaries: Annotated[tuple[Literal["natural", "worst"], ...], Field(min_length=1)] = ("natural", "worst")


class CompressionGateSection(GateSection):
    """What ships as INT8 answers as its exact form does; joins by itself where something was rounded.

    Without `margin` that of [quality] holds.
    """

    agreement: Fraction = 0.98
    margin: Fraction | None = None
    cosine: Fraction = 0.99
    near_rows: Fraction = 0.98


class DataGateSection(GateSection):
    """The gate on the data: this share of the sealed rows may be invalid, leaked or wrongly labelled."""

    tolerance: Fraction = 0.05


class CardGateSection(GateSection):
    """The card has every section that only a person can fill."""


class DeclaredGateSection(GateSection):
    """A gate of the user's own: a rule over any measurement, slice by slice."""

    rule: Annotated[str, Field(min_length=1)]
    measurement: Annotated[str, Field(min_length=1)] | None = None
    limit: float | None = None
    split: Literal["dev", "cert", "none"] = "dev"
    slice: Annotated[str, Field(min_length=1)] = "all"
    confidence: Confidence | None = None
    parts: dict[str, DeclaredGateSection] | None = None

    def as_written(self) -> Mapping[str, Any]:
        """The keys that were said, as `gates.custom` reads them; a cost belongs to no split."""
        said = self.model_dump(exclude={"parts", "split"}, exclude_none=True)
        if self.split != "none" and self.parts is None:
            said["split"] = self.split
        if self.parts is not None:
            said["parts"] = {name: part.as_written() for name, part in self.parts.items()}
        return said


class GatesSection(Section):
    """The gates beside quality and budget; a section that stands there is declared, even empty.

    Any other name is a gate of the user's own and says which rule it follows.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, DeclaredGateSection] = Field(init=False)
    extra_model: ClassVar[type[Section]] = DeclaredGateSection

    fairness: FairnessGateSection | None = None
    robustness: RobustnessGateSection | None = None
    privacy: PrivacyGateSection | None = None
    compression: CompressionGateSection = CompressionGateSection()
    data: DataGateSection | None = None
    card: CardGateSection | None = None

    @model_validator(mode="before")
    @classmethod
    def _own_gates_name_their_rule(cls, raw: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
        if isinstance(raw, Mapping):
            for name, gate in raw.items():
                if name not in cls.model_fields and not (isinstance(gate, Mapping) and "rule" in gate):
                    known = ", ".join(cls.model_fields)
                    raise ConfigError(
                        f"knows {known}, got '{name}'{nearest_name(name, cls.model_fields)}; "
                        'a gate of your own needs rule = "at_least", measurement and limit'
                    )
        return raw

    @model_validator(mode="after")
    def _own_gates_can_be_judged(self) -> GatesSection:
        custom_specs({name: gate.as_written() for name, gate in self.declared.items()})
        return self

    @property
    def declared(self) -> Mapping[str, DeclaredGateSection]:
        """The gates of the user's own, in the order of the file."""
        return self.__pydantic_extra__ or {}
