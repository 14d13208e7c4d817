"""What a build recorded, as values: measurements, evidence of candidates, the choice among them, verdicts.

Leaves to others: reading the facts (`registry.store`), tables and pictures of them.
Always: a field that is not there is not made up: it stays not measured, or not recorded; a record without
what every record of its kind has (rows counted, margin, confidence) is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from smallcraft.errors import InvalidInputError
from smallcraft.records import CandidateStatus, Decision, Evidence, Measurement, Outcome, Verdict
from smallcraft.registry.memory.evidence import Facts, list_of, map_of, number_of, text_of

_STATUSES = frozenset(status.value for status in CandidateStatus)
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)
_REMEDY = "only what `smallcraft build` recorded is read; run it again"


def measurement_of(entry: Facts) -> Measurement:
    """One measurement; numbers as numbers, however JSON spelled them (2.0 as 2).

    Raises:
        InvalidInputError: It does not say what it is called, or how many rows it counted.
    """
    name = text_of(entry, "name")
    if not name:
        raise InvalidInputError(f"a measurement must have a name, got {dict(entry)}; {_REMEDY}")
    return Measurement(
        name,
        number_of(entry, "value"),
        text_of(entry, "unit"),
        _count_of(entry, "n", whose=f"measurement '{name}'"),
        text_of(entry, "method"),
        low=number_of(entry, "low"),
        high=number_of(entry, "high"),
        split=text_of(entry, "split") or None,
        slice=text_of(entry, "slice") or "all",
        detail=text_of(entry, "detail"),
        level=number_of(entry, "level"),
        hits=number_of(entry, "hits"),
        trials=number_of(entry, "trials"),
        rest_hits=number_of(entry, "rest_hits"),
        rest_trials=number_of(entry, "rest_trials"),
    )


def measurements_of(facts: Facts) -> tuple[Measurement, ...]:
    """Everything under `measurements`, in its order."""
    return tuple(measurement_of(entry) for entry in list_of(facts, "measurements"))


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


def decision_of(facts: Facts) -> Decision | None:
    """The choice among them; None where none is recorded.

    Raises:
        InvalidInputError: It does not say by which margin and confidence it was made.
    """
    told = map_of(facts, "decision")
    if not told:
        return None
    tied = told.get("tied")
    return Decision(
        chosen=text_of(told, "chosen") or text_of(facts, "chosen") or None,
        best=text_of(told, "best") or None,
        tied=tuple(map(str, tied)) if isinstance(tied, list | tuple) else (),
        lost={str(rung): str(reason) for rung, reason in map_of(told, "lost").items()},
        metric=text_of(told, "metric") or text_of(facts, "metric") or "accuracy",
        margin=_needed_number_of(told, "margin", whose="the decision"),
        confidence=_needed_number_of(told, "confidence", whose="the decision"),
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


def _needed_number_of(entry: Facts, key: str, *, whose: str) -> float:
    """A number that every record of its kind has."""
    number = number_of(entry, key)
    if number is None:
        got = f"got {entry[key]!r}" if key in entry else "there is none"
        raise InvalidInputError(f"{whose} must record '{key}' as a number, {got}; {_REMEDY}")
    return number


def _count_of(entry: Facts, key: str, *, whose: str) -> int:
    """A whole number, 0 or more."""
    number = _needed_number_of(entry, key, whose=whose)
    if number < 0 or not number.is_integer():
        raise InvalidInputError(f"{whose} must record '{key}' as a count, got {entry[key]!r}; {_REMEDY}")
    return int(number)
