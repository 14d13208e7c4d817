"""The main job: from a project file to a release, as a line of stages.

Always: the winner and every threshold are chosen on train and dev; cert is asked once, about the bundle
that ships; what is measured is that bundle. Killed at any moment, the next run goes on from what was kept
and comes to the same bundle and decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.scores.top_3_accuracy import TOP
from smallcraft.models.ladder import check_rungs
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener, SilentListener
from smallcraft.pipeline.gating import keep_last_build
from smallcraft.pipeline.report import render_report
from smallcraft.pipeline.report_parts.dev_rows import DevRows
from smallcraft.pipeline.result import BuildResult, overall_outcome
from smallcraft.pipeline.stages.audit import audit_winner, require_audit_inputs
from smallcraft.pipeline.stages.climb import choose_winner, climb_ladder, refit_winner, split_of
from smallcraft.pipeline.stages.conclude import assess_quality, judge_build, with_money
from smallcraft.pipeline.stages.confirm import confirm_winner
from smallcraft.pipeline.stages.incumbent import find_incumbent
from smallcraft.pipeline.stages.looks import check_ledger
from smallcraft.pipeline.stages.movement import find_movement
from smallcraft.pipeline.stages.prepare import Prepared, positions_in, prepare_data
from smallcraft.pipeline.stages.record import (
    Findings,
    gather_facts,
    publish_release,
    record_trials,
    release_files,
)
from smallcraft.pipeline.stages.train import open_workshop
from smallcraft.pipeline.stages.weigh import weigh_choice
from smallcraft.pipeline.workspace import Workspace, write_whole
from smallcraft.records import (
    Outcome,
    Verdict,
)

Clock = Callable[[], datetime]
Because = Callable[[str], str | None]
"""Given the decision in a sentence, says why the release is made; None leaves it at the rule's reason."""


def build(
    config: Config,
    *,
    listener: Listener | None = None,
    clock: Clock = lambda: datetime.now(UTC),
    because: Because | None = None,
) -> BuildResult:
    """Check, split, climb, decide, confirm, judge, release, report.

    Args:
        config: The project.
        listener: Told as things happen.
        clock: Gives the time for the ledger and the registry.
        because: Asked why, once every gate has passed; without it the release gives the rule's reason.

    Raises:
        DataError: The data cannot be used; nothing is left behind.
        MeteredError: What was declared was changed after the first look at cert; nothing was trained.
        IntegrityError: The ledger was tampered with, or lacks a look that was logged.
        InvalidInputError: No rung could be built, another build is running, or the project wants a reason
            for each release and nobody would give one.
    """
    listener = listener or SilentListener()
    # (1) settings and data; nothing is written before they are known to be sound
    check_rungs(config.ladder.rungs or ())
    _refuse_without_reason(config, because)
    prepared = prepare_data(config, listener)
    _refuse_misfit_metric(config, prepared)
    require_audit_inputs(config, prepared)
    with Workspace(config.folder).locked():
        check_ledger(config, prepared.meter)
        # (2) candidates, each measured on dev as a bundle
        workshop = open_workshop(config, prepared.splits, progress=listener.progress)
        measured = climb_ladder(config, prepared, workshop, listener)
        # (3) the choice, on dev
        decision = choose_winner(config, measured)
        listener.decided(decision)
        winner = next(candidate for candidate in measured if candidate.attempt.rung == decision.chosen)
        listener.stage(f"weighing the choice of {decision.chosen}")
        dev = split_of(prepared, "dev")
        weighed = weigh_choice(config, measured, winner, dev, workshop, best=decision.best, listener=listener)
        # (4) whom the winner fails and what upsets it, on dev; then once more on all rows that are not sealed
        listener.stage(f"auditing {decision.chosen}")
        audits = audit_winner(config, winner, dev, workshop, listener=listener)
        released = refit_winner(config, prepared, workshop, winner, listener)
        # (5) one look at cert
        listener.stage("asking the sealed test set, once")
        confirmation = confirm_winner(
            released,
            winner.evidence,
            split_of(prepared, "cert"),
            config,
            meter=prepared.meter,
            incumbent=find_incumbent(config, workshop, released=released.evidence.candidate),
            now=clock(),
            listener=listener,
        )
        # (6) how much of the data is right, and gates
        quality = assess_quality(config, prepared, workshop, confirmation, listener)
        told = (*confirmation.answer.measurements, quality.index, *weighed.to_judge)
        found = Findings(
            decision,
            winner,
            tuple(candidate.evidence for candidate in measured),
            replace(released, evidence=with_money(config, released.evidence, told)),
            weighed,
            audits,
            confirmation,
            quality,
        )
        verdicts = judge_build(config, prepared, found)
        for verdict in verdicts:
            listener.judged(verdict)
        # (7) the record, and the page
        return _record(config, prepared, workshop, found, verdicts=verdicts, now=clock(), because=because)


def _refuse_without_reason(config: Config, because: Because | None) -> None:
    if config.registry.require_because and because is None:
        raise InvalidInputError(
            "[registry] require_because wants a reason for each release, and none would be given; build with "
            '--because "what it is for", or on a terminal, which asks'
        )


def _refuse_misfit_metric(config: Config, prepared: Prepared) -> None:
    """A metric that these classes do not allow is refused before the ladder is climbed."""
    classes = prepared.splits.frames["train"][prepared.table.roles.label].n_unique()
    if config.quality.metric == "top_3_accuracy" and classes <= TOP:
        raise InvalidInputError(
            f"metric 'top_3_accuracy' is for more than {TOP} classes, there are {classes}; declare 'accuracy'"
        )


def _record(
    config: Config,
    prepared: Prepared,
    workshop: Workshop,
    found: Findings,
    *,
    verdicts: tuple[Verdict, ...],
    now: datetime,
    because: Because | None,
) -> BuildResult:
    bundle = found.released.attempt.bundle
    assert bundle is not None
    facts = gather_facts(config, prepared, workshop, found, verdicts=verdicts)
    outcome = overall_outcome(verdicts)
    release = None
    if outcome is Outcome.PASS:
        said = _require_reason(config, because(found.decision.sentence) if because else None)
        files = release_files(config, prepared, found, facts)
        release = publish_release(config, facts, files, now=now, because=said)
    else:
        record_trials(config, facts, now=now)
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
    page = render_report(
        result,
        facts,
        found.quality.checks,
        seen=_dev_rows(config, prepared, found),
        movement=find_movement(config, prepared, found, facts, release=release),
        now=now,
    )
    write_whole(result.report, page.encode("utf-8"))
    return result


def _dev_rows(config: Config, prepared: Prepared, found: Findings) -> DevRows:
    """What the winner answered on dev, for the report's examples."""
    dev, predictions = split_of(prepared, "dev"), found.winner.predictions
    assert predictions is not None
    return DevRows(
        dev.name, dev.frame, dev.roles, predictions, positions_in(dev.frame), config.quality.confidence
    )


def _require_reason(config: Config, said: str | None) -> str | None:
    if config.registry.require_because and not said:
        raise InvalidInputError(
            "[registry] require_because wants a reason for each release, and none was given; nothing was "
            'released: build again with --because "what it is for", which redoes nothing else'
        )
    return said or None
