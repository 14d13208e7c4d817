"""The decision behind a release: what changed, why it was accepted, how to use it and how to go back.

The reason is a person's or a rule's; everything else in the record follows from the evidence of the release
and of its parent, and is computed again by whoever checks it: a number edited by hand does not survive.
Leaves to others: the difference itself (`memory.deltas`), candidates that lost (`memory.trials`).
Always: equal evidence gives equal bytes; an accepted release has a reason and no gate that blocks it.
Not covered: a reason that is untrue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from smallcraft.canonical import canonical_json, digest_bytes, plain
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.memory.deltas import Delta, compute_delta, parse_delta
from smallcraft.registry.memory.evidence import Facts, Side, confidence_of, list_of, map_of, text_of
from smallcraft.registry.memory.limits import list_limits
from smallcraft.registry.memory.reading import read_object
from smallcraft.registry.memory.rechecking import drawing_versions, first_discrepancy
from smallcraft.registry.memory.trials import trials_of_build

DECISION_FILE = "decision.json"
Verdict = Literal["accept", "reject", "revert", "crash"]
Author = Literal["person", "rule"]
_FORMAT = 1
REASON_LIMIT = 4000


@dataclass(frozen=True)
class Rationale:
    """Why; `by` says whether a person or a rule wrote it."""

    text: str
    by: Author


@dataclass(frozen=True)
class Parent:
    """A release that this one follows: its label, and the digest of its manifest."""

    release: str
    manifest: str


@dataclass(frozen=True)
class Tried:
    """A candidate of the build: its rung, how it ended, and why."""

    rung: str
    status: str
    reason: str


@dataclass(frozen=True)
class DecisionRecord:
    """What `decision.json` of a release holds.

    Attributes:
        verdict: What was decided.
        release: The release it is about.
        parents: What it follows; the first is what the delta compares with.
        delta: What changed.
        rationale: Why.
        usage: How to use it: a Python snippet.
        limits: What it is not shown to be good for.
        rollback: The command that goes back to the parent; None for a first release.
        evidence: Path inside the release to the digest of each file that the record rests on.
        tried: Every candidate of the build, the winner included.
        decision: The choice among them, as the build recorded it.
        verdicts: What every gate said.
        computed_with: Versions of the packages that drew the intervals.
    """

    verdict: Verdict
    release: str
    parents: tuple[Parent, ...]
    delta: Delta
    rationale: Rationale
    usage: str
    limits: tuple[str, ...]
    rollback: str | None
    evidence: Mapping[str, str]
    tried: tuple[Tried, ...]
    decision: Mapping[str, Any]
    verdicts: tuple[Mapping[str, Any], ...]
    computed_with: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """The document."""
        told: dict[str, Any] = {key: plain(value) for key, value in vars(self).items() if key != "delta"}
        return {"format": _FORMAT, **told, "delta": self.delta.as_json()}


def write_decision(
    before: Side | None,
    after: Side,
    *,
    verdict: Verdict,
    rationale: Rationale,
    parents: Sequence[Parent],
    evidence: Sequence[str],
) -> bytes:
    """The bytes of `decision.json`.

    Args:
        before: The first parent; None when there is none.
        after: The release that is decided on; its files can be read already.
        verdict: What was decided.
        rationale: Why.
        parents: What it follows.
        evidence: Paths of the files that the record rests on.

    Raises:
        InvalidInputError: No reason, an accepted release with a gate that blocks it, or parents that are not
            those that are compared.
        NotFoundError: A path of `evidence` is not in the release.
        IntegrityError: A file of either side is not what its path says.
    """
    _require_sound(before, after, verdict=verdict, rationale=rationale, parents=parents)
    digests = {path: digest_bytes(after.read(path)) for path in sorted(set(evidence))}
    record = _compose(
        before, after, verdict=verdict, rationale=rationale, parents=tuple(parents), evidence=digests
    )
    return canonical_json(record.as_json())


def parse_decision(data: bytes, *, what: str = DECISION_FILE) -> DecisionRecord:
    """A decision from its bytes.

    Raises:
        IntegrityError: The bytes are not what `write_decision` gives.
    """
    document = read_object(data, what=what, version=_FORMAT)
    try:
        return DecisionRecord(
            **{
                **document,
                "verdict": _known(document["verdict"]),
                "parents": tuple(Parent(**parent) for parent in document["parents"]),
                "delta": parse_delta(document["delta"]),
                "rationale": _parse_rationale(document["rationale"]),
                "limits": tuple(document["limits"]),
                "tried": tuple(Tried(**one) for one in document["tried"]),
                "verdicts": tuple(document["verdicts"]),
            }
        )
    except (TypeError, KeyError, InvalidInputError) as error:
        raise IntegrityError(
            f"{what} must have the fields of a decision ({error}); restore the registry from a copy"
        ) from error


def check_decision(data: bytes, *, before: Side | None, after: Side) -> DecisionRecord:
    """Compute everything a decision derives from evidence once more, and compare.

    Args:
        data: The stored `decision.json`.
        before: The parent that the decision names first; None where it names none.
        after: The release it belongs to.

    Returns:
        The decision, which holds.

    Raises:
        IntegrityError: The first field that differs, with what it says and what the evidence gives.
        InvalidInputError: The parent is not the one that the decision names.
    """
    what = f"{DECISION_FILE} of {after.label}"
    record = parse_decision(data, what=what)
    named = record.parents[0].release if record.parents else None
    if named != (before.label if before else None):
        raise InvalidInputError(
            f"{what} follows {named or 'no release'}, got {before.label if before else 'none'} to compare "
            "with; give the parent that it names"
        )
    for path, digest in sorted(record.evidence.items()):
        stored = after.file(path)
        found = None if stored is None else digest_bytes(stored)
        if found != digest:
            raise _differs(what, f"evidence/{path}", digest, found or "no such file")
    given = _compose(
        before,
        after,
        verdict=record.verdict,
        rationale=record.rationale,
        parents=record.parents,
        evidence=record.evidence,
    )
    said, computed = (plain({**one.as_json(), "computed_with": {}}) for one in (record, given))
    are_alike = dict(record.computed_with) == dict(drawing_versions())
    if found_first := first_discrepancy(said, computed, are_draws_alike=are_alike):
        raise _differs(what, found_first.path, found_first.said, found_first.given)
    if record.verdict == "accept" and _is_blocked(after.facts):
        raise _differs(what, "verdict", "accept", "a gate that blocks it")
    return record


def rule_rationale(facts: Facts) -> Rationale:
    """The reason where no person gave one: the choice in a sentence, and that every gate let it pass."""
    gates = list_of(facts, "verdicts")
    passed = sum(verdict.get("outcome") == "PASS" for verdict in gates)
    return Rationale(
        f"{text_of(facts, 'sentence') or 'not recorded'}; {passed} of {len(gates)} gates PASS", "rule"
    )


def usage_of(label: str, facts: Facts) -> str:
    """A snippet that asks the release about the columns it reads.

    >>> print(usage_of("helpdesk@3", {"task": {"text": "message", "features": []}}))
    from smallcraft.api import load
    <BLANKLINE>
    load("helpdesk@3").predict(["..."])  # message
    """
    task = map_of(facts, "task")
    features = task.get("features")
    columns = [
        *([task["text"]] if task.get("text") else []),
        *(features if isinstance(features, list | tuple) else ()),
    ]
    if columns == [task.get("text")]:
        asked, note = '["..."]', f"  # {columns[0]}"
    else:
        asked, note = "{" + ", ".join(f'"{column}": [...]' for column in columns) + "}", ""
    return f'from smallcraft.api import load\n\nload("{label}").predict({asked}){note}'


def rollback_command(parent: str) -> str:
    """The command that makes an earlier release the stable one again.

    >>> rollback_command("helpdesk@2")
    'smallcraft alias stable helpdesk@2 --because "..."'
    """
    return f'smallcraft alias stable {parent} --because "..."'


def _compose(
    before: Side | None,
    after: Side,
    *,
    verdict: Verdict,
    rationale: Rationale,
    parents: tuple[Parent, ...],
    evidence: Mapping[str, str],
) -> DecisionRecord:
    """Everything that follows from the evidence, beside what was said."""
    facts = after.facts
    chosen = Tried(text_of(facts, "chosen"), "chosen", text_of(facts, "sentence"))
    lost = [Tried(trial.rung, trial.status, trial.reason) for trial in trials_of_build(facts)]
    return DecisionRecord(
        verdict=verdict,
        release=after.label,
        parents=parents,
        delta=compute_delta(before, after, confidence=confidence_of(facts)),
        rationale=rationale,
        usage=usage_of(after.label, facts),
        limits=list_limits(facts),
        rollback=rollback_command(parents[0].release) if parents else None,
        evidence=evidence,
        tried=(chosen, *lost),
        decision=map_of(facts, "decision"),
        verdicts=tuple(list_of(facts, "verdicts")),
        computed_with=drawing_versions(),
    )


def _require_sound(
    before: Side | None, after: Side, *, verdict: Verdict, rationale: Rationale, parents: Sequence[Parent]
) -> None:
    length = len(rationale.text.strip())
    if not 1 <= length <= REASON_LIMIT:
        raise InvalidInputError(
            f"a decision needs a reason of 1 to {REASON_LIMIT} characters, got {length}; "
            'say why with --because "..."'
        )
    first = parents[0].release if parents else None
    if first != (before.label if before else None):
        raise InvalidInputError(
            f"the first parent must be what {after.label} is compared with, got {first or 'no parent'} and "
            f"{before.label if before else 'none'}; pass the same release as both"
        )
    if verdict == "accept" and _is_blocked(after.facts):
        raise InvalidInputError(
            f"{after.label} cannot be accepted: a gate blocks it; record it with the verdict 'reject'"
        )


def _is_blocked(facts: Facts) -> bool:
    return any(trial.status in ("failed", "undecided") for trial in trials_of_build(facts))


def _parse_rationale(part: Mapping[str, Any]) -> Rationale:
    rationale = Rationale(**part)
    if rationale.by not in get_args(Author):
        raise InvalidInputError(f"a reason is by one of {', '.join(get_args(Author))}, got {rationale.by!r}")
    return rationale


def _known(verdict: str) -> Verdict:
    if verdict not in get_args(Verdict):
        raise InvalidInputError(f"a verdict must be one of {', '.join(get_args(Verdict))}, got {verdict!r}")
    return verdict  # type: ignore[return-value]  # just checked


def _differs(what: str, path: str, said: str, given: str) -> IntegrityError:
    return IntegrityError(
        f"{what}: {path}: decision says {said}, the evidence gives {given}; do not trust what it says, "
        "look at the evidence itself"
    )
