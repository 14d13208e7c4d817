"""PASS, FAIL or UNDECIDED of measurements against a tolerance, with the error rate that the gate states.

A measurement passes when its whole interval is inside the tolerance, fails when it is wholly outside, and is
undecided otherwise. Over `m` slices every one must pass, so PASS needs no correction (intersection-union);
any may fail, so FAIL is corrected by Holm's steps: all are tested at `1 - alpha / m`, and when some fail the
rest is tested again as if it were alone. A tolerance with two sides has two ways to fail and pays for both.
Always: the chance of any FAIL while every truth is inside or at the limit is at most `1 - confidence`; so is
that of PASS for a slice whose truth is outside. No value, or one that is not finite, is UNDECIDED.
Source: Holm (1979), Scandinavian Journal of Statistics 6:65-70; Berger (1982), Technometrics 24:295-300.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError
from smallcraft.gates.bounds import are_as_measured, bounds_at
from smallcraft.gates.matching import select_measurements, unmeasured_verdict
from smallcraft.gates.settling import what_settles
from smallcraft.gates.tolerance import Tolerance
from smallcraft.records import GateSpec, Interval, Measurement, Outcome, Verdict


@dataclass(frozen=True)
class Doubt:
    """Why a measurement cannot be judged though it has a value, and what would change that.

    Attributes:
        why: What was wrong.
        needs: What would bring one that can be judged.
        only_worsens: Whether that can only have made it worse: one that keeps the limit all the same passes.
    """

    why: str
    needs: str
    only_worsens: bool = False


Doubter = Callable[[Measurement], Doubt | None]


@dataclass(frozen=True)
class _Test:
    """How a measurement came out of Holm's steps over `slices` of them.

    Attributes:
        is_failed: Its whole interval was outside at `confidence`.
        confidence: One-sided, corrected: of the step that it failed in, or of the last one.
        slices: How many were tested.
    """

    is_failed: bool
    confidence: float
    slices: int


@dataclass(frozen=True)
class _Tests:
    """Corrected confidences: by position of what failed, and of the last step."""

    failed: Mapping[int, float]
    last: float
    slices: int

    def of(self, at: int) -> _Test:
        return _Test(at in self.failed, self.failed.get(at, self.last), self.slices)


def judge_slices(
    gate: GateSpec,
    measurements: Sequence[Measurement],
    tolerance: Tolerance,
    *,
    name: str = "",
    needs: str = "",
    doubt: Doubter | None = None,
) -> tuple[Verdict, ...]:
    """Judge every measurement that a gate matches.

    Args:
        gate: Says which, and the confidence.
        measurements: All there are of one candidate.
        tolerance: What is allowed.
        name: What is judged where the gate names no measurement.
        needs: What settles an UNDECIDED where that is not more rows.
        doubt: Says which measurements cannot be judged.

    Returns:
        One verdict a measurement, in the order given; one UNDECIDED where there is none.

    Raises:
        InvalidInputError: The gate names no measurement and the rule knows none, or its confidence is not
            in (0.5, 1).
    """
    require_sound(gate, name)
    found = select_measurements(gate, measurements, name=name)
    if not found:
        return (unmeasured_verdict(gate, measurements, name=name),)
    unjudged = {
        at: verdict for at, one in enumerate(found) if (verdict := _unjudged(gate, one, tolerance, doubt))
    }
    known = {at: one for at, one in enumerate(found) if at not in unjudged}
    tested = _test_all(known, tolerance, gate.confidence)
    return tuple(
        unjudged[at] if at in unjudged else _judged(gate, one, tolerance, tested.of(at), needs=needs)
        for at, one in enumerate(found)
    )


def require_sound(gate: GateSpec, name: str = "") -> None:
    """Refuse a gate that cannot be judged by anything.

    Raises:
        InvalidInputError: It names no measurement and the rule knows none, or its confidence is not in
            (0.5, 1).
    """
    if not (gate.measurement or name):
        raise InvalidInputError(f"gate '{gate.name}' must name the measurement it judges, got none")
    if not 0.5 < gate.confidence < 1:
        raise InvalidInputError(
            f"the confidence of gate '{gate.name}' must be in (0.5, 1), got {gate.confidence:g}; "
            "0.95 is usual"
        )


def _test_all(found: Mapping[int, Measurement], tolerance: Tolerance, confidence: float) -> _Tests:
    """Holm's steps by bounds: what fails at `1 - alpha / m` leaves, the rest is tested as that many fewer."""
    failed: dict[int, float] = {}
    left, strict = list(found), confidence
    while left:
        strict = 1 - (1 - confidence) / (len(left) * tolerance.sides)
        out = [at for at in left if tolerance.excludes(bounds_at(found[at], strict))]
        if not out:
            break
        failed |= dict.fromkeys(out, strict)
        left = [at for at in left if at not in failed]
    return _Tests(failed, strict, len(found))


