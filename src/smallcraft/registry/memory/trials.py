"""The candidates that did not become a release: a small document each, so that nothing tried is forgotten.

Leaves to others: the release that was made (`memory.decisions`), writing entries (the registry).
Always: made of recorded facts alone; each names the bundle it lost to, so it can be told with that release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from smallcraft.canonical import canonical_json, plain
from smallcraft.errors import IntegrityError
from smallcraft.registry.memory.evidence import (
    Facts,
    Figure,
    candidate_of,
    find_figure,
    list_of,
    map_of,
    text_of,
)
from smallcraft.registry.memory.reading import read_object

Status = Literal["lost", "skipped", "stopped", "crashed", "failed", "undecided"]
VERDICTS: Mapping[Status, str] = {
    "lost": "reject",
    "skipped": "reject",
    "stopped": "reject",
    "crashed": "crash",
    "failed": "reject",
    "undecided": "reject",
}
_UNBUILT: Mapping[str, Status] = {"skipped": "skipped", "stopped": "stopped", "crashed": "crashed"}
_FORMAT = 1
_COSTS = ("size_mb", "p50_ms", "p95_ms", "cpu_s_per_1000", "train_cpu_s")


@dataclass(frozen=True)
class Trial:
    """A candidate that was tried and not released.

    Attributes:
        name: The project's.
        rung: The candidate's.
        status: How it ended; `failed` and `undecided` are the winner's, when a gate kept it back.
        verdict: `reject` or `crash`.
        reason: Why, in a sentence.
        candidate: Digest of its bundle; None where there is none.
        winner: Digest of the bundle that won and went to the gates.
        data: Digest of the table.
        scores: The metric and accuracy on dev, with their intervals.
        costs: What was measured of its cost.
    """

    name: str
    rung: str
    status: Status
    verdict: str
    reason: str
    candidate: str | None
    winner: str | None
    data: str | None
    scores: tuple[Figure, ...] = ()
    costs: tuple[Figure, ...] = ()


def trials_of_build(facts: Facts) -> tuple[Trial, ...]:
    """Every candidate of a build that is not its release: losers, crashes, a winner that a gate kept back.

    Args:
        facts: What the build recorded.
    """
    decision = map_of(facts, "decision")
    lost = map_of(decision, "lost")
    tried = [text_of(one, "rung") for one in list_of(facts, "candidates")]
    rungs = [rung for rung in (*tried, *sorted(set(lost) - set(tried))) if rung != facts.get("chosen")]
    trials = [_trial(facts, rung, _status_of(facts, rung), str(lost.get(rung, ""))) for rung in rungs]
    blocking = _blocking(facts)
    if blocking:
        is_failed = any(text_of(verdict, "outcome") == "FAIL" for verdict in blocking)
        reason = "; ".join(f"{text_of(v, 'gate')}: {text_of(v, 'reason')}" for v in blocking[:3])
        more = f"; and {len(blocking) - 3} more" if len(blocking) > 3 else ""
        status: Status = "failed" if is_failed else "undecided"
        trials.append(_trial(facts, text_of(facts, "chosen"), status, reason + more))
    return tuple(trials)


def decisions_of_candidates(facts: Facts) -> tuple[bytes, ...]:
    """The documents of `trials_of_build`, in the same order."""
    return tuple(encode_trial(trial) for trial in trials_of_build(facts))


def encode_trial(trial: Trial) -> bytes:
    """A trial's document: canonical JSON."""
    return canonical_json({"format": _FORMAT, **plain(trial)})


def parse_trial(data: bytes, *, what: str = "the record of a trial") -> Trial:
    """A trial from its document.

    Raises:
        IntegrityError: The bytes are not what `encode_trial` writes.
    """
    document = read_object(data, what=what, version=_FORMAT)
    try:
        figures = {key: tuple(Figure(**one) for one in document[key]) for key in ("scores", "costs")}
        return Trial(**{**document, **figures})
    except (TypeError, KeyError) as error:
        raise IntegrityError(
            f"{what} must have the fields of a trial ({error}); restore the registry from a copy"
        ) from error


def _blocking(facts: Facts) -> list[Facts]:
    """Verdicts that forbid a release."""
    return [
        verdict
        for verdict in list_of(facts, "verdicts")
        if verdict.get("outcome") == "FAIL"
        or (verdict.get("outcome") != "PASS" and verdict.get("required", True))
    ]


def _status_of(facts: Facts, rung: str) -> Status:
    status = text_of(candidate_of(facts, rung), "status")
    return _UNBUILT.get(status or "", "lost")


def _trial(facts: Facts, rung: str, status: Status, reason: str) -> Trial:
    found = candidate_of(facts, rung)
    why = reason.removeprefix(f"{status}: ") or text_of(found, "reason")
    names = dict.fromkeys((text_of(facts, "metric") or "accuracy", "accuracy"))
    scores = (find_figure(found, name, split="dev") for name in names)
    costs = (find_figure(found, name, split=None) for name in _COSTS)
    return Trial(
        name=text_of(facts, "name"),
        rung=rung,
        status=status,
        verdict=VERDICTS[status],
        reason=why or "not recorded",
        candidate=text_of(found, "candidate") or None,
        winner=text_of(map_of(facts, "bundle"), "digest") or None,
        data=text_of(map_of(facts, "data"), "digest") or None,
        scores=tuple(score for score in scores if score is not None),
        costs=tuple(cost for cost in costs if cost is not None),
    )
