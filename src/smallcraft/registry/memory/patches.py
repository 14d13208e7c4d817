"""The difference of two JSON values as a patch that turns one into the other (RFC 6902).

Leaves to others: where the values come from (`memory.deltas` compares project files).
Always: `apply_patch(diff_values(a, b), a)` is b; equal values give no steps; a value that is replaced or
removed is tested for first, so a patch says what was there and refuses any other value.
Not covered: the shortest patch for lists; they are compared place by place between their equal ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from smallcraft.errors import InvalidInputError

Json = Any
Action = Literal["test", "add", "remove", "replace"]


@dataclass(frozen=True)
class Step:
    """One operation of a patch.

    Attributes:
        op: What to do.
        path: Where, as a JSON pointer (RFC 6901); the empty one is the whole value.
        value: What to put there, or what has to be there; of no use to `remove`.
    """

    op: Action
    path: str
    value: Json = None

    def as_json(self) -> dict[str, Json]:
        """As it stands in a patch document."""
        named: dict[str, Json] = {"op": self.op, "path": self.path}
        return named if self.op == "remove" else {**named, "value": self.value}


def diff_values(before: Json, after: Json) -> tuple[Step, ...]:
    """The steps that turn one JSON value into another.

    >>> [step.as_json() for step in diff_values({"a": 1}, {"a": 1, "b/c": [2]})]
    [{'op': 'add', 'path': '/b~1c', 'value': [2]}]
    """
    return tuple(_steps(before, after, ""))


def apply_patch(steps: Iterable[Step], value: Json) -> Json:
    """The value that the steps make of another one, which stays as it is.

    Raises:
        InvalidInputError: A step tests for or points at something that is not there.
    """
    for step in steps:
        value = _applied(step, value, _parts(step.path))
    return value


def parse_patch(document: Json) -> tuple[Step, ...]:
    """A patch from its JSON form.

    Raises:
        InvalidInputError: It is no list of operations that are known here.
    """
    if not isinstance(document, list):
        raise InvalidInputError(f"a patch must be a list of operations, got {type(document).__name__}")
    return tuple(_parse_step(entry, number) for number, entry in enumerate(document, start=1))


def is_same(first: Json, other: Json) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, but true is not 1."""
    if isinstance(first, bool) or isinstance(other, bool):
        return first is other
    if isinstance(first, Mapping) and isinstance(other, Mapping):
        return set(first) == set(other) and all(is_same(first[key], other[key]) for key in first)
    if _is_list(first) and _is_list(other):
        return len(first) == len(other) and all(map(is_same, first, other))
    return bool(first == other)


def _steps(before: Json, after: Json, path: str) -> Iterable[Step]:
    if is_same(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _member_steps(before, after, path)
    elif _is_list(before) and _is_list(after):
        yield from _item_steps(before, after, path)
    else:
        yield Step("test", path, before)
        yield Step("replace", path, after)


def _member_steps(before: Mapping[str, Json], after: Mapping[str, Json], path: str) -> Iterable[Step]:
    for key in sorted(set(before) | set(after)):
        at = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        if key not in after:
            yield Step("test", at, before[key])
            yield Step("remove", at)
        elif key not in before:
            yield Step("add", at, after[key])
        else:
            yield from _steps(before[key], after[key], at)


def _item_steps(before: Sequence[Json], after: Sequence[Json], path: str) -> Iterable[Step]:
    """Equal ends stay; between them items are changed in place, then the rest is taken out or put in."""
    shorter = min(len(before), len(after))
    head = 0
    while head < shorter and is_same(before[head], after[head]):
        head += 1
    tail = 0
    while tail < shorter - head and is_same(before[-1 - tail], after[-1 - tail]):
        tail += 1
    middle, wanted = len(before) - tail, len(after) - tail
    both = min(middle, wanted)
    for place in range(head, both):
        yield from _steps(before[place], after[place], f"{path}/{place}")
    for place in reversed(range(both, middle)):
        yield Step("test", f"{path}/{place}", before[place])
        yield Step("remove", f"{path}/{place}")
    for place in range(both, wanted):
        yield Step("add", f"{path}/{place}", after[place])


def _applied(step: Step, value: Json, parts: Sequence[str]) -> Json:
    if not parts:
        return _applied_here(step, value)
    key, rest = parts[0], parts[1:]
    if isinstance(value, Mapping):
        return _in_members(step, value, key, rest)
    if _is_list(value):
        return _in_items(step, value, key, rest)
    raise _misfit(step, f"{type(value).__name__} has no parts")


def _applied_here(step: Step, value: Json) -> Json:
    if step.op == "remove":
        raise _misfit(step, "the whole value cannot be removed")
    if step.op != "test":
        return step.value
    if not is_same(value, step.value):
        raise _misfit(step, f"wanted {step.value!r}, got {value!r}")
    return value


def _in_members(step: Step, value: Mapping[str, Json], key: str, rest: Sequence[str]) -> Json:
    if not rest and step.op == "add":
        return {**value, key: step.value}
    if key not in value:
        raise _misfit(step, f"there is no '{key}'")
    if not rest and step.op == "remove":
        return {name: item for name, item in value.items() if name != key}
    return {**value, key: _applied(step, value[key], rest)}


def _in_items(step: Step, value: Sequence[Json], key: str, rest: Sequence[str]) -> Json:
    is_new = not rest and step.op == "add"
    place = len(value) if is_new and key == "-" else _place(step, key)
    if place > len(value) or (place == len(value) and not is_new):
        raise _misfit(step, f"the list has {len(value)} items")
    before, after = list(value[:place]), list(value[place + 1 :])
    if is_new:
        return [*before, step.value, *value[place:]]
    if not rest and step.op == "remove":
        return before + after
    return [*before, _applied(step, value[place], rest), *after]


def _place(step: Step, key: str) -> int:
    if not (key.isascii() and key.isdigit()) or (key[0] == "0" and key != "0"):
        raise _misfit(step, f"'{key}' is no place in a list")
    return int(key)


def _parts(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise InvalidInputError(f"a JSON pointer must begin with '/', got '{path}'; see RFC 6901")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _parse_step(entry: Json, number: int) -> Step:
    is_known = isinstance(entry, dict) and entry.get("op") in get_args(Action)
    if not is_known or not isinstance(entry.get("path"), str):
        raise InvalidInputError(
            f"operation {number} of a patch must be one of {', '.join(get_args(Action))} with a path, "
            f"got {entry!r}"
        )
    if entry["op"] != "remove" and "value" not in entry:
        raise InvalidInputError(f"operation {number} of a patch, '{entry['op']}', must have a value")
    return Step(cast(Action, entry["op"]), entry["path"], entry.get("value"))


def _is_list(value: Json) -> bool:
    return isinstance(value, list | tuple)


def _misfit(step: Step, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"cannot {step.op} '{step.path}': {why}; the patch belongs to another version of this value"
    )