def _judged(gate: GateSpec, found: Measurement, tolerance: Tolerance, test: _Test, *, needs: str) -> Verdict:
    bounds, outcome, missing = bounds_at(found, gate.confidence), Outcome.PASS, None
    if test.is_failed:
        bounds, outcome = bounds_at(found, test.confidence), Outcome.FAIL
    elif not tolerance.holds(bounds):
        bounds, outcome = bounds_at(found, test.confidence), Outcome.UNDECIDED
        missing = needs or what_settles(found, tolerance, to_pass=gate.confidence, to_fail=test.confidence)
    notes = []
    if are_as_measured(found):
        notes.append("bounds as measured")
    elif test.slices > 1 and outcome is not Outcome.PASS:
        notes.append(f"corrected for {test.slices} slices")
    reason = _reason(found, bounds, tolerance, outcome) + (f" ({notes[0]})" if notes else "")
    return verdict_of(gate, found, outcome, reason, missing)


def verdict_of(
    gate: GateSpec, found: Measurement, outcome: Outcome, reason: str, needs: str | None = None
) -> Verdict:
    """A gate's word on one measurement."""
    return Verdict(gate.name, outcome, reason, needs, gate.required, found.name, found.slice)


def valueless_verdict(gate: GateSpec, found: Measurement) -> Verdict | None:
    """UNDECIDED where there is no value, passing on why; None where there is one."""
    if found.value is not None and math.isfinite(found.value):
        return None
    # A detail says why there is no value and, behind a semicolon, what would bring one.
    told = found.detail.removeprefix("not measured: ") or "it could not be measured"
    why, _, remedy = told.partition("; ")
    reason = f"{found.name}{place_of(found)} has no value: {why}"
    return verdict_of(gate, found, Outcome.UNDECIDED, reason, remedy or why)


def _unjudged(
    gate: GateSpec, found: Measurement, tolerance: Tolerance, doubt: Doubter | None
) -> Verdict | None:
    """UNDECIDED where there is no value, or reason to doubt it."""
    valueless = valueless_verdict(gate, found)
    doubted = None if valueless is not None or doubt is None else doubt(found)
    if doubted is None:
        return valueless
    if doubted.only_worsens and tolerance.holds(bounds_at(found, gate.confidence)):
        return None
    reason = f"{found.name} {shown(found)}{place_of(found)} does not gate: {doubted.why}"
    return verdict_of(gate, found, Outcome.UNDECIDED, reason, doubted.needs)


def _reason(found: Measurement, bounds: Interval, tolerance: Tolerance, outcome: Outcome) -> str:
    said = {
        Outcome.PASS: "is",
        Outcome.FAIL: "is not",
        Outcome.UNDECIDED: "is not shown to be, nor shown not to be,",
    }[outcome]
    return f"{found.name} {shown(found, bounds)}{place_of(found)} {said} {tolerance.asked}"


def shown(found: Measurement, bounds: Interval | None = None) -> str:
    """A value with its bounds, n and unit, as reasons print it."""
    unit = "" if found.unit in {"fraction", "score"} else f" {found.unit}"
    if bounds is None or bounds.low == bounds.high == found.value:
        return f"{found.value:.4g}{unit}"
    low = f"{bounds.low:.4g}" if math.isfinite(bounds.low) else "?"
    high = f"{bounds.high:.4g}" if math.isfinite(bounds.high) else "?"
    return f"{found.value:.4g} [{low}, {high}]{unit} (n={found.n})"


def place_of(found: Measurement) -> str:
    """Split and slice, as reasons print them."""
    where = "" if found.split is None else f" on {found.split}"
    return where if found.slice == "all" else f"{where} for {found.slice}"
