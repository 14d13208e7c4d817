"""Which measurements a gate is about: name, split and a pattern of slices.

A slice is `all`, `<column>=<value>`, or several of these joined by ` & `, in any order. In a pattern a value
may have `*` for any letters (`sex=*`, `perturbation=*@1`), and `*` alone is every slice there is.
Always: what was measured but has no value is matched too, so that it is judged, not passed over.
Not covered: a value that itself holds ` & <word>=` reads as an intersection.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from smallcraft.records import GateSpec, Measurement, Outcome, Verdict

ANY = "*"


def select_measurements(
    gate: GateSpec, measurements: Sequence[Measurement], *, name: str = ""
) -> tuple[Measurement, ...]:
    """The measurements that a gate judges, each once, in the order given.

    Args:
        gate: Says name, split and slices.
        measurements: All there are of one candidate.
        name: What is judged where the gate names no measurement.
    """
    wanted = gate.measurement or name
    return tuple(
        dict.fromkeys(
            found
            for found in measurements
            if found.name == wanted and found.split == gate.split and is_in_pattern(found.slice, gate.slice)
        )
    )


def is_in_pattern(slice_name: str, pattern: str) -> bool:
    """Whether a slice is one that the pattern means.

    >>> is_in_pattern("sex=Female", "sex=*"), is_in_pattern("sex=Female & race=Black", "sex=*")
    (True, False)
    >>> is_in_pattern("race=Black & sex=Female", "sex=Female & race=*"), is_in_pattern("all", "*")
    (True, True)
    """
    if pattern in (ANY, slice_name):
        return True
    terms, wanted = _terms(slice_name), _terms(pattern)
    if len(terms) != len(wanted):
        return False
    pairs = zip(sorted(terms, key=_column), sorted(wanted, key=_column), strict=True)
    return all(_fits(term, other) for term, other in pairs)


def unmeasured_verdict(gate: GateSpec, measurements: Sequence[Measurement], *, name: str = "") -> Verdict:
    """UNDECIDED for a gate that matches nothing, naming where else its quantity was measured."""
    wanted = gate.measurement or name
    elsewhere = [found for found in measurements if found.name == wanted]
    reason = "no such slice was measured" if ANY in gate.slice else "it was not measured"
    needs = f"measure {wanted or 'it'}"
    if gate.slice != "all":
        needs += f" by slice: declare its column under [data] groups, with enough rows of {gate.slice}"
    places = sorted({_place(found) for found in elsewhere})
    if places:
        needs = f"{wanted} was measured on {', '.join(places[:5])}; name one of these, or {needs}"
    return Verdict(
        gate.name, Outcome.UNDECIDED, reason, needs, gate.required, measurement=wanted, slice=gate.slice
    )


def _terms(slice_name: str) -> list[str]:
    """A part without `=` belongs to the value before it."""
    terms: list[str] = []
    for part in slice_name.split(" & "):
        if terms and "=" not in part:
            terms[-1] += f" & {part}"
        else:
            terms.append(part)
    return terms


def _fits(term: str, wanted: str) -> bool:
    """One term of a slice and one of a pattern; `*` stands for letters in the value, never in the column."""
    column, _, value = wanted.partition("=")
    if ANY not in value or _column(term) != column:
        return term == wanted
    letters = ".*".join(re.escape(part) for part in value.split(ANY))
    return re.fullmatch(letters, term[len(column) + 1 :], re.DOTALL) is not None


def _column(term: str) -> str:
    return term.partition("=")[0]


def _place(found: Measurement) -> str:
    split = found.split or "no split"
    return split if found.slice == "all" else f"{split}, {found.slice}"
