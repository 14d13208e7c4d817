"""What the choice rests on: whom the winner is shown to beat, who is beaten on every axis, what parts add.

Nothing here changes the choice, which `evaluate.choice.decide` has made. All of it is measured on dev.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smallcraft.evaluate.choice.ablations import compare_ablations
from smallcraft.evaluate.choice.decide import Contender
from smallcraft.evaluate.choice.paired import quality_difference
from smallcraft.evaluate.choice.pareto import COST_AXES, ParetoFront, Standing, pareto_front
from smallcraft.evaluate.choice.superiority import SuperiorityClaim, superiority_claims
from smallcraft.models.ablate import answers_without
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.stages.measure import Measured, MeasuredSplit
from smallcraft.pipeline.stages.predictions import with_answers
from smallcraft.pipeline.stages.train import learners, read_rows
from smallcraft.records import AnyPredictions, Measurement

_READS_PROBABILITIES = ("log_loss", "brier", "auroc", "average_precision")


@dataclass(frozen=True)
class Weighed:
    """What the choice rests on.

    Attributes:
        claims: Whether the winner is shown to be better, a claim for each other candidate.
        front: Who is not shown to be beaten on quality and every cost.
        ablations: What each part of the winner adds.
        over_best: The winner minus the best on dev, for a gate to judge; None where the winner is the best.
    """

    claims: tuple[SuperiorityClaim, ...] = ()
    front: ParetoFront | None = None
    ablations: tuple[Measurement, ...] = ()
    over_best: Measurement | None = None

    @property
    def to_judge(self) -> tuple[Measurement, ...]:
        """What gates may be about."""
        return () if self.over_best is None else (self.over_best,)


def contenders_of(measured: Sequence[Measured]) -> tuple[Contender, ...]:
    """The candidates that are in the running, with the cost that decides."""
    return tuple(
        Contender(candidate.attempt.rung, candidate.predictions, cost_of(candidate), order)
        for order, candidate in enumerate(measured)
        if candidate.predictions is not None
    )


def weigh_choice(
    config: Config,
    measured: Sequence[Measured],
    winner: Measured,
    split: MeasuredSplit,
    workshop: Workshop,
    *,
    best: str | None,
    listener: Listener,
) -> Weighed:
    """Set the winner beside the others, and beside itself without each of its parts.

    Args:
        config: Says the metric and the confidence.
        measured: Every candidate.
        winner: The chosen one.
        split: Dev.
        workshop: The rows that the candidates were trained from.
        best: Rung of the candidate with the highest score.
        listener: Told what is running.
    """
    metric, confidence = config.quality.metric, config.quality.confidence
    claims = superiority_claims(
        contenders_of(measured), winner.attempt.rung, metric=metric, confidence=confidence, seed=config.seed
    )
    front = pareto_front(_standings(measured), metric=metric, confidence=confidence, seed=config.seed)
    listener.progress(f"taking {winner.attempt.rung} apart", 0.0)
    assert winner.predictions is not None
    learned = learners(config, workshop).workshop
    ablations = compare_ablations(
        winner.predictions,
        _without_each_part(winner, split, learned, reads_probabilities=metric in _READS_PROBABILITIES),
        metric=metric,
        confidence=confidence,
        seed=config.seed,
        split=split.name,
    )
    rival = next((found for found in measured if found.attempt.rung == best), winner)
    over_best = None if rival is winner else _over_best(config, winner, rival, split)
    return Weighed(claims, front, ablations, over_best)


def _over_best(config: Config, winner: Measured, best: Measured, split: MeasuredSplit) -> Measurement:
    """The winner's score minus that of the best; positive is better."""
    metric, level = config.quality.metric, config.quality.confidence
    assert winner.predictions is not None
    assert best.predictions is not None
    difference = quality_difference(
        winner.predictions, best.predictions, metric=metric, level=level, seed=config.seed
    )
    return Measurement(
        f"{metric}_over_best",
        difference.value,
        "difference",
        len(winner.predictions.truth),
        f"paired, {winner.attempt.rung} minus {best.attempt.rung}, {level:.0%}",
        difference.interval.low,
        difference.interval.high,
        split.name,
        level=level,
    )


def _without_each_part(
    winner: Measured, split: MeasuredSplit, workshop: Workshop, *, reads_probabilities: bool
) -> Mapping[str, AnyPredictions | str]:
    decoder, whole = winner.attempt.decoder, winner.predictions
    assert decoder is not None
    assert whole is not None
    answers = answers_without(
        winner.attempt.rung,
        workshop,
        decoder,
        read_rows(split.frame, workshop.spec, source=split.name),
        rows=split.ref.digest,
        reads_probabilities=reads_probabilities,
    )
    return {
        part: found if isinstance(found, str) else with_answers(whole, found, decoder)
        for part, found in answers.items()
    }


def _standings(measured: Sequence[Measured]) -> tuple[Standing, ...]:
    return tuple(
        Standing(
            candidate.attempt.rung,
            candidate.predictions,
            {name: cost for name in COST_AXES if (cost := candidate.evidence.find(name)) is not None},
        )
        for candidate in measured
        if candidate.predictions is not None
    )


def cost_of(candidate: Measured) -> float | None:
    """The cost that decides, CPU-seconds per 1,000 answers; None where it was not measured."""
    cost = candidate.evidence.find("cpu_s_per_1000")
    return cost.value if cost else None
