"""From the project's settings to gates, and everything measured as one piece of evidence for them.

Always: every gate of the project file is declared; where one quantity was measured twice, what was measured
of the bundle that ships comes first.
Left to others: what a rule says of a measurement (`smallcraft.gates`), how audits measure
(`evaluate.audits`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from smallcraft.errors import ConfigError
from smallcraft.gates.compression import COMPRESSION_GATE, CompressionLimits, compression_specs
from smallcraft.gates.policy import (
    FAIRNESS_GAPS,
    QUALITY_GATE,
    budget_specs,
    card_spec,
    custom_specs,
    data_spec,
    default_specs,
    fairness_specs,
    judge_all,
    privacy_specs,
    robustness_specs,
)
from smallcraft.pipeline.config import Config
from smallcraft.records import AuditResult, Evidence, GateSpec, Measurement, Verdict
from smallcraft.registry.papers.model_card import list_unsaid

AUDITED = "dev"


def declared_gates(config: Config, majority: Evidence | None) -> tuple[GateSpec, ...]:
    """The gates of a project: quality and budget, the audits', the data's, the card's, the user's own.

    Args:
        config: The project.
        majority: The majority-class candidate on dev, to be beaten where there is no floor.

    Raises:
        InvalidInputError: Nothing is declared and there is no baseline to beat.
        ConfigError: A gate of the user's own has a name that is taken.
    """
    gates = config.gates
    specs = _quality_and_budget(config, majority)
    if gates.data is not None:
        specs += (data_spec(gates.data.tolerance, required=gates.data.required),)
    specs += config.decision.gates()
    specs += _audit_gates(config)
    if gates.card is not None:
        specs += (card_spec(required=gates.card.required),)
    specs += custom_specs({name: gate.as_written() for name, gate in gates.declared.items()})
    _refuse_equal_names(specs, taken=(COMPRESSION_GATE, *((QUALITY_GATE,) if config.quality.plan else ())))
    return tuple(replace(spec, confidence=_confidence(spec, config)) for spec in specs)


def judge_declared(
    config: Config, majority: Evidence | None, evidence: Evidence, *, from_cert: tuple[Verdict, ...]
) -> tuple[Verdict, ...]:
    """Every gate's verdict: of those that judge evidence, then those that cert gave with its answer.

    Args:
        config: The project.
        majority: As in `declared_gates`.
        evidence: As `evidence_to_judge` puts it together.
        from_cert: Where cert answers by a plan, the floor's is among them; it may be the only gate.
    """
    specs = declared_gates(config, majority) + compression_gates(config, evidence)
    return (judge_all(specs, evidence) if specs else ()) + from_cert


def compression_gates(config: Config, evidence: Evidence) -> tuple[GateSpec, ...]:
    """The gate that joins whenever the winner has INT8 parts, whether or not its section is written."""
    gate, quality = config.gates.compression, config.quality
    limits = CompressionLimits(
        agreement=gate.agreement,
        margin=quality.margin if gate.margin is None else gate.margin,
        cosine=gate.cosine,
        near_rows=gate.near_rows,
        required=gate.required,
    )
    found = evidence.measurements
    return compression_specs(
        limits, found, metric=quality.metric, split=AUDITED, confidence=quality.confidence
    )


def _quality_and_budget(config: Config, majority: Evidence | None) -> tuple[GateSpec, ...]:
    quality, budget = config.quality, config.budget.model_dump(exclude_none=True)
    if quality.plan is not None:
        # Whether the floor is met, cert says itself; nothing else on cert was measured.
        return budget_specs(budget)
    return default_specs(
        metric=quality.metric,
        floor=quality.floor,
        budget=budget,
        baseline=majority.find(quality.metric, split="dev") if majority else None,
    )


def _audit_gates(config: Config) -> tuple[GateSpec, ...]:
    gates = config.gates
    found: list[GateSpec] = []
    if gates.fairness is not None:
        fair = gates.fairness
        gaps = fair.measure or (FAIRNESS_GAPS if config.data.positive is not None else ("accuracy_gap",))
        found += fairness_specs(fair.tolerance, gaps=gaps, split=AUDITED, required=fair.required)
    if gates.robustness is not None:
        hard = gates.robustness
        pattern = f"perturbation=*@{hard.severity}"
        found += robustness_specs(hard.tolerance, slice=pattern, split=AUDITED, required=hard.required)
    if gates.privacy is not None:
        secret = gates.privacy
        found += privacy_specs(
            secret.tolerance, kinds=secret.canaries, split=AUDITED, required=secret.required
        )
    return tuple(found)


def _confidence(spec: GateSpec, config: Config) -> float:
    """That of the project, but where a gate of the user's own has another."""
    own = config.gates.declared.get(spec.name)
    return own.confidence if own is not None and own.confidence is not None else config.quality.confidence


def _refuse_equal_names(specs: Sequence[GateSpec], *, taken: tuple[str, ...]) -> None:
    names = [*taken, *(spec.name for spec in specs)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"[gates.{twice[0]}] has the name of a gate that there is already; rename it")


def evidence_to_judge(
    released: Evidence,
    candidates: Sequence[Evidence],
    *,
    chosen: str | None,
    audits: Sequence[AuditResult],
    facts: Mapping[str, Any],
) -> Evidence:
    """Everything that gates may be about.

    Args:
        released: Of the bundle that ships: its cost, what cert said, the data's index.
        candidates: Every rung on dev; the winner's slices are judged too.
        chosen: The winner's rung.
        audits: Of the winner on dev.
        facts: Of the card: what a person said.
    """
    winner = next((found for found in candidates if found.rung == chosen), None)
    on_dev = () if winner is None else tuple(m for m in winner.measurements if m.split is not None)
    audited = tuple(m for result in audits for m in result.measurements)
    everything = (*released.measurements, *audited, *on_dev, card_measurement(facts))
    first: dict[tuple[str, str | None, str], Measurement] = {}
    for measurement in everything:
        first.setdefault((measurement.name, measurement.split, measurement.slice), measurement)
    return replace(released, measurements=tuple(first.values()))


def card_measurement(facts: Mapping[str, Any]) -> Measurement:
    """How many sections of the card only a person can fill, and has not."""
    unsaid = list_unsaid(facts)
    return Measurement(
        "card_missing",
        float(len(unsaid)),
        "sections",
        1,
        "sections that only a person can fill",
        detail=", ".join(unsaid),
    )
