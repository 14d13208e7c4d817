"""What a router counted since it last told: for the rules of a rollout, and for people who watch.

A router has at most one shipment under way. What happens meanwhile is added up, so that nothing piles up
however long nobody listens, and the next one has the next number: whoever receives counts each number once.

Leaves to others: what the counts mean (`serve.rollout.evidence`), the socket, who keeps them.
Always: the parts of shipments 1 to n, added up, are all that was counted until n was taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.serve.questions import ARMS, Arm
from smallcraft.serve.rollout.counts import (
    CONFIDENCE_BINS,
    LATENCY_BINS,
    ArmCounts,
    FirstRequests,
    no_counts,
)

_COUNTED = tuple(field.name for field in fields(ArmCounts))
_FIRSTS = tuple(field.name for field in fields(FirstRequests))
# Batches of 1 to 16 rows, and larger ones.
BATCH_BINS = 17
Name = TypeVar("Name", str, int)


@dataclass(frozen=True)
class StepCounts:
    """Evidence of both arms under one step of a rollout; `serve.rollout.counts` says what counts.

    A router names a key once in a step, and once more when it first fails. Several routers may name the same
    key, so whoever adds them up counts each once.

    Attributes:
        rollout: Its id; empty while there is none.
        step: The assignment's number in it.
        counts: Of requests without a key.
        keyed_requests: `(2,)` int64, all requests with a key.
        firsts: Of keys whose arm is chance, the first request that this router saw in this step.
        failed_keys: Of each arm, such keys that failed for the first time in this step.
    """

    rollout: str
    step: int
    counts: ArmCounts
    keyed_requests: NDArray[np.int64]
    firsts: FirstRequests
    failed_keys: tuple[NDArray[np.uint64], NDArray[np.uint64]]


@dataclass(frozen=True)
class Traffic:
    """What one release answered as one arm, for dashboards; nothing is decided from it.

    Attributes:
        model: Its name.
        release: Name and number, `helpdesk@3`.
        arm: Whether as the stable or the new one.
        replies: How often each HTTP status was sent.
        latency: `(LATENCY_BINS,)` int64, of answers.
        seconds: Of all answers together.
        classes: In how many rows each class was answered.
        unclassified: Rows without one: abstentions, and classes that the stable release does not have.
        confidence: `(CONFIDENCE_BINS,)` int64.
        confidence_sum: Of all rows together.
        rows: Answered.
        escalated: Rows for which further stages were asked.
        batches: `(BATCH_BINS,)` int64, how many batches of 1, 2, ... rows; the last holds all larger ones.
        batch_rows: Rows of all batches together.
        failures: Requests that it should have answered and did not, whatever the client was told.
        retries: Those among them that the other arm answered in its place.
        in_flight: Requests now being answered.
        queued: Requests now waiting.
    """

    model: str
    release: str
    arm: Arm
    replies: Mapping[int, int]
    latency: NDArray[np.int64]
    seconds: float
    classes: Mapping[str, int]
    unclassified: int
    confidence: NDArray[np.int64]
    confidence_sum: float
    rows: int
    escalated: int
    batches: NDArray[np.int64]
    batch_rows: int
    failures: int
    retries: int
    in_flight: int
    queued: int


@dataclass(frozen=True)
class Shipment:
    """All that one router counted between two takes.

    Attributes:
        router: Names this life of this process; another life has another name and starts at 1 again.
        sequence: From 1, each once.
        steps: One entry for each step that something was seen of.
        traffic: One entry for each release and arm that the router serves.
        refusals: By reason, requests that no arm was asked about.
        request_bytes: Of bodies.
        reply_bytes: Of bodies.
        clients_gone: Replies that nobody waited for any more.
        quarantined: Bodies put under quarantine, since they end workers.
    """

    router: str
    sequence: int
    steps: tuple[StepCounts, ...]
    traffic: tuple[Traffic, ...]
    refusals: Mapping[str, int]
    request_bytes: int
    reply_bytes: int
    clients_gone: int
    quarantined: int


def add_traffic(one: Traffic, other: Traffic) -> Traffic:
    """Both together, of one release and arm."""
    summed = {
        field.name: getattr(one, field.name) + getattr(other, field.name)
        for field in fields(Traffic)
        if field.name not in {"model", "release", "arm", "replies", "classes"}
    }
    return replace(
        one,
        **summed,
        replies=add_tallies(one.replies, other.replies),
        classes=add_tallies(one.classes, other.classes),
    )


def add_tallies(one: Mapping[Name, int], other: Mapping[Name, int]) -> dict[Name, int]:
    """Counts by name, added up."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def to_message(shipment: Shipment) -> dict[str, object]:
    """As plain lists, numbers and texts, for JSON."""
    return {
        "router": shipment.router,
        "sequence": shipment.sequence,
        "steps": [_step_message(step) for step in shipment.steps],
        "traffic": [_plain(traffic) for traffic in shipment.traffic],
        "refusals": dict(shipment.refusals),
        "request_bytes": shipment.request_bytes,
        "reply_bytes": shipment.reply_bytes,
        "clients_gone": shipment.clients_gone,
        "quarantined": shipment.quarantined,
    }


