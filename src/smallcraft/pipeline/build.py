"""The main job: from a project file to a release, as a line of stages.

Always: the winner and every threshold are chosen on train and dev; cert is asked once, about the bundle
that ships; what is measured is that bundle. Killed at any moment, the next run goes on from what was kept
and comes to the same bundle and decision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.choice.decide import choose_cheapest
from smallcraft.evaluate.scores.top_3_accuracy import TOP
from smallcraft.models.ladder import check_rungs, climb, fit_rung, rungs_for
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.checking import assess_project
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.costing import money_measurements
from smallcraft.pipeline.events import Listener, SilentListener
from smallcraft.pipeline.gating import keep_last_build
from smallcraft.pipeline.quality_report import QualityReport
from smallcraft.pipeline.report import render_report
from smallcraft.pipeline.result import BuildResult, overall_outcome
from smallcraft.pipeline.stages.audit import audit_winner, require_audit_inputs
from smallcraft.pipeline.stages.confirm import Confirmation, confirm_winner
from smallcraft.pipeline.stages.judge import evidence_to_judge, judge_declared
from smallcraft.pipeline.stages.looks import check_ledger
from smallcraft.pipeline.stages.measure import (
    Measured,
    MeasuredSplit,
    measure_candidate,
    recall_cost,
    recall_train_cost,
)
from smallcraft.pipeline.stages.prepare import Prepared, prepare_data
from smallcraft.pipeline.stages.quality import judge_project
from smallcraft.pipeline.stages.record import (
    Findings,
    card_facts,
    find_incumbent,
    gather_facts,
    publish_release,
)
from smallcraft.pipeline.stages.train import describe_environment, open_workshop, with_dev_rows
from smallcraft.pipeline.stages.weigh import contenders_of, weigh_choice
from smallcraft.pipeline.workspace import Workspace, write_whole
from smallcraft.records import (
    CandidateStatus,
    Decision,
    Evidence,
    Measurement,
    Outcome,
    SplitName,
    Verdict,
)

Clock = Callable[[], datetime]


def build(
    config: Config, *, listener: Listener | None = None, clock: Clock = lambda: datetime.now(UTC)
) -> BuildResult:
    """Check, split, climb, decide, confirm, judge, release, report.

    Args:
        config: The project.
        listener: Told as things happen.
        clock: Gives the time for the ledger and the registry.

    Raises:
        DataError: The data cannot be used; nothing is left behind.
        MeteredError: What was declared was changed after the first look at cert; nothing was trained.
        IntegrityError: The ledger was tampered with, or lacks a look that a release recorded.
        InvalidInputError: No rung could be built, or another build is running.
    """
    listener = listener or SilentListener()
    # (1) settings and data; nothing is written before they are known to be sound
    check_rungs(config.ladder.rungs or ())
    prepared = prepare_data(config, listener)
    _refuse_misfit_metric(config, prepared)
    require_audit_inputs(config, prepared)
    with Workspace(config.folder).locked():
        check_ledger(config, prepared.meter)
        # (2) candidates, each measured on dev as a bundle
        workshop = open_workshop(config, prepared.splits, progress=listener.progress)
        measured = _climb(config, prepared, workshop, listener)
        # (3) the choice, on dev
        decision = _decide(config, measured)
        listener.decided(decision)
        winner = next(candidate for candidate in measured if candidate.attempt.rung == decision.chosen)
        listener.stage(f"weighing the choice of {decision.chosen}")
        dev = _split(prepared, "dev")
        weighed = weigh_choice(config, measured, winner, dev, workshop, best=decision.best, listener=listener)
        # (4) whom the winner fails and what upsets it, on dev; then once more on all rows that are not sealed
        listener.stage(f"auditing {decision.chosen}")
        audits = audit_winner(config, winner, dev, workshop, listener=listener)
        released = _refit(config, prepared, workshop, winner, listener)
        # (5) one look at cert
        listener.stage("asking the sealed test set, once")
        confirmation = confirm_winner(
            released,
            winner.evidence,
            _split(prepared, "cert"),
            config,
            meter=prepared.meter,
            incumbent=find_incumbent(config, workshop, released=released.evidence.candidate),
            now=clock(),
            listener=listener,
        )
        # (6) how much of the data is right, and gates
        quality = _assess(config, prepared, workshop, confirmation, listener)
        told = (*confirmation.answer.measurements, quality.index, *weighed.to_judge)
        found = Findings(
            decision,
            tuple(candidate.evidence for candidate in measured),
            replace(released, evidence=_with_money(config, released.evidence, told)),
            weighed,
            audits,
            confirmation,
            quality,
        )
        verdicts = _judge(config, prepared, found)
        for verdict in verdicts:
            listener.judged(verdict)
        # (7) the record, and the page
        return _record(config, prepared, workshop, found, verdicts=verdicts, now=clock())


def _refuse_misfit_metric(config: Config, prepared: Prepared) -> None:
    """A metric that these classes do not allow is refused before the ladder is climbed."""
    classes = prepared.splits.frames["train"][prepared.table.roles.label].n_unique()
    if config.quality.metric == "top_3_accuracy" and classes <= TOP:
        raise InvalidInputError(
            f"metric 'top_3_accuracy' is for more than {TOP} classes, there are {classes}; declare 'accuracy'"
        )


def _split(prepared: Prepared, name: SplitName) -> MeasuredSplit:
    splits = prepared.splits
    return MeasuredSplit(name, splits.frames[name], splits.refs[name], prepared.table.roles)


def _about(workshop: Workshop) -> dict[str, object]:
    backbone = workshop.backbone
    return {
        "smallcraft": describe_environment()["smallcraft"],
        "backbone": {"name": backbone.name, "digest": backbone.digest, "license": backbone.license}
        if backbone
        else None,
    }


def _climb(config: Config, prepared: Prepared, workshop: Workshop, listener: Listener) -> list[Measured]:
    rungs = rungs_for(workshop, config.ladder.rungs)
    listener.climbing(rungs)
    measured = []
    bundles = Workspace(config.folder).bundles
    for attempt in climb(rungs, workshop, bundles, about=_about(workshop)):
        if attempt.bundle is not None:
            listener.progress(f"measuring {attempt.rung}", 0.0)
        candidate = measure_candidate(attempt, _split(prepared, "dev"), config)
        listener.candidate(candidate.evidence)
        measured.append(candidate)
    return measured


def _decide(config: Config, measured: Sequence[Measured]) -> Decision:
    contenders = contenders_of(measured)
    failed = {
        c.attempt.rung: f"{c.attempt.status}: {c.attempt.reason}" for c in measured if c.predictions is None
    }
    if not contenders:
        reasons = "; ".join(f"{rung} {reason}" for rung, reason in failed.items())
        raise InvalidInputError(f"no rung could be built: {reasons}")
    quality = config.quality
    decision = choose_cheapest(
        contenders,
        metric=quality.metric,
        margin=quality.margin,
        confidence=quality.confidence,
        seed=config.seed,
    )
    return replace(decision, lost={**decision.lost, **failed})


def _refit(
    config: Config, prepared: Prepared, workshop: Workshop, winner: Measured, listener: Listener
) -> Measured:
    """The winner trained on train and dev together; its decoder stays as it was chosen.

    Its quality on dev can no longer be measured (it has seen those rows): cert will tell.
    """
    if not config.ladder.refit:
        return winner
    listener.stage(f"training {winner.attempt.rung} on train and dev together")
    everything = with_dev_rows(workshop, prepared.splits, prepared.table.roles)
    attempt = fit_rung(
        winner.attempt.rung,
        everything,
        Workspace(config.folder).bundles,
        about=_about(workshop),
        decoder=winner.attempt.decoder,
    )
    assert attempt.bundle is not None
    assert attempt.digest is not None
    listener.progress(f"measuring {attempt.rung}", 0.0)
    # Cost on rows it has not seen: a cascade is surer of rows it was trained on, and would look cheaper. Of
    # cert only the inputs are read here; its labels stay sealed.
    cost = recall_cost(attempt.bundle, attempt.digest, _split(prepared, "cert"), config)
    training = recall_train_cost(attempt, config, before=winner.evidence.find("train_cpu_s"))
    evidence = Evidence(attempt.rung, CandidateStatus.MEASURED, attempt.digest, (*cost, training))
    return Measured(attempt, evidence, None)


def _assess(
    config: Config,
    prepared: Prepared,
    workshop: Workshop,
    confirmation: Confirmation,
    listener: Listener,
) -> QualityReport:
    listener.stage("setting labels, votes and audits beside each other")
    judged = judge_project(config, prepared, workshop=workshop, progress=listener.progress)
    accuracy = next((m for m in confirmation.answer.measurements if m.name == "accuracy"), None)
    return assess_project(config, prepared, judged, model_accuracy=accuracy, listener=listener)


def _with_money(config: Config, evidence: Evidence, told: tuple[Measurement, ...]) -> Evidence:
    """The evidence with what was told since, and its price where a price sheet is declared."""
    whole = replace(evidence, measurements=(*evidence.measurements, *told))
    return replace(whole, measurements=(*whole.measurements, *money_measurements(config, whole)))


def _judge(config: Config, prepared: Prepared, found: Findings) -> tuple[Verdict, ...]:
    majority = next((candidate for candidate in found.candidates if candidate.rung == "majority"), None)
    evidence = evidence_to_judge(
        found.released.evidence,
        found.candidates,
        chosen=found.decision.chosen,
        audits=found.audits,
        facts=card_facts(config, prepared),
    )
    return judge_declared(config, majority, evidence, from_cert=found.confirmation.verdicts)


def _record(
    config: Config,
    prepared: Prepared,
    workshop: Workshop,
    found: Findings,
    *,
    verdicts: tuple[Verdict, ...],
    now: datetime,
) -> BuildResult:
    bundle = found.released.attempt.bundle
    assert bundle is not None
    facts = gather_facts(config, prepared, workshop, found, verdicts=verdicts)
    outcome = overall_outcome(verdicts)
    release = publish_release(config, facts, bundle, now=now) if outcome is Outcome.PASS else None
    keep_last_build(config, facts, release=release.label if release else None)
    result = BuildResult(
        name=config.name,
        outcome=outcome,
        release=release,
        decision=found.decision,
        candidates=found.candidates,
        released=found.released.evidence,
        verdicts=verdicts,
        cert=found.confirmation.answer,
        bundle=bundle,
        report=Workspace(config.folder).report,
        quality=found.quality,
        audits=found.audits,
        weighed=found.weighed,
    )
    write_whole(result.report, render_report(result, facts, found.quality.checks, now=now).encode("utf-8"))
    return result
