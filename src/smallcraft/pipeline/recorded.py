"""What a build recorded, as values: measurements, evidence of candidates, the choice among them, verdicts.

Leaves to others: reading the facts (`registry.store`), tables and pictures of them.
Always: a field that is not there is not made up: it stays not measured, or not recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from smallcraft.records import CandidateStatus, Decision, Evidence, Measurement, Outcome, Verdict
from smallcraft.registry.memory.evidence import Facts, confidence_of, list_of, map_of, number_of, text_of

_NUMBERS = ("value", "low", "high", "level", "hits", "trials", "rest_hits", "rest_trials")
_STATUSES = frozenset(status.value for status in CandidateStatus)
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)
_WORDS = tuple(field.name for field in fields(Measurement) if field.name not in {*_NUMBERS, "n", "split"})


def measurement_of(entry: Facts) -> Measurement:
    """One measurement; numbers as numbers, however JSON spelled them."""
    words = {name: text_of(entry, name) for name in _WORDS}
    split = text_of(entry, "split") or None
    numbers = {name: number_of(entry, name) for name in _NUMBERS}
    words["slice"] = words["slice"] or "all"
    return Measurement(**words, **numbers, n=int(number_of(entry, "n") or 0), split=split)  # type: ignore[arg-type]


def measurements_of(facts: Facts) -> tuple[Measurement, ...]:
    """Everything under `measurements`, in its order."""
    return tuple(measurement_of(entry) for entry in list_of(facts, "measurements") if text_of(entry, "name"))


def evidence_of(entry: Facts) -> Evidence:
    """One candidate."""
    status = text_of(entry, "status")
    return Evidence(
        rung=text_of(entry, "rung"),
        # What nobody recorded does not count as measured.
        status=CandidateStatus(status) if status in _STATUSES else CandidateStatus.SKIPPED,
        candidate=text_of(entry, "candidate") or None,
        measurements=measurements_of(entry),
        reason=text_of(entry, "reason"),
    )


def candidates_of(facts: Facts) -> tuple[Evidence, ...]:
    """Every candidate of a build, in the ladder's order."""
    return tuple(evidence_of(entry) for entry in list_of(facts, "candidates"))


def decision_of(facts: Facts) -> Decision:
    """The choice among them."""
    told = map_of(facts, "decision")
    tied = told.get("tied")
    return Decision(
        chosen=text_of(told, "chosen") or text_of(facts, "chosen") or None,
        best=text_of(told, "best") or None,
        tied=tuple(map(str, tied)) if isinstance(tied, list | tuple) else (),
        lost={str(rung): str(reason) for rung, reason in map_of(told, "lost").items()},
        metric=text_of(told, "metric") or text_of(facts, "metric") or "accuracy",
        margin=number_of(told, "margin") or 0.0,
        confidence=confidence_of(told),
        sentence=text_of(told, "sentence"),
    )


def verdicts_of(facts: Facts) -> tuple[Verdict, ...]:
    """What every gate said: what blocks first, then what is not settled, then what passed."""
    found: Sequence[Verdict] = [_verdict(entry) for entry in list_of(facts, "verdicts")]
    return tuple(sorted(found, key=lambda one: (not one.blocks, one.outcome is Outcome.PASS)))


def _verdict(entry: Facts) -> Verdict:
    """A gate's word; an outcome that is none counts as undecided."""
    outcome = text_of(entry, "outcome")
    return Verdict(
        gate=text_of(entry, "gate"),
        outcome=Outcome(outcome if outcome in _OUTCOMES else "UNDECIDED"),
        reason=text_of(entry, "reason"),
        needs=text_of(entry, "needs") or None,
        required=bool(entry.get("required", True)),
        measurement=text_of(entry, "measurement"),
        slice=text_of(entry, "slice") or "all",
    )
