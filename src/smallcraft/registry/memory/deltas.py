"""What changed between two releases, computed from what both recorded.

Steps, in this order: (1) quality, paired where rows are shared; (2) cost; (3) tensors of the bundle; (4) rows
of the data; (5) the project file, as a patch; (6) code and environment.
Leaves to others: the reason for the change (`memory.decisions`), its words (`memory.wording`).
Always: pure and repeatable: the same two releases give the same delta, so whoever holds them can check it.
Not covered: intervals that are drawn at random may move a little under another version of numpy
(`memory.rechecking` allows for that).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from smallcraft.canonical import plain
from smallcraft.errors import InvalidInputError
from smallcraft.registry.memory.cost_changes import (
    ChangedValue,
    CodeChange,
    CostChange,
    compare_code,
    compare_costs,
    compare_environments,
)
from smallcraft.registry.memory.evidence import Side, bundle_files, map_of
from smallcraft.registry.memory.metric_changes import MetricChange, compare_metrics
from smallcraft.registry.memory.patches import Step, diff_values, parse_patch
from smallcraft.registry.memory.rows import (
    ROWS_FILE,
    RowChanges,
    RowMove,
    SplitChange,
    compare_rows,
    decode_rows,
)
from smallcraft.registry.memory.tensors import TensorChanges, compare_tensors

PROJECT_FILE = "smallcraft.toml"


@dataclass(frozen=True)
class Delta:
    """What changed from one release to another; None is "cannot be told", and `notes` says why.

    Attributes:
        before: The earlier release; None for a first one, which has no delta to tell.
        after: The later one.
        metrics: Quality on dev and cert.
        costs: Size, latency, CPU, memory, training, energy, money.
        tensors: Arrays of the bundle.
        rows: Rows of the data.
        config: The project file as a patch (RFC 6902).
        code: Commits and sources.
        environment: Packages, processor, seed.
        classes_added: Labels that are new.
        classes_removed: Labels that are gone.
        notes: Why something was not compared, in sentences.
    """

    before: str | None
    after: str
    metrics: tuple[MetricChange, ...] = ()
    costs: tuple[CostChange, ...] = ()
    tensors: TensorChanges | None = None
    rows: RowChanges | None = None
    config: tuple[Step, ...] | None = None
    code: CodeChange | None = None
    environment: tuple[ChangedValue, ...] = ()
    classes_added: tuple[str, ...] = ()
    classes_removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The stable form; `parse_delta` reads it back."""
        steps = None if self.config is None else [plain(step.as_json()) for step in self.config]
        told: dict[str, Any] = {name: plain(value) for name, value in vars(self).items() if name != "config"}
        return {**told, "config": steps}


def compute_delta(before: Side | None, after: Side, *, confidence: float) -> Delta:
    """The difference of two releases.

    Args:
        before: The earlier release; None when `after` is the first.
        after: The later one.
        confidence: Two-sided coverage of the paired intervals, a fraction in (0, 1).

    Raises:
        IntegrityError: A file of either is not what its path says.
    """
    if before is None:
        return Delta(None, after.label, notes=("the first release: there is nothing to compare it with",))
    notes: list[str] = []
    then, now = (_classes(side) for side in (before, after))
    return Delta(
        before=before.label,
        after=after.label,
        metrics=compare_metrics(before, after, confidence=confidence),  # (1)
        costs=compare_costs(before.facts, after.facts),  # (2)
        tensors=_compare_tensors(before, after, notes),  # (3)
        rows=_compare_rows(before, after, notes),  # (4)
        config=_compare_projects(before, after, notes),  # (5)
        code=compare_code(before.facts, after.facts),  # (6)
        environment=compare_environments(before.facts, after.facts),
        classes_added=tuple(name for name in now if name not in then),
        classes_removed=tuple(name for name in then if name not in now),
        notes=tuple(notes),
    )


def parse_delta(document: Mapping[str, Any]) -> Delta:
    """A delta from its JSON form.

    Raises:
        InvalidInputError: It is not that of a delta.
    """
    try:
        return Delta(
            **{
                **document,
                "metrics": _all(document, "metrics", lambda part: MetricChange(**part)),
                "costs": _all(document, "costs", lambda part: CostChange(**part)),
                "tensors": _maybe(document, "tensors", _parse_tensors),
                "rows": _maybe(document, "rows", _parse_rows),
                "config": _maybe(document, "config", parse_patch),
                "code": _maybe(document, "code", lambda part: CodeChange(**part)),
                "environment": _all(document, "environment", lambda part: ChangedValue(**part)),
                "classes_added": _all(document, "classes_added", str),
                "classes_removed": _all(document, "classes_removed", str),
                "notes": _all(document, "notes", str),
            }
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidInputError(
            f"a delta must have the fields of this version ({error}); read it with the version that wrote it"
        ) from error


def _classes(side: Side) -> tuple[str, ...]:
    classes = map_of(side.facts, "task").get("classes")
    return tuple(map(str, classes)) if isinstance(classes, list | tuple) else ()


def _compare_tensors(before: Side, after: Side, notes: list[str]) -> TensorChanges | None:
    files = [bundle_files(side.facts) for side in (before, after)]
    for side, listed in zip((before, after), files, strict=True):
        if not listed:
            notes.append(f"tensors: {side.label} lists no files of its bundle")
            return None
    return compare_tensors(files[0], files[1], before.bundle_file, after.bundle_file)


def _compare_rows(before: Side, after: Side, notes: list[str]) -> RowChanges | None:
    known = []
    for side in (before, after):
        data = side.file(ROWS_FILE)
        if data is None:
            notes.append(f"rows: {side.label} keeps no list of its rows")
            return None
        known.append(decode_rows(data, what=f"{ROWS_FILE} of {side.label}"))
    try:
        return compare_rows(known[0], known[1])
    except InvalidInputError as error:
        notes.append(f"rows: {error}")
        return None


def _compare_projects(before: Side, after: Side, notes: list[str]) -> tuple[Step, ...] | None:
    values = []
    for side in (before, after):
        data = side.file(PROJECT_FILE)
        if data is None:
            notes.append(f"config: {side.label} keeps no {PROJECT_FILE}")
            return None
        try:
            values.append(_as_json(tomllib.loads(data.decode("utf-8-sig"))))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError):
            notes.append(f"config: {PROJECT_FILE} of {side.label} cannot be read")
            return None
    return diff_values(values[0], values[1])


def _as_json(value: Any) -> Any:  # noqa: ANN401 - TOML is recursive
    """TOML's dates and times as text; so are numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    is_finite = isinstance(value, float) and value - value == 0
    is_small = isinstance(value, int) and abs(value) <= 2**53
    return value if isinstance(value, str) or is_finite or is_small else str(value)


def _all(document: Mapping[str, Any], key: str, parse: Callable[[Any], Any]) -> tuple[Any, ...]:
    return tuple(parse(part) for part in document[key])


def _maybe(document: Mapping[str, Any], key: str, parse: Callable[[Any], Any]) -> Any:  # noqa: ANN401
    return None if document[key] is None else parse(document[key])


def _parse_tensors(part: Mapping[str, Any]) -> TensorChanges:
    names = {key: tuple(part[key]) for key in ("changed", "added", "removed")}
    return TensorChanges(**{**part, **names})


def _parse_rows(part: Mapping[str, Any]) -> RowChanges:
    splits = tuple(SplitChange(**split) for split in part["splits"])
    return RowChanges(**{**part, "splits": splits, "moves": tuple(RowMove(**move) for move in part["moves"])})
