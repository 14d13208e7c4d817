"""Any two releases side by side, also of different names: a row a term for a table, and JSON.

Leaves to others: the delta itself (`memory.deltas`), printing.
Always: what cannot be compared has both values and no difference, with the reason beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from smallcraft.canonical import plain
from smallcraft.registry.memory.deltas import Delta, compute_delta
from smallcraft.registry.memory.evidence import Facts, Side, confidence_of, map_of, number_of
from smallcraft.registry.memory.patches import Step
from smallcraft.registry.memory.wording import shorten, tell_difference

_NONE = "none"
_UNMEASURED = "not measured"
_DATA = ("path", "source", "license", "digest")


@dataclass(frozen=True)
class ComparedRow:
    """One term of two releases.

    Attributes:
        section: `metric`, `data`, `config`, `tensors`, `cost` or `code`.
        term: What is compared.
        before: Of the first release, in words.
        after: Of the second one.
        difference: In words; empty where there is none to tell.
        note: How it was found, or why there is no difference.
    """

    section: str
    term: str
    before: str
    after: str
    difference: str = ""
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two releases beside each other."""

    before: str
    after: str
    rows: tuple[ComparedRow, ...]
    delta: Delta

    def as_json(self) -> dict[str, Any]:
        """The stable form of `diff --json`."""
        return {
            "before": self.before,
            "after": self.after,
            "rows": plain(self.rows),
            "delta": self.delta.as_json(),
        }


def compare_releases(before: Side, after: Side) -> Comparison:
    """Everything that two releases recorded, side by side.

    Args:
        before: The first one.
        after: The second one; its metric and confidence count.

    Raises:
        IntegrityError: A file of either is not what its path says.
    """
    delta = compute_delta(before, after, confidence=confidence_of(after.facts))
    rows = (
        *_metric_rows(delta),
        *_data_rows(before.facts, after.facts, delta),
        *_config_rows(delta),
        *_tensor_rows(delta),
        *_cost_rows(delta),
        *_code_rows(before.facts, after.facts, delta),
    )
    return Comparison(before.label, after.label, rows, delta)


def _metric_rows(delta: Delta) -> Iterable[ComparedRow]:
    for change in delta.metrics:
        told = "" if change.difference is None else tell_difference(change)
        note = change.reason or f"n={change.n:,}; {change.how}"
        term = f"{change.metric} on {change.split}"
        yield ComparedRow("metric", term, _score(change.before), _score(change.after), told, note)


def _data_rows(before: Facts, after: Facts, delta: Delta) -> Iterable[ComparedRow]:
    then, now = map_of(before, "data"), map_of(after, "data")
    for key in _DATA:
        yield _plain_row("data", key, then.get(key), now.get(key))
    for split in ("train", "dev", "cert"):
        sizes = [number_of(map_of(map_of(data, "splits"), split), "rows") for data in (then, now)]
        known = None if delta.rows is None else next(one for one in delta.rows.splits if one.split == split)
        told = "" if known is None else f"+{known.added:,} -{known.removed:,}"
        moved = "" if known is None else f"{known.moved_in:,} moved in, {known.moved_out:,} out"
        yield ComparedRow("data", f"{split} rows", _count(sizes[0]), _count(sizes[1]), told, moved)
    if delta.rows is not None:
        note = "of the rows whose labels are open: train and dev"
        yield ComparedRow("data", "relabelled rows", "", "", f"{delta.rows.relabelled:,}", note)
    gone, came = shorten(delta.classes_removed), shorten(delta.classes_added)
    if gone or came:
        yield ComparedRow("data", "classes", f"gone: {gone or _NONE}", f"new: {came or _NONE}")
    yield from _unsaid_rows(delta, "rows", "data")


def _config_rows(delta: Delta) -> Iterable[ComparedRow]:
    was: dict[str, Any] = {}
    for step in delta.config or ():
        if step.op == "test":
            was[step.path] = step.value
        else:
            yield _config_row(step, was)
    yield from _unsaid_rows(delta, "config", "config")


def _config_row(step: Step, was: dict[str, Any]) -> ComparedRow:
    before = _NONE if step.op == "add" else str(was.get(step.path))
    after = _NONE if step.op == "remove" else str(step.value)
    return ComparedRow("config", step.path.strip("/").replace("/", ".") or "everything", before, after)


def _tensor_rows(delta: Delta) -> Iterable[ComparedRow]:
    tensors = delta.tensors
    if tensors is not None:
        for term, names in (("changed", tensors.changed), ("new", tensors.added), ("gone", tensors.removed)):
            yield ComparedRow("tensors", term, "", "", f"{len(names):,}", shorten(names))
        yield ComparedRow("tensors", "as before", "", "", f"{tensors.same:,}")
    yield from _unsaid_rows(delta, "tensors", "tensors")


def _cost_rows(delta: Delta) -> Iterable[ComparedRow]:
    for cost in delta.costs:
        before = _with_bounds(cost.before, cost.before_low, cost.before_high)
        after = _with_bounds(cost.after, cost.after_low, cost.after_high)
        told = "" if cost.difference is None else f"{cost.difference:+.3g}"
        yield ComparedRow("cost", f"{cost.name} ({cost.unit})", before, after, told, cost.note)


def _code_rows(before: Facts, after: Facts, delta: Delta) -> Iterable[ComparedRow]:
    yield _plain_row("code", "chosen", before.get("chosen"), after.get("chosen"))
    if delta.code is not None:
        yield _plain_row("code", "commit", delta.code.before, delta.code.after)
    for value in delta.environment:
        yield _plain_row("code", value.name, value.before, value.after)


def _unsaid_rows(delta: Delta, about: str, section: str) -> Iterable[ComparedRow]:
    """Why a part was not compared."""
    for note in delta.notes:
        if note.startswith(f"{about}: "):
            yield ComparedRow(section, "not compared", "", "", "", note.removeprefix(f"{about}: "))


def _plain_row(section: str, term: str, before: object, after: object) -> ComparedRow:
    is_known = before is not None and after is not None
    told = "" if not is_known else "the same" if before == after else "another"
    return ComparedRow(section, term, _text(before), _text(after), told)


def _text(value: object) -> str:
    return "not recorded" if value is None else str(value)


def _score(value: float | None) -> str:
    return _UNMEASURED if value is None else f"{value:.4f}"


def _count(value: float | None) -> str:
    return "not recorded" if value is None else f"{int(value):,}"


def _with_bounds(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return _UNMEASURED
    return f"{value:.4g}" if low is None or high is None else f"{value:.4g} [{low:.4g}, {high:.4g}]"
