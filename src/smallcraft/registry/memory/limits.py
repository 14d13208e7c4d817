"""What a release is not shown to be good for, in sentences taken from its own evidence.

Leaves to others: what only a person knows (`[card]` of the project file).
Always: made of recorded facts alone; an open question stands with what would settle it.
"""

from __future__ import annotations

from smallcraft.registry.memory.evidence import Facts, list_of, map_of, text_of

_ENOUGH_ALIKE = 3


def list_limits(facts: Facts) -> tuple[str, ...]:
    """Open and failed gates, what the audits found, what the sealed set cannot tell, what is unsaid."""
    return (
        *_limits_of_gates(facts),
        *_limits_of_audits(facts),
        *_limits_of_cert(map_of(facts, "cert")),
        *_limits_of_data(facts),
    )


def _limits_of_gates(facts: Facts) -> tuple[str, ...]:
    """What is not shown; of a gate over many slices the first few."""
    told: dict[str, list[str]] = {}
    for verdict in list_of(facts, "verdicts"):
        outcome = text_of(verdict, "outcome")
        if outcome in ("FAIL", "UNDECIDED"):
            needs = text_of(verdict, "needs")
            settled = f"; would settle it: {needs}" if needs else ""
            gate = text_of(verdict, "gate")
            told.setdefault(gate, []).append(
                f"gate {gate} is {outcome}: {text_of(verdict, 'reason')}{settled}"
            )
    return tuple(line for gate, lines in told.items() for line in _first(lines, f"gate {gate}"))


def _first(lines: list[str], what: str) -> tuple[str, ...]:
    rest = len(lines) - _ENOUGH_ALIKE
    return (*lines[:_ENOUGH_ALIKE], *((f"{what}: the same of {rest} more slices",) if rest > 0 else ()))


def _limits_of_audits(facts: Facts) -> tuple[str, ...]:
    """The gist of each audit that had something to show."""
    return tuple(
        f"{text_of(audit, 'audit')}: {text_of(audit, 'summary')}"
        for audit in list_of(facts, "audits")
        if list_of(audit, "findings")
    )


def _limits_of_cert(cert: Facts) -> tuple[str, ...]:
    clock = cert.get("clock")
    wear = text_of(cert, "wear")
    return (
        *((f"the sealed test set: {wear}",) if wear else ()),
        *(
            f"the sealed test set: {sentence}"
            for sentence in (clock if isinstance(clock, list | tuple) else ())
        ),
    )


def _limits_of_data(facts: Facts) -> tuple[str, ...]:
    index = map_of(map_of(facts, "quality"), "index")
    told = []
    if index and index.get("value") is None:
        told.append(f"how many labels are right is not known: {text_of(index, 'detail')}")
    for key, what in (("license", "licence"), ("source", "source")):
        if "data" in facts and not map_of(facts, "data").get(key):
            told.append(f"the {what} of the data is not stated")
    return tuple(told)
