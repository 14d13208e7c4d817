"""The build once more, up to the bundle: climb, choose, weigh, audit, refit; with the recorded costs.

Left to others: the question to cert (`sealed`), what the outputs say beside the record (`outputs`).
Always: the stages are those of a build; labels of cert are not read by any model; what was decided by cost is
decided by the costs on record, so that the rest can be judged exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smallcraft.errors import InvalidInputError
from smallcraft.models.ladder import check_rungs
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.reproducing.clock import is_timed, with_recorded_costs
from smallcraft.pipeline.reproducing.origin import Origin
from smallcraft.pipeline.reproducing.record import CostBeside
from smallcraft.pipeline.stages.audit import audit_winner
from smallcraft.pipeline.stages.climb import choose_winner, climb_ladder, refit_winner, split_of
from smallcraft.pipeline.stages.measure import Measured
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.pipeline.stages.weigh import Weighed, weigh_choice
from smallcraft.records import AuditResult, Decision, Evidence


@dataclass(frozen=True)
class Rebuilt:
    """What came of the build this time.

    Attributes:
        prepared: Its rows.
        workshop: What it trained from.
        candidates: Every rung tried, with the costs on record.
        timed: The same with the costs as they were measured now.
        decision: By the costs on record.
        decision_now: By the costs measured now.
        winner: The candidate of the recorded choice, so that like is set beside like.
        weighed: What the choice rests on.
        audits: Of the winner.
        released: The winner as it would ship, with the costs on record.
    """

    prepared: Prepared
    workshop: Workshop
    candidates: tuple[Measured, ...]
    timed: tuple[Evidence, ...]
    decision: Decision
    decision_now: Decision
    winner: Measured
    weighed: Weighed
    audits: tuple[AuditResult, ...]
    released: Measured


def rebuild(
    config: Config, origin: Origin, prepared: Prepared, workshop: Workshop, *, listener: Listener
) -> Rebuilt:
    """Train everything again in the workspace of `config`.

    Args:
        config: The recorded settings, moved to an empty workspace.
        origin: What was recorded.
        prepared: The rows.
        workshop: Over the train rows.
        listener: Told as things happen.

    Raises:
        InvalidInputError: The rung that was released cannot be built here; the message says why.
    """
    check_rungs(config.ladder.rungs or ())
    timed = climb_ladder(config, prepared, workshop, listener)
    candidates = [_with_costs(found, origin.candidates.get(found.attempt.rung)) for found in timed]
    winner = _winner(candidates, origin)
    decision = choose_winner(config, candidates)
    listener.decided(decision)
    dev = split_of(prepared, "dev")
    weighed = weigh_choice(config, candidates, winner, dev, workshop, best=decision.best, listener=listener)
    listener.stage(f"auditing {winner.attempt.rung}")
    audits = audit_winner(config, winner, dev, workshop, listener=listener)
    released = refit_winner(config, prepared, workshop, winner, listener)
    return Rebuilt(
        prepared=prepared,
        workshop=workshop,
        candidates=tuple(candidates),
        timed=tuple(found.evidence for found in timed),
        decision=decision,
        decision_now=choose_winner(config, timed),
        winner=winner,
        weighed=weighed,
        audits=audits,
        released=_with_costs(released, origin.released),
    )


def costs_beside(origin: Origin, rebuilt: Rebuilt) -> tuple[CostBeside, ...]:
    """The costs of the chosen candidate, as recorded and as measured now."""
    rung = rebuilt.winner.attempt.rung
    now = next(found for found in rebuilt.timed if found.rung == rung)
    recorded = origin.candidates[rung]
    return tuple(
        CostBeside(m.name, m.unit, None if (was := recorded.find(m.name)) is None else was.value, m.value)
        for m in now.measurements
        if is_timed(m.name, m.unit)
    )


def _with_costs(found: Measured, recorded: Evidence | None) -> Measured:
    return replace(found, evidence=with_recorded_costs(found.evidence, recorded))


def _winner(candidates: Sequence[Measured], origin: Origin) -> Measured:
    """The rung that was released, whatever the rebuilt candidates would lead to."""
    by_rung = {found.attempt.rung: found for found in candidates}
    found = by_rung.get(origin.chosen)
    if found is not None and found.predictions is not None:
        return found
    why = "it is not on the ladder" if found is None else f"{found.attempt.status}: {found.attempt.reason}"
    raise InvalidInputError(f"{origin.label} is a {origin.chosen}, which cannot be built here: {why}")
