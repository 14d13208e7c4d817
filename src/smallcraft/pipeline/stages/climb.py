"""Candidates: the ladder climbed, the choice among them on dev, the winner trained once more.

Always: each candidate is measured as the bundle that it is, on dev; cert is read for its inputs only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.choice.decide import choose_cheapest
from smallcraft.models.ladder import CannotWin, climb, fit_rung, rungs_for
from smallcraft.models.learning_rows import LearningRows
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.columns import key_codes
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.stages.compress import compare_released
from smallcraft.pipeline.stages.measure import (
    Measured,
    MeasuredSplit,
    measure_candidate,
    recall_cost,
    recall_train_cost,
)
from smallcraft.pipeline.stages.predictions import without_answers
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.pipeline.stages.race import Rules, why_it_cannot_win
from smallcraft.pipeline.stages.train import describe_environment, learners, with_dev_rows
from smallcraft.pipeline.stages.weigh import contenders_of
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import CandidateStatus, Decision, Evidence, SplitName


def split_of(prepared: Prepared, name: SplitName) -> MeasuredSplit:
    """The rows of one split, with what is known about them."""
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


def climb_ladder(
    config: Config, prepared: Prepared, workshop: Workshop, listener: Listener
) -> list[Measured]:
    """Train every rung, cheapest first, and measure each as a bundle on dev."""
    learning = learners(config, workshop)
    workshop = learning.workshop
    rungs = rungs_for(workshop, config.ladder.rungs)
    listener.climbing(rungs)
    measured: list[Measured] = []
    bundles = Workspace(config.folder).bundles
    race = _race(config, prepared, learning, measured)
    for attempt in climb(rungs, workshop, bundles, about=_about(workshop), cannot_win=race):
        if attempt.bundle is not None:
            listener.progress(f"measuring {attempt.rung}", 0.0)
        candidate = measure_candidate(attempt, split_of(prepared, "dev"), config)
        listener.candidate(candidate.evidence)
        measured.append(candidate)
    return measured


def _race(
    config: Config, prepared: Prepared, learning: LearningRows, measured: Sequence[Measured]
) -> CannotWin | None:
    """Who says that a raced rung cannot win, from the candidates measured by then."""
    if not config.ladder.race:
        return None
    quality, key, workshop = config.quality, prepared.table.roles.key, learning.workshop
    # Copies of rows stand behind them and are never compared on.
    keys = None if key is None else key_codes(prepared.splits.frames["train"][key])[learning.positions]
    clusters = None if keys is None else np.resize(keys, len(workshop.labels))
    train = without_answers(workshop.labels, workshop.task, workshop.classes, clusters)
    rules = Rules(quality.metric, quality.margin, quality.confidence, config.seed)
    return lambda runner: why_it_cannot_win(runner, measured, train, rules)


def choose_winner(config: Config, measured: Sequence[Measured]) -> Decision:
    """The cheapest candidate that is not inferior to the best, and why each other one lost.

    Raises:
        InvalidInputError: No rung could be built.
    """
    contenders = contenders_of(measured)
    failed = {
        c.attempt.rung: f"{c.attempt.status}: {c.attempt.reason}" for c in measured if c.predictions is None
    }
    if not contenders:
        reasons = "; ".join(f"{rung} {reason}" for rung, reason in failed.items())
        raise InvalidInputError(
            f"no rung could be built: {reasons}; name others under [ladder] rungs, or leave it out"
        )
    quality = config.quality
    decision = choose_cheapest(
        contenders,
        metric=quality.metric,
        margin=quality.margin,
        confidence=quality.confidence,
        seed=config.seed,
    )
    return replace(decision, lost={**decision.lost, **failed})


def refit_winner(
    config: Config, prepared: Prepared, workshop: Workshop, winner: Measured, listener: Listener
) -> Measured:
    """The winner trained on train and dev together; its decoder stays as it was chosen.

    Its quality on dev can no longer be measured (it has seen those rows): cert will tell.
    """
    if not config.ladder.refit:
        return winner
    listener.stage(f"training {winner.attempt.rung} on train and dev together")
    whole = with_dev_rows(workshop, prepared.splits, prepared.table.roles, teacher=config.ladder.teacher)
    everything = learners(config, whole).workshop
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
    cost = recall_cost(attempt.bundle, attempt.digest, split_of(prepared, "cert"), config, is_judged=True)
    training = recall_train_cost(attempt, config, before=winner.evidence.find("train_cpu_s"))
    compared = compare_released(config, everything, attempt, split_of(prepared, "cert"), listener=listener)
    measurements = (*cost, training, *compared)
    evidence = Evidence(attempt.rung, CandidateStatus.MEASURED, attempt.digest, measurements)
    return Measured(attempt, evidence, None)
