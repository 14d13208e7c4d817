"""What the counts of a rollout say against the new release and for it, as e-values, to be looked at any time.

An e-value against a release is at most 1 on average while it is no worse than the plan allows, whenever one
stops; 20 of them happen by chance at most once in 20. One for non-inferiority likewise, while it is worse.
Leaves to others: what to do about it (`serve.rollout.phases`), the tests themselves (`stats.sequences`).
Always: a function of counts, plan and baseline alone, so whoever has these gets the same numbers.
Not covered: effects of one arm on the other, such as a shared queue that the new release fills.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout import guardrails as rules
from smallcraft.serve.rollout.counts import CONFIDENCE_BINS, LATENCY_BINS, ArmCounts
from smallcraft.serve.rollout.guardrails import Part
from smallcraft.serve.rollout.linear import PartTable, tabulate
from smallcraft.serve.rollout.ordered import confidence_part, latency_part
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.stats.sequences.mixtures import log_mean, log_mean_over_starts
from smallcraft.stats.sequences.splits import split_log_ratios

Floats = NDArray[np.float64]
StepKind = Literal["shadow", "canary", "watch"]
GUARDRAILS = ("errors", "latency", "drift", "router_health")
PARTS: Mapping[str, tuple[str, ...]] = {
    "errors": ("errors",),
    "latency": ("latency",),
    "drift": ("disagreement", "classes", "confidence"),
    "router_health": ("escalation",),
}
# How much a change that is there from the first stage on is believed; the rest is for one at any later stage.
_FROM_THE_FIRST = 0.4
# Of the law of wrong shares around the planned one, in subjects.
_CONCENTRATION = 100.0


@dataclass(frozen=True)
class Step:
    """One weight while it held.

    Attributes:
        weight: Share of traffic for the new release; 0 in SHADOW.
        kind: The phase.
        counts: Of requests without a key; see `serve.rollout.counts`.
        keyed: Of requests with one; None for none.
    """

    weight: float
    kind: StepKind
    counts: ArmCounts
    keyed: ArmCounts | None = None


@dataclass(frozen=True)
class Baseline:
    """What was known before the first request of the new release counted, and is frozen for the rollout.

    Attributes:
        latency: `(LATENCY_BINS,)` int64, answers of the stable release.
        classes: `(k + 1,)` int64, of the stable release; None for a model without classes.
        confidence: `(CONFIDENCE_BINS,)` int64, of the stable release; None for a model without one.
        disagreement: Share of rows on which both releases may disagree; None when nobody declared one.
        escalation: Share of rows that the new release declared to escalate; None for one without stages.
        stable_escalation: The same of the stable one.
    """

    latency: NDArray[np.int64]
    classes: NDArray[np.int64] | None = None
    confidence: NDArray[np.int64] | None = None
    disagreement: float | None = None
    escalation: float | None = None
    stable_escalation: float | None = None


@dataclass(frozen=True)
class Weighed:
    """What one test says; arrays have the leading axes of the counts.

    Attributes:
        against: `(...,)` float64, natural logarithm of the e-value against the new release.
        non_inferior: `(...,)` float64, natural logarithm of the e-value for its being within the plan's wider
            margin.
        observed: `(..., 2)` int64, how many subjects of each arm it rests on.
    """

    against: Floats
    non_inferior: Floats
    observed: NDArray[np.int64]


@dataclass(frozen=True)
class RolloutEvidence:
    """What all tests say; a test that this rollout cannot have is None.

    Attributes:
        guardrails: By name (`GUARDRAILS`), each with a share of the combination.
        parts: By name (`errors`, `latency`, `disagreement`, `classes`, `confidence`, `escalation`), what
            guardrails consist of.
        combined: `(...,)` float64, natural logarithm of the weighted sum of the guardrails' e-values; roll
            back at `log(1 / wrong_rollback)`.
        mismatch: `(...,)` float64, natural logarithm of the e-value against the arms having got the shares
            of subjects that they should; freeze at `log(1 / mismatch)`.
    """

    guardrails: Mapping[str, Weighed | None]
    parts: Mapping[str, Weighed | None]
    combined: Floats
    mismatch: Floats


@dataclass(frozen=True)
class StepRatios:
    """What one step says by itself, before averaging over guesses; by name of the part.

    Attributes:
        ratios: `(..., k)` float64 logarithms, the guesses of all questions of a part side by side.
        observed: `(..., 2)` int64.
        mismatch: `(...,)` float64 logarithms.
    """

    ratios: Mapping[str, Floats]
    observed: Mapping[str, NDArray[np.int64]]
    mismatch: Floats


def weigh(steps: Sequence[Step], plan: RolloutPlan, baseline: Baseline) -> RolloutEvidence:
    """What the counts of all steps of a rollout say.

    Args:
        steps: In the order in which they were, the present one last; at least one.
        plan: The declared settings.
        baseline: Frozen before the first step that is not SHADOW.
    """
    return _recall_weigher(plan, baseline).weigh(steps)


class Weigher:
    """The tests of one plan and baseline, for those who weigh often and keep what finished steps said."""

    def __init__(self, plan: RolloutPlan, baseline: Baseline) -> None:
        """Make all guesses.

        Args:
            plan: The declared settings.
            baseline: Frozen before the first step that is not SHADOW.

        Raises:
            InvalidInputError: The baseline has other bins than counts have.
        """
        _require_bins(baseline)
        self._plan = plan
        self._parts = _list_parts(plan, baseline)
        self._tables: dict[tuple[str, float, int], PartTable] = {}

    def weigh(self, steps: Sequence[Step]) -> RolloutEvidence:
        """As the function `weigh`."""
        plans = [(step.kind, step.weight) for step in steps]
        settled = [max((weight for _, weight in plans[:number]), default=0.0) for number in range(len(plans))]
        ratios = [self.look(step, settled=below) for step, below in zip(steps, settled, strict=True)]
        return self.join(plans, ratios)

    def look(self, step: Step, *, settled: float) -> StepRatios:
        """What one step says by itself.

        Args:
            step: Its counts.
            settled: Largest weight of all earlier steps.
        """
        cells = list(_cells(step, settled))
        leading = step.counts.subjects.shape[:-1]
        ratios, observed = {}, {}
        for name, part in self._parts.items():
            asked = _pairs(step) if part.is_paired else cells
            guesses = sum(len(question.weights) for question in part.questions)
            ratios[name] = _total(
                [self._table(name, share, counts).look(counts) for counts, share in asked], leading, guesses
            )
            observed[name] = _total([part.observed(counts) for counts, _ in asked], leading, 2).astype(
                np.int64
            )
        mismatch = [
            split_log_ratios(counts.subjects, share, concentration=_CONCENTRATION) for counts, share in cells
        ]
        return StepRatios(
            ratios, observed, _total([split[..., None] for split in mismatch], leading, 1)[..., 0]
        )

    def join(self, steps: Sequence[tuple[StepKind, float]], ratios: Sequence[StepRatios]) -> RolloutEvidence:
        """What all steps say together.

        Args:
            steps: Kind and weight of each.
            ratios: What each said, of the same leading axes.
        """
        starts = start_weights(steps, stages=len(self._plan.stages))
        at_once = [1.0] + [0.0] * (len(steps) - 1)
        parts: dict[str, Weighed | None] = dict.fromkeys(name for names in PARTS.values() for name in names)
        for name, part in self._parts.items():
            parts[name] = _weigh_part(
                part,
                [step.ratios[name] for step in ratios],
                at_once if part.is_paired else starts,
                observed=np.sum([step.observed[name] for step in ratios], axis=0),
            )
        guardrails = {name: _join_parts([parts[part] for part in PARTS[name]]) for name in GUARDRAILS}
        return RolloutEvidence(
            guardrails=guardrails,
            parts=parts,
            combined=_combine(guardrails, self._plan),
            mismatch=np.sum([step.mismatch for step in ratios], axis=0),
        )

    def _table(self, name: str, share: float, counts: ArmCounts) -> PartTable:
        classes = counts.classes.shape[-1] - 1
        key = (name, share, classes)
        if key not in self._tables:
            self._tables[key] = tabulate(self._parts[name], share, classes=classes)
        return self._tables[key]


def start_weights(steps: Sequence[tuple[StepKind, float]], *, stages: int) -> list[float]:
    """How much a change that begins with each step is believed.

    Args:
        steps: Kind and weight of each so far.
        stages: How many weights the plan has before WATCH.

    Returns:
        One weight a step; above 0 for the first step of each stage.

    >>> steps = [("shadow", 0.0), ("canary", 0.05), ("canary", 0.05), ("canary", 0.1)]
    >>> [round(weight, 6) for weight in start_weights(steps, stages=4)]
    [0.0, 0.4, 0.0, 0.2]
    """
    first = 1.0 if stages == 1 else _FROM_THE_FIRST
    planned = [first, *([(1.0 - first) / (stages - 1)] * (stages - 1) if stages > 1 else [])]
    weights: list[float] = []
    highest = 0.0
    for kind, weight in steps:
        is_new = kind == "canary" and weight > highest and bool(planned)
        weights.append(planned.pop(0) if is_new else 0.0)
        highest = max(highest, weight)
    return weights


def _list_parts(plan: RolloutPlan, baseline: Baseline) -> dict[str, Part]:
    """What this plan and this baseline can ask."""
    parts = {"errors": rules.errors_part(plan), "latency": latency_part(plan, baseline.latency)}
    allowed = baseline.disagreement if plan.disagreement is None else plan.disagreement
    if allowed is not None:
        parts["disagreement"] = rules.disagreement_part(plan, allowed)
    if baseline.classes is not None:
        parts["classes"] = rules.classes_part(plan, baseline.classes)
    if baseline.confidence is not None:
        parts["confidence"] = confidence_part(plan, baseline.confidence)
    declared = baseline.escalation if plan.escalation is None else plan.escalation
    if declared is not None:
        parts["escalation"] = rules.escalation_part(plan, declared, baseline.stable_escalation)
    return parts


def _cells(step: Step, settled: float) -> Iterator[tuple[ArmCounts, float]]:
    """Counts that chance dealt to arms, each with the chance of the new arm.

    A key is dealt by its bucket. Of keys whose bucket is not below `settled`, it is uniform on the rest,
    whatever was seen before, since all of them were in the stable arm until this step.
    """
    if step.kind == "shadow":
        return
    if 0 < step.weight < 1:
        yield step.counts, step.weight
    if step.keyed is not None and settled < step.weight < 1:
        yield step.keyed, (step.weight - settled) / (1 - settled)


def _pairs(step: Step) -> list[tuple[ArmCounts, float]]:
    """Counts of requests that both releases answered; nothing was dealt, so the chance is immaterial."""
    if step.kind != "shadow":
        return []
    return [(counts, 0.5) for counts in (step.counts, step.keyed) if counts is not None]


def _total(found: Sequence[NDArray[Any]], leading: tuple[int, ...], last: int) -> NDArray[Any]:
    """Their sum; zeros of the same shape when there are none."""
    return np.sum(found, axis=0) if found else np.zeros((*leading, last))


def _weigh_part(
    part: Part, said: Sequence[Floats], starts: Sequence[float], *, observed: NDArray[np.int64]
) -> Weighed:
    """The e-values of a part from what each step said to all its questions."""
    ends = np.cumsum([len(question.weights) for question in part.questions])
    against = log_mean_over_starts(
        [step[..., : ends[0]] for step in said], part.against.weights, starts=starts
    )
    total = np.sum(said, axis=0)
    claims = [
        log_mean(total[..., begin:end], claim.weights)
        for claim, begin, end in zip(part.claims, ends, ends[1:], strict=False)
    ]
    return Weighed(against, np.min(claims, axis=0), observed)


def _join_parts(parts: Sequence[Weighed | None]) -> Weighed | None:
    """The mean of what is against, the least of what is for, of those parts that there are."""
    there = [part for part in parts if part is not None]
    if not there:
        return None
    against = np.stack([part.against for part in there], axis=-1)
    return Weighed(
        against=log_mean(against, np.full(len(there), 1 / len(there))),
        non_inferior=np.min([part.non_inferior for part in there], axis=0),
        observed=np.max([part.observed for part in there], axis=0),
    )


def _combine(guardrails: Mapping[str, Weighed | None], plan: RolloutPlan) -> Floats:
    """The weighted mean over those guardrails that there are; what the others might bring is theirs."""
    there = {name: weighed for name, weighed in guardrails.items() if weighed is not None}
    weights = np.array([getattr(plan.weights, name) for name in there])
    return log_mean(
        np.stack([weighed.against for weighed in there.values()], axis=-1), weights / weights.sum()
    )


def _recall_weigher(plan: RolloutPlan, baseline: Baseline) -> Weigher:
    """Guesses are made once a rollout, though it is weighed four times a second."""
    _require_bins(baseline)
    counted = (baseline.latency, baseline.classes, baseline.confidence)
    told = (baseline.disagreement, baseline.escalation, baseline.stable_escalation)
    return _make_weigher(
        plan, told, *(None if counts is None else tuple(counts.tolist()) for counts in counted)
    )


@lru_cache(maxsize=8)
def _make_weigher(
    plan: RolloutPlan, told: tuple[float | None, ...], *counted: tuple[int, ...] | None
) -> Weigher:
    latency, classes, confidence = (
        None if counts is None else np.array(counts, dtype=np.int64) for counts in counted
    )
    assert latency is not None
    return Weigher(plan, Baseline(latency, classes, confidence, *told))


def _require_bins(baseline: Baseline) -> None:
    """Refuse what counts of another version, or of nothing, have for bins."""
    for name, counts, bins in (
        ("latency", baseline.latency, LATENCY_BINS),
        ("confidence", baseline.confidence, CONFIDENCE_BINS),
    ):
        if counts is not None and counts.shape != (bins,):
            raise InvalidInputError(
                f"the baseline's {name} must have shape ({bins},), got {counts.shape}; use zeros for nothing"
            )
    if baseline.classes is not None and baseline.classes.size < 1:
        raise InvalidInputError("the baseline's classes need a place for abstentions at least, got none")
