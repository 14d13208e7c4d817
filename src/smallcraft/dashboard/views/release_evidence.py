"""What was measured of a release, as tables: candidates, scores, classes, groups, costs with their methods.

Always: a number stands with its interval, n and method, or reads as not measured; what a person needs to look
at stands first. Leaves to others: reading the facts (`pipeline.recorded`), the chart (`pipeline.charts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.dashboard.charts import Picture, keep_drawn
from smallcraft.pipeline.charts import draw_costs, render_svg
from smallcraft.pipeline.recorded import candidates_of, decision_of, evidence_of, measurements_of
from smallcraft.pipeline.report_parts.points import CostPoint, cost_points
from smallcraft.pipeline.report_parts.tables import (
    CANDIDATE_COSTS,
    CandidateRow,
    ClassRow,
    GroupRow,
    MethodRow,
    class_rows,
    cost_rows,
    extra_scores,
    find_winner,
    group_rows,
    standing,
)
from smallcraft.pipeline.report_parts.task_words import task_of_evidence
from smallcraft.pipeline.report_parts.wording import describe_cost, describe_quality
from smallcraft.records import Decision, Evidence, Measurement
from smallcraft.registry.memory.evidence import Facts, map_of, text_of


@dataclass(frozen=True)
class ScoreRow:
    """One score over all rows of one split."""

    split: str
    row: MethodRow


@dataclass(frozen=True)
class EvidencePart:
    """The part of the page.

    Attributes:
        metric: Declared beforehand.
        sentence: Why the winner was chosen.
        picture: Quality against cost; None where nothing can be drawn.
        points: The same as numbers.
        candidates: Every rung that was tried.
        beside: Scores beside the metric, as `candidates` have them.
        costs: Names of their costs.
        scores: Of what was released, sealed rows first.
        classes: On dev, lowest F1 first.
        groups: On dev, the worst first.
        methods: Costs of the bundle that ships, with how they were measured.
    """

    metric: str
    sentence: str
    picture: Picture | None
    points: tuple[CostPoint, ...]
    candidates: tuple[CandidateRow, ...]
    beside: tuple[str, ...]
    costs: tuple[str, ...]
    scores: tuple[ScoreRow, ...]
    classes: tuple[ClassRow, ...]
    groups: tuple[GroupRow, ...]
    methods: tuple[MethodRow, ...]


def tell_evidence(facts: Facts, *, digest: str) -> EvidencePart:
    """Everything that was measured.

    Args:
        facts: Of the release.
        digest: Of its manifest: equal ones give the picture that was drawn before.
    """
    candidates, decision = candidates_of(facts), decision_of(facts)
    if decision is None:
        return _tell_undecided(facts)
    winner = find_winner(candidates, decision) or evidence_of({})
    beside = extra_scores(decision.metric, task_of_evidence(candidates))
    points = cost_points(candidates, decision)
    return EvidencePart(
        metric=decision.metric,
        sentence=decision.sentence,
        picture=_picture(points, decision.metric, digest),
        points=points,
        candidates=tuple(_candidate(one, decision, beside) for one in candidates),
        beside=beside,
        costs=CANDIDATE_COSTS,
        scores=_scores(measurements_of(map_of(facts, "cert")), winner),
        classes=class_rows(winner),
        groups=group_rows(winner),
        methods=cost_rows(evidence_of(map_of(facts, "released"))),
    )


def _tell_undecided(facts: Facts) -> EvidencePart:
    """What a release without a choice on record has: scores on cert, costs of what was released."""
    released = evidence_of(map_of(facts, "released"))
    return EvidencePart(
        metric=text_of(facts, "metric"),
        sentence="",
        picture=None,
        points=(),
        candidates=(),
        beside=(),
        costs=CANDIDATE_COSTS,
        scores=_scores(measurements_of(map_of(facts, "cert")), None),
        classes=(),
        groups=(),
        methods=cost_rows(released),
    )


def _picture(points: Sequence[CostPoint], metric: str, digest: str) -> Picture | None:
    if not points:
        return None
    words = "; ".join(f"{point.rung} {point.quality:.3f} at {point.cost:.3g} s" for point in points)
    alt = f"{metric} on dev against CPU-seconds per 1,000 predictions: {words}"
    svg = keep_drawn(["costs", digest], lambda: render_svg(draw_costs(points, metric=metric), alt=alt))
    caption = (
        f"Each candidate's {metric} on dev, with its interval, against what 1,000 predictions cost. Tied: "
        "shown to be within the margin of the best; the cheapest of the best and these is chosen."
    )
    return Picture(svg, caption)


def _candidate(evidence: Evidence, decision: Decision, beside: Sequence[str]) -> CandidateRow:
    return CandidateRow(
        rung=evidence.rung,
        standing=standing(evidence, decision),
        reason=evidence.reason or decision.lost.get(evidence.rung, ""),
        quality=describe_quality(evidence.find(decision.metric, split="dev")),
        scores=tuple(describe_quality(evidence.find(name, split="dev")) for name in beside),
        costs=tuple(describe_cost(evidence.find(name)) for name in CANDIDATE_COSTS),
    )


def _scores(cert: Sequence[Measurement], winner: Evidence | None) -> tuple[ScoreRow, ...]:
    measured = () if winner is None else winner.measurements
    on_dev = [one for one in measured if one.split == "dev" and one.slice == "all"]
    return tuple(
        ScoreRow(
            one.split or "cert",
            MethodRow(one.name, one.unit, describe_quality(one), one.n, one.method, one.detail),
        )
        for one in (*cert, *on_dev)
    )
