"""What is different from the release before, as the decision's record tells it.

Leaves to others: computing the difference, and checking it (`registry.memory`).
Always: a difference that was not told reads `not told`, with the reason beside it; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.registry.memory.evidence import Facts, list_of, map_of
from smallcraft.registry.papers.facts import bullet, interval_of
from smallcraft.registry.papers.markdown import cut_table, escape, listing, show

_SHOWN = 25
_SHOWN_NAMES = 8
_TITLES: Mapping[str, str] = {"metrics": "quality", "costs": "cost", "config": "project file"}
# Said already: the parents stand above, the release is the card's own.
_SAID = frozenset(("before", "after"))


def changes(record: Facts) -> list[str]:
    """Each part of the difference: what has a before and an after as a table, all else in a line."""
    lines: list[str] = []
    tables: list[str] = []
    for part, value in map_of(record, "delta").items():
        title, rows = escape(_TITLES.get(part, part.replace("_", " "))), list_of({part: value}, part)
        if rows and all("difference" in row for row in rows):
            tables += ["", f"### Changed since the parent: {title}", "", *_table(rows)]
        elif part not in _SAID and value not in (None, "", [], {}, ()):
            lines.append(bullet(f"changed since the parent, {title}", _brief(value)))
    return [*lines, *tables]


def _table(rows: list[Facts]) -> list[str]:
    cells = [
        [
            _named(row),
            show(row.get("before")),
            show(row.get("after")),
            "not told" if row.get("difference") is None else show(row["difference"]),
            interval_of(row) or "none",
            show(row["n"]) if row.get("n") is not None else "",
            show(row.get("how") or row.get("reason") or row.get("note") or ""),
        ]
        for row in rows
    ]
    header = ["what", "before", "after", "difference", "interval", "n", "how, or why not"]
    return cut_table(header, cells, most=_SHOWN, left="are in the decision's record")


def _named(row: Facts) -> str:
    """`macro_f1 on dev`, `p95_ms, ms`."""
    name = show(row.get("metric") or row.get("name") or "unnamed")
    where = f" on {show(row['split'])}" if row.get("split") else ""
    return name + where + (f", {show(row['unit'])}" if row.get("unit") else "")


def _brief(value: object) -> str:
    """A value in a line: numbers and words as they are, names cut, lists of records counted."""
    if isinstance(value, Mapping):
        told = {key: item for key, item in value.items() if item not in (None, "", [], {}, ())}
        return "; ".join(
            f"{escape(str(key).replace('_', ' '))}: {_brief(item)}" for key, item in told.items()
        )
    if not isinstance(value, list | tuple):
        return show(value)
    if all(isinstance(item, Mapping) for item in value):
        told_items = _records([item for item in value if isinstance(item, Mapping)])
        more = len(told_items) - _SHOWN_NAMES
        return ", ".join(told_items[:_SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")
    return listing(value, most=_SHOWN_NAMES)


def _records(items: list[Facts]) -> list[str]:
    """Steps of a patch, values that changed, or other records, each in a few words.

    A patch tests the old value before it changes it: so the old one is known.
    """
    old = {str(item.get("path")): item.get("value") for item in items if item.get("op") == "test"}
    return [_record(item, old) for item in items if item.get("op") != "test"]


def _record(item: Facts, old: Mapping[str, object]) -> str:
    if "op" in item:
        path = str(item.get("path"))
        was = f" from {show(old[path])}" if path in old else ""
        new = f" to {show(item['value'])}" if "value" in item else ""
        return f"{show(item['op'])} {show(path)}{was}{new}"
    if "name" in item:
        return f"{show(item['name'])} from {show(item.get('before'))} to {show(item.get('after'))}"
    return "(" + ", ".join(f"{escape(str(key))} {show(value)}" for key, value in item.items()) + ")"