def from_message(message: Mapping[str, object]) -> Shipment:
    """The shipment that `to_message` wrote.

    Raises:
        InvalidInputError: Something is missing, or is of another shape than counts have.
    """
    try:
        return _read(message)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidInputError(
            f"a shipment has the fields that to_message writes, got {error!r};"
            " routers and their supervisor must be of one version"
        ) from error


def _step_message(step: StepCounts) -> dict[str, object]:
    counts = {name: getattr(step.counts, name).tolist() for name in _COUNTED}
    firsts = {name: getattr(step.firsts, name).tolist() for name in _FIRSTS}
    return {
        "rollout": step.rollout,
        "step": step.step,
        "counts": counts,
        "keyed_requests": step.keyed_requests.tolist(),
        "firsts": firsts,
        "failed_keys": [keys.tolist() for keys in step.failed_keys],
    }


def _plain(traffic: Traffic) -> dict[str, object]:
    values = {field.name: getattr(traffic, field.name) for field in fields(Traffic)}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            values[name] = value.tolist()
    # A JSON object has texts for keys.
    return values | {"replies": {str(status): count for status, count in traffic.replies.items()}}


def _read(message: Mapping[str, object]) -> Shipment:
    steps = cast("Sequence[Mapping[str, object]]", message["steps"])
    traffic = cast("Sequence[Mapping[str, object]]", message["traffic"])
    return Shipment(
        router=_text(message["router"]),
        sequence=_whole(message["sequence"]),
        steps=tuple(_read_step(step) for step in steps),
        traffic=tuple(_read_traffic(part) for part in traffic),
        refusals=_tallies(message["refusals"]),
        request_bytes=_whole(message["request_bytes"]),
        reply_bytes=_whole(message["reply_bytes"]),
        clients_gone=_whole(message["clients_gone"]),
        quarantined=_whole(message["quarantined"]),
    )


def _read_step(message: Mapping[str, object]) -> StepCounts:
    stored = cast("Mapping[str, object]", message["counts"])
    counts = ArmCounts(**{name: np.asarray(stored[name], dtype=np.int64) for name in _COUNTED})
    expected = no_counts(counts.classes.shape[-1] - 1)
    for name in _COUNTED:
        got, wanted = getattr(counts, name), getattr(expected, name)
        if got.shape != wanted.shape or (got < 0).any():
            raise ValueError(f"{name} of shape {got.shape} where {wanted.shape} was expected, none below 0")
    stable, canary = cast("Sequence[object]", message["failed_keys"])
    return StepCounts(
        rollout=_text(message["rollout"]),
        step=_whole(message["step"]),
        counts=counts,
        keyed_requests=_bins(message["keyed_requests"], 2),
        firsts=_read_firsts(cast("Mapping[str, object]", message["firsts"]), counts.classes.shape[-1]),
        failed_keys=(np.asarray(stable, dtype=np.uint64), np.asarray(canary, dtype=np.uint64)),
    )


def _read_firsts(message: Mapping[str, object], answers: int) -> FirstRequests:
    keys = np.asarray(message["keys"], dtype=np.uint64)
    limits = (2, LATENCY_BINS, answers, CONFIDENCE_BINS, 2, 2)
    columns = [np.asarray(message[name], dtype=np.int64) for name in _FIRSTS[1:]]
    for name, column, limit in zip(_FIRSTS[1:], columns, limits, strict=True):
        least = 0 if name == "arm" else -1
        if column.shape != keys.shape or (column < least).any() or (column >= limit).any():
            raise ValueError(f"{name} of first requests: {len(keys)} numbers from {least} to {limit - 1}")
    return FirstRequests(keys, *columns)


def _read_traffic(message: Mapping[str, object]) -> Traffic:
    arm = message["arm"]
    if arm not in ARMS:
        raise ValueError(f"arm {arm!r}")
    replies = {int(status): count for status, count in _tallies(message["replies"]).items()}
    return Traffic(
        model=_text(message["model"]),
        release=_text(message["release"]),
        arm=arm,
        replies=replies,
        latency=_bins(message["latency"], LATENCY_BINS),
        seconds=float(cast("float", message["seconds"])),
        classes=_tallies(message["classes"]),
        unclassified=_whole(message["unclassified"]),
        confidence=_bins(message["confidence"], CONFIDENCE_BINS),
        confidence_sum=float(cast("float", message["confidence_sum"])),
        rows=_whole(message["rows"]),
        escalated=_whole(message["escalated"]),
        batches=_bins(message["batches"], BATCH_BINS),
        batch_rows=_whole(message["batch_rows"]),
        failures=_whole(message["failures"]),
        retries=_whole(message["retries"]),
        in_flight=_whole(message["in_flight"]),
        queued=_whole(message["queued"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} where a text was expected")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} where a whole number from 0 was expected")
    return value


def _bins(value: object, length: int) -> NDArray[np.int64]:
    bins = np.asarray(value, dtype=np.int64)
    if bins.shape != (length,) or (bins < 0).any():
        raise ValueError(f"bins of shape {bins.shape} where {length} were expected, none below 0")
    return bins


def _tallies(value: object) -> dict[str, int]:
    return {name: _whole(count) for name, count in cast("Mapping[str, object]", value).items()}
