"""How much better a release is than another: paired on the dev rows both saw, and on the sealed set.

On dev the two evaluation logs are compared row by row, as the candidates were when they were chosen. Of the
sealed set only what the ledger told is used, and only where both were asked about the very same rows.
Leaves to others: everything but quality (`memory.deltas`).
Always: a difference stands with its interval, n and how it was found, or is None with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.registry.memory.answers import (
    ANSWERS_FILE,
    COUNTED_METRICS,
    AnswerLog,
    decode_answers,
    pair_answers,
)
from smallcraft.registry.memory.evidence import (
    Facts,
    Figure,
    Side,
    candidate_of,
    find_figure,
    map_of,
    text_of,
)

_DECIMALS = 6
_ALWAYS = "accuracy"


@dataclass(frozen=True)
class MetricChange:
    """A metric before and after.

    Attributes:
        metric: Its name.
        split: `dev` or `cert`.
        before: Value of the earlier release; None where it was not measured.
        after: Value of the later one.
        difference: After minus before; None where the two cannot be compared.
        low: Lower bound of the true difference.
        high: Upper bound.
        level: Two-sided coverage of the bounds.
        n: Rows behind the difference.
        is_drawn: Whether the bounds come from random draws.
        how: How the difference was found; empty where there is none.
        reason: Why there is none; empty where there is one.
    """

    metric: str
    split: str
    before: float | None
    after: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    n: int | None = None
    is_drawn: bool = False
    how: str = ""
    reason: str = ""


def compare_metrics(before: Side, after: Side, *, confidence: float) -> tuple[MetricChange, ...]:
    """The later release's metric, and accuracy, on dev and on cert.

    Args:
        before: The earlier release.
        after: The later one; its metric is the one that counts.
        confidence: Two-sided coverage of the intervals on dev.
    """
    names = tuple(dict.fromkeys((text_of(after.facts, "metric") or _ALWAYS, _ALWAYS)))
    return (
        *_on_dev(before, after, names, confidence=confidence),
        *(_on_cert(before.facts, after.facts, name) for name in names),
    )


def _on_dev(
    before: Side, after: Side, names: Sequence[str], *, confidence: float
) -> tuple[MetricChange, ...]:
    then, now = before.file(ANSWERS_FILE), after.file(ANSWERS_FILE)
    if then is None or now is None:
        without = " and ".join(side.label for side, log in ((before, then), (after, now)) if log is None)
        reason = f"no evaluation log is kept of {without}"
        return tuple(_apart(before.facts, after.facts, name, reason) for name in names)
    logs = (
        decode_answers(then, what=f"{ANSWERS_FILE} of {before.label}"),
        decode_answers(now, what=f"{ANSWERS_FILE} of {after.label}"),
    )
    return tuple(_paired(before.facts, after.facts, logs, name, level=confidence) for name in names)


def _paired(
    before: Facts, after: Facts, logs: tuple[AnswerLog, AnswerLog], name: str, *, level: float
) -> MetricChange:
    if name not in COUNTED_METRICS:
        return _apart(before, after, name, "the log holds answers, not every probability; see accuracy")
    found = pair_answers(*logs, metric=name, level=level)
    if found is None:
        return _apart(before, after, name, "no dev row was seen by both")
    relabelled = f", {found.relabelled} relabelled since" if found.relabelled else ""
    return MetricChange(
        metric=name,
        split="dev",
        before=_told(found.before),
        after=_told(found.after),
        difference=_told(found.difference),
        low=_told(found.interval.low),
        high=_told(found.interval.high),
        level=level,
        n=found.n,
        is_drawn=found.is_drawn,
        how=f"paired on the dev rows both saw{relabelled}; {found.method}",
    )


def _apart(before: Facts, after: Facts, name: str, reason: str) -> MetricChange:
    """Each with its own value on its own dev rows, and no difference."""
    then, now = (find_figure(candidate_of(f, f.get("chosen")), name, split="dev") for f in (before, after))
    return MetricChange(
        name, "dev", _told(then.value if then else None), _told(now.value if now else None), reason=reason
    )


def _on_cert(before: Facts, after: Facts, name: str) -> MetricChange:
    then, now = (find_figure(map_of(facts, "cert"), name, split="cert") for facts in (before, after))
    rows = [text_of(map_of(map_of(map_of(f, "data"), "splits"), "cert"), "digest") for f in (before, after)]
    apart = MetricChange(name, "cert", _told(then.value if then else None), _told(now.value if now else None))
    if then is None or now is None:
        return _because(apart, "the ledger did not tell it of both")
    if not rows[0] or rows[0] != rows[1]:
        return _because(apart, "the sealed rows are not the same ones")
    return _told_difference(apart, then, now)


def _because(change: MetricChange, reason: str) -> MetricChange:
    return MetricChange(change.metric, change.split, change.before, change.after, reason=reason)


def _told_difference(apart: MetricChange, then: Figure, now: Figure) -> MetricChange:
    """Bounds from both intervals as if the rows were not shared: wider than a paired interval would be.

    Source:
        Zou and Donner (2008), Statistics in Medicine 27:1693-1702 (the square-and-add method).
    """
    bounds = (then.low, then.high, now.low, now.high)
    value = now.value - then.value
    low = high = None
    if all(bound is not None for bound in bounds):
        then_low, then_high, now_low, now_high = (bound or 0.0 for bound in bounds)
        low = value - math.hypot(now.value - now_low, then_high - then.value)
        high = value + math.hypot(now_high - now.value, then.value - then_low)
    return MetricChange(
        metric=apart.metric,
        split=apart.split,
        before=apart.before,
        after=apart.after,
        difference=_told(value),
        low=_told(low),
        high=_told(high),
        level=min((level for level in (then.level, now.level) if level is not None), default=None),
        n=now.n,
        how="the ledger's answers about the same sealed rows; bounds as if the rows were not shared",
    )


def _told(value: float | None) -> float | None:
    """Rounded, and never -0."""
    return None if value is None else round(value, _DECIMALS) + 0.0
