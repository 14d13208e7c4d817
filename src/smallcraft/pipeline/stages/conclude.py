"""What follows once cert has spoken: the state of the data, the price, the verdicts.

Leaves to others: the rules (`gates`), the facts that are recorded (`stages.record`).
"""

from __future__ import annotations

from dataclasses import replace

from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.checking import assess_project
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.costing import money_measurements
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.quality_report import QualityReport
from smallcraft.pipeline.stages.confirm import Confirmation
from smallcraft.pipeline.stages.judge import evidence_to_judge, judge_declared
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.pipeline.stages.quality import judge_project
from smallcraft.pipeline.stages.record import Findings, card_facts
from smallcraft.records import Evidence, Measurement, Verdict


def assess_quality(
    config: Config,
    prepared: Prepared,
    workshop: Workshop,
    confirmation: Confirmation,
    listener: Listener,
) -> QualityReport:
    """How much of the data is right, with what cert said of the model beside it."""
    listener.stage("setting labels, votes and audits beside each other")
    judged = judge_project(config, prepared, workshop=workshop, progress=listener.progress)
    accuracy = next((m for m in confirmation.answer.measurements if m.name == "accuracy"), None)
    return assess_project(config, prepared, judged, model_accuracy=accuracy, listener=listener)


def with_money(config: Config, evidence: Evidence, told: tuple[Measurement, ...]) -> Evidence:
    """The evidence with what was told since, and its price where a price sheet is declared."""
    whole = replace(evidence, measurements=(*evidence.measurements, *told))
    return replace(whole, measurements=(*whole.measurements, *money_measurements(config, whole)))


def judge_build(config: Config, prepared: Prepared, found: Findings) -> tuple[Verdict, ...]:
    """What every declared gate says of what the build found out."""
    majority = next((candidate for candidate in found.candidates if candidate.rung == "majority"), None)
    evidence = evidence_to_judge(
        found.released.evidence,
        found.candidates,
        chosen=found.decision.chosen,
        audits=found.audits,
        facts=card_facts(config, prepared),
    )
    return judge_declared(config, majority, evidence, from_cert=found.confirmation.verdicts)
