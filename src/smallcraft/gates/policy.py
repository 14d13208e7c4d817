"""Which gates a project has, and their verdicts over one candidate's evidence.

Each key of `[budget]` is a ceiling on a measured cost, `[quality] floor` a floor on the declared metric on
cert. Without a floor the winner must still be shown to beat always answering the most frequent class (the
upper bound of that baseline): a model that is not shown to do that is not worth shipping.
PASS of all gates needs no correction for their number: every one must pass (intersection-union). FAIL keeps
its error rate gate by gate, over the slices of each and over the parts of an `all_of`.
Always: every declared gate gets a verdict; without gates or without evidence there is a refusal instead.
Left to others: how a gate of the user's own is read (`gates.custom`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.gates.custom import read_gate
from smallcraft.gates.rules import BUILTIN
from smallcraft.plugins import find_plugin
from smallcraft.records import Evidence, GateSpec, Measurement, Outcome, Verdict

BUDGET_MEASUREMENTS: Mapping[str, str] = {
    "latency_p95_ms": "p95_ms",
    "size_mb": "size_mb",
    "peak_rss_mb": "peak_rss_mb",
    "cpu_s_per_1000": "cpu_s_per_1000",
    "train_cpu_s": "train_cpu_s",
}
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece", "hamming_loss", "mae", "rmse", "interval_width"})
QUALITY_GATE = "quality_floor"
DEFAULT_GATE = "better_than_majority"
DATA_GATE = "data_quality"
CANARY_KINDS = ("natural", "worst")
FAIRNESS_GAPS = ("accuracy_gap", "tpr_gap", "fpr_gap")


def judge_all(specs: Sequence[GateSpec], evidence: Evidence) -> tuple[Verdict, ...]:
    """Judge every gate over one candidate's evidence.

    Args:
        specs: At least one, names all different.
        evidence: With at least one measurement.

    Returns:
        The gates in the order given; of each, one verdict a slice that it matches.

    Raises:
        InvalidInputError: No gates, no evidence, two gates of one name, or an unknown rule.
    """
    if not specs:
        raise InvalidInputError("a release needs at least one gate, got none; use default_specs")
    if not evidence.measurements:
        raise InvalidInputError(
            f"gates judge measurements, and there are none of '{evidence.rung}' "
            f"({evidence.reason or evidence.status}); measure it first"
        )
    names = [spec.name for spec in specs]
    if len(set(names)) != len(names):
        raise InvalidInputError(f"each gate needs its own name, got {', '.join(names)}")
    return tuple(verdict for spec in specs for verdict in _judge(spec, evidence.measurements))


def budget_specs(budget: Mapping[str, float]) -> tuple[GateSpec, ...]:
    """One ceiling for each key of `[budget]`.

    Raises:
        InvalidInputError: A key that has no measurement, or a limit that is not above 0.

    >>> budget_specs({"size_mb": 30})[0].rule
    'budget'
    """
    for key, limit in budget.items():
        if key not in BUDGET_MEASUREMENTS:
            raise InvalidInputError(
                f"[budget] knows {', '.join(BUDGET_MEASUREMENTS)}, got '{key}'"
                f"{nearest_name(key, BUDGET_MEASUREMENTS)}"
            )
        if not limit > 0:
            raise InvalidInputError(
                f"[budget] {key} must be above 0, got {limit:g}; leave it out for no limit"
            )
    return tuple(
        GateSpec(key, "budget", BUDGET_MEASUREMENTS[key], None, float(limit)) for key, limit in budget.items()
    )


def floor_spec(metric: str, floor: float, *, split: str = "cert") -> GateSpec:
    """The quality gate: a floor, or for a metric where lower is better a ceiling."""
    rule = "at_most" if metric in LOWER_IS_BETTER else "at_least"
    return GateSpec(QUALITY_GATE, rule, metric, split, floor)


def data_spec(tolerance: float, *, required: bool, split: str = "cert") -> GateSpec:
    """The gate on the data: at least `1 - tolerance` of the rows are valid, not leaked and rightly labelled.

    >>> data_spec(0.05, required=True).limit
    0.95
    """
    return GateSpec(DATA_GATE, "quality_index", "data_quality_index", split, 1 - tolerance, required)


def fairness_specs(
    tolerance: float,
    *,
    gaps: Sequence[str] = FAIRNESS_GAPS,
    flips: bool = False,
    slice: str = "*",  # noqa: A002 - the word of `GateSpec`
    split: str | None = "dev",
    required: bool = False,
    confidence: float = 0.95,
) -> tuple[GateSpec, ...]:
    """No group is further from the rest than the tolerance; a gate a gap, each over every group.

    Args:
        tolerance: The largest gap allowed, and of `flips` the largest share, a fraction above 0.
        gaps: Measurements named `<name>_gap`. Selection rates stay out unless named: where groups truly
            differ in their base rate, an exact model has that gap too.
        flips: Also gate answers that change when words for a group are swapped, at most the tolerance.
        slice: Which groups: `*` for all, `sex=*` for those of one column.
        split: Where the audit was made.
        required: Whether UNDECIDED blocks too.
        confidence: One-sided, of each gate.

    >>> [spec.name for spec in fairness_specs(0.05)]
    ['fairness_accuracy_gap', 'fairness_tpr_gap', 'fairness_fpr_gap']
    """
    specs = [
        GateSpec(f"fairness_{gap}", "group_gap", gap, split, tolerance, required, slice, confidence)
        for gap in gaps
    ]
    if flips:
        name, flipped = "fairness_counterfactual_flips", "counterfactual_flip_rate"
        specs.append(GateSpec(name, "flip_rate", flipped, split, tolerance, required, "*", confidence))
    return tuple(specs)


def robustness_specs(
    tolerance: float,
    *,
    slice: str = "perturbation=*",  # noqa: A002 - the word of `GateSpec`
    split: str | None = "dev",
    required: bool = False,
    confidence: float = 0.95,
) -> tuple[GateSpec, ...]:
    """Of the rows that were right, at most this share turns wrong under any perturbation.

    >>> robustness_specs(0.1)[0].measurement
    'flip_rate'
    """
    return (GateSpec("robustness", "flip_rate", "flip_rate", split, tolerance, required, slice, confidence),)


def privacy_specs(
    epsilon: float,
    *,
    kinds: Sequence[str] = CANARY_KINDS,
    split: str | None = None,
    required: bool = False,
    confidence: float = 0.95,
) -> tuple[GateSpec, ...]:
    """The canary audit finds no evidence of more than this epsilon; a gate a kind of canaries.

    Each kind is an audit of its own with a bound at its own confidence, which no correction can widen
    afterwards; so each is a gate, with its own error rate.

    >>> [spec.name for spec in privacy_specs(3.0)]
    ['privacy_natural', 'privacy_worst']
    """
    return tuple(
        GateSpec(
            f"privacy_{kind}",
            "epsilon_at_most",
            "epsilon_lower_bound",
            split,
            epsilon,
            required,
            f"canaries={kind}",
            confidence,
        )
        for kind in kinds
    )


def card_spec(*, required: bool = True) -> GateSpec:
    """Nothing is missing on the card."""
    return GateSpec("card", "card_complete", "card_missing", required=required)


def custom_specs(declared: Mapping[str, Mapping[str, Any]]) -> tuple[GateSpec, ...]:
    """The gates of the user's own, by name, each a table of `custom.KEYS`.

    Raises:
        InvalidInputError: One is not understood.

    >>> custom_specs({"small": {"rule": "budget", "measurement": "size_mb", "limit": 30}})[0].limit
    30.0
    """
    return tuple(read_gate(name, keys) for name, keys in declared.items())


def majority_spec(baseline: Measurement, *, split: str = "cert") -> GateSpec:
    """The default gate: better than the majority-class baseline by its own uncertainty.

    Args:
        baseline: The declared metric of the majority-class candidate, on dev.
        split: Where the candidate's own measurement is taken.

    Raises:
        InvalidInputError: The baseline was not measured.
    """
    if baseline.value is None:
        raise InvalidInputError(
            f"the default gate needs the majority baseline's {baseline.name}, which has no value: "
            f"{baseline.detail or 'not measured'}; declare [quality] floor"
        )
    lower = baseline.name in LOWER_IS_BETTER
    bound = baseline.low if lower else baseline.high
    limit = baseline.value if bound is None else bound
    return GateSpec(DEFAULT_GATE, "at_most" if lower else "at_least", baseline.name, split, limit)


def default_specs(
    *,
    metric: str,
    floor: float | None = None,
    budget: Mapping[str, float] | None = None,
    baseline: Measurement | None = None,
    split: str = "cert",
) -> tuple[GateSpec, ...]:
    """The gates of a project from its settings.

    Args:
        metric: `[quality] metric`.
        floor: `[quality] floor`; None when it is not declared.
        budget: `[budget]`; None or empty when it is not declared.
        baseline: The metric of the majority-class candidate on dev; used when there is no floor.
        split: Where quality is judged.

    Returns:
        Quality first, then the budget in its own order.

    Raises:
        InvalidInputError: Nothing is declared and there is no baseline to beat.
    """
    quality: tuple[GateSpec, ...] = ()
    if floor is not None:
        quality = (floor_spec(metric, floor, split=split),)
    elif baseline is not None:
        if baseline.name != metric:
            raise InvalidInputError(f"the baseline must be measured by '{metric}', got '{baseline.name}'")
        quality = (majority_spec(baseline, split=split),)
    specs = (*quality, *budget_specs(budget or {}))
    if not specs:
        raise InvalidInputError(
            "a project needs a gate: declare [quality] floor or [budget], "
            "or keep the rung 'majority' so that there is a baseline to beat"
        )
    return specs


def _judge(spec: GateSpec, measurements: Sequence[Measurement]) -> tuple[Verdict, ...]:
    rule = find_plugin("rules", spec.rule, BUILTIN)
    parts = tuple(
        verdict for part in spec.parts for verdict in _judge_part(part, measurements, len(spec.parts))
    )
    return rule.judge(spec, measurements, parts)


def _judge_part(part: GateSpec, measurements: Sequence[Measurement], parts: int) -> tuple[Verdict, ...]:
    """PASS at the part's own confidence; FAIL at one that allows for any of the parts to fail."""
    stricter = replace(part, confidence=1 - (1 - part.confidence) / parts)
    return tuple(
        own if own.outcome is Outcome.PASS else strict
        for own, strict in zip(_judge(part, measurements), _judge(stricter, measurements), strict=True)
    )
