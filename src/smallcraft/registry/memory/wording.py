"""A delta in words that a newcomer follows, a line a subject.

Leaves to others: tables and colours (the command line), the reason for a change (`memory.decisions`).
Always: a difference stands with its interval and n, or with why there is none; long lists say how many more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smallcraft.registry.memory.cost_changes import CostChange
from smallcraft.registry.memory.deltas import Delta
from smallcraft.registry.memory.metric_changes import MetricChange
from smallcraft.registry.memory.patches import Json, Step
from smallcraft.registry.memory.rows import RowChanges
from smallcraft.registry.memory.tensors import TensorChanges

_MOST = 4
# What people call the costs that a line is worth.
_NAMES = {
    "size_mb": "size",
    "p50_ms": "median latency",
    "p95_ms": "p95 latency",
    "cpu_s_per_1000": "CPU for 1,000 answers",
    "peak_rss_mb": "memory",
    "train_cpu_s": "training",
    "money_per_1000": "price of 1,000 answers",
}


def tell_delta(delta: Delta) -> tuple[str, ...]:
    """Everything a delta says, quality first; one line for a first release."""
    if delta.before is None:
        return delta.notes
    rows = ("rows: not compared",) if delta.rows is None else (tell_rows(delta.rows),)
    return (
        *(tell_metric(change) for change in delta.metrics),
        *(tell_cost(change) for change in delta.costs if change.name in _NAMES),
        *rows,
        *tell_classes(delta),
        *(() if delta.tensors is None else (tell_tensors(delta.tensors),)),
        *(() if delta.config is None else (tell_settings(delta.config),)),
        *tell_code(delta),
        *(f"not compared: {note}" for note in delta.notes),
    )


def tell_gist(delta: Delta) -> tuple[str, ...]:
    """What a reader of the history wants first: quality, rows, classes, settings, dearer or cheaper."""
    if delta.before is None:
        return delta.notes
    compared = [change for change in delta.metrics if change.difference is not None]
    firsts = {change.metric: change for change in reversed(compared)}
    metrics = tuple(reversed(firsts.values())) or delta.metrics[:1]
    costs = [
        change
        for change in delta.costs
        if change.name in _NAMES and change.difference is not None and change.difference != 0
    ]
    return (
        *(_gist_of_metric(change) for change in metrics),
        *(() if delta.rows is None else (_gist_of_rows(delta.rows),)),
        *tell_classes(delta),
        *((tell_settings(delta.config),) if delta.config else ()),
        *(tell_cost(change) for change in costs),
        *(() if delta.tensors is None else (tell_tensors(delta.tensors),)),
    )


def _gist_of_metric(change: MetricChange) -> str:
    if change.difference is None:
        return tell_metric(change)
    values = f"{change.metric} on {change.split}: {_score(change.before)} -> {_score(change.after)}"
    return f"{values}, {tell_difference(change)} over {change.n:,} rows both saw: {_meaning(change)}"


def _meaning(change: MetricChange) -> str:
    """What the interval shows; every counted metric is better when it is higher."""
    if change.low is not None and change.low > 0:
        return "better"
    if change.high is not None and change.high < 0:
        return "worse"
    return "no difference shown"


def tell_metric(change: MetricChange) -> str:
    """`macro_f1 on dev: 0.871 -> 0.892, +0.021 [+0.008, +0.034] (n=412; paired ...)`.

    >>> tell_metric(MetricChange("accuracy", "dev", 0.9, None, reason="no dev row was seen by both"))
    'accuracy on dev: 0.900 -> not measured; not compared: no dev row was seen by both'
    """
    values = f"{change.metric} on {change.split}: {_score(change.before)} -> {_score(change.after)}"
    if change.difference is None:
        return f"{values}; not compared: {change.reason}"
    return f"{values}, {tell_difference(change)} (n={change.n:,}; {change.how})"


def tell_difference(change: MetricChange) -> str:
    """`+0.021 [+0.008, +0.034]`."""
    if change.difference is None:
        return "not compared"
    if change.low is None or change.high is None:
        return f"{change.difference:+.3f}"
    return f"{change.difference:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"


def tell_cost(change: CostChange) -> str:
    """`size: 0.397 -> 0.434 MB, +0.0374 (counted)`."""
    name = _NAMES.get(change.name, change.name)
    values = f"{name}: {_amount(change.before)} -> {_amount(change.after)} {change.unit}".rstrip()
    gap = "" if change.difference is None else f", {change.difference:+.3g}"
    return f"{values}{gap} ({change.note})"


def tell_rows(rows: RowChanges) -> str:
    """`rows: 4,445 -> 4,590; 150 added, 5 removed, 12 relabelled, 3 moved from train to dev`."""
    moves = [f"{move.rows:,} moved from {move.source} to {move.target}" for move in rows.moves]
    return _told_rows(rows, moves)


def _gist_of_rows(rows: RowChanges) -> str:
    moved = sum(move.rows for move in rows.moves)
    return _told_rows(rows, [f"{moved:,} moved to another split"] if moved else [])


def _told_rows(rows: RowChanges, moves: Sequence[str]) -> str:
    parts = [f"{rows.added:,} added", f"{rows.removed:,} removed", f"{rows.relabelled:,} relabelled", *moves]
    if not (rows.added or rows.removed or rows.relabelled or moves):
        parts = ["the same ones, under the same labels"]
    return f"rows: {rows.before:,} -> {rows.after:,}; {', '.join(parts)}"


def tell_classes(delta: Delta) -> tuple[str, ...]:
    """Labels that came or went; nothing where none did."""
    told = []
    if delta.classes_added:
        told.append(f"{len(delta.classes_added)} new ({shorten(delta.classes_added)})")
    if delta.classes_removed:
        told.append(f"{len(delta.classes_removed)} gone ({shorten(delta.classes_removed)})")
    return (f"classes: {', '.join(told)}",) if told else ()


def tell_tensors(tensors: TensorChanges) -> str:
    """`tensors: 2 changed (heads/ngram.npz:weights, ...), 7 as before`."""
    told = [
        f"{len(names)} {word} ({shorten(names)})"
        for names, word in (
            (tensors.changed, "changed"),
            (tensors.added, "new"),
            (tensors.removed, "gone"),
        )
        if names
    ]
    return f"tensors: {', '.join([*told, f'{tensors.same:,} as before'])}"


def tell_settings(steps: Sequence[Step]) -> str:
    """`settings: quality.margin 0.01 -> 0.02`."""
    was: dict[str, Json] = {step.path: step.value for step in steps if step.op == "test"}
    told = []
    for step in steps:
        name = step.path.strip("/").replace("/", ".").replace("~1", "/").replace("~0", "~") or "everything"
        if step.op == "add":
            told.append(f"{name} = {step.value}")
        elif step.op == "remove":
            told.append(f"{name} taken out (was {was.get(step.path)})")
        elif step.op == "replace":
            told.append(f"{name} {was.get(step.path)} -> {step.value}")
    return f"settings: {shorten(told, separator='; ')}" if told else "settings: the same"


def tell_code(delta: Delta) -> tuple[str, ...]:
    """The commit, and what is new in the environment; nothing where neither changed."""
    told = []
    code = delta.code
    if code is not None and (code.before, code.after) != (None, None):
        dirty = " with changes that are in no commit" if code.is_dirty else ""
        told.append(f"commit {_commit(code.before)} -> {_commit(code.after)}{dirty}")
    if code is not None and code.are_sources_equal is False:
        told.append("smallcraft's training code changed")
    told += [f"{value.name} {value.before} -> {value.after}" for value in delta.environment]
    return (f"code: {shorten(told, separator='; ')}",) if told else ()


def shorten(names: Iterable[str], *, separator: str = ", ", most: int = _MOST) -> str:
    """The first few, and how many more there are.

    >>> shorten(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return separator.join(listed[:most]) + more


def _commit(commit: str | None) -> str:
    return "not recorded" if commit is None else commit[:12]


def _score(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


def _amount(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3g}"
