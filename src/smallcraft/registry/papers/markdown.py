"""Markdown and YAML that user text cannot break: escaping, tables, front matter.

Leaves to others: what a paper says (its own module).
Always: text given here comes out as text, in one line, whatever characters it holds.
Not covered: text that a person puts beside a card by hand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

_BACKSLASHED = frozenset("\\*_[]~#$^")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;", "`": "&#96;"}
# A number starts a list only before white space; version numbers and shares stay as they are.
_BLOCK_START = re.compile(r"[-+=:]|\d+[.)](?=\s|$)")
_YAML_ESCAPED = frozenset('"\\')
# YAML 1.1 reads these as values where they stand unquoted, keys included
_YAML_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_YAML_KEY = re.compile(r"[a-z][a-z0-9_-]*")


def one_line(text: str) -> str:
    r"""The text with white space runs as one space and unprintable characters spelled out.

    >>> one_line("a\n\tb\x00")
    'a b\\u0000'
    """
    collapsed = " ".join(text.split())
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in collapsed)


def escape(text: str) -> str:
    r"""The text as inline Markdown that shows it literally, in paragraphs, lists and tables.

    >>> escape("a|b <script> `x` *y*")
    'a&#124;b &lt;script&gt; &#96;x&#96; \\*y\\*'
    """
    line = one_line(text)
    shown = "".join(_ENTITIES.get(c, f"\\{c}" if c in _BACKSLASHED else c) for c in line)
    start = _BLOCK_START.match(shown)
    if start is None:
        return shown
    last = start.end() - 1
    return f"{shown[:last]}\\{shown[last:]}"


def show(value: object) -> str:
    """Any JSON value as inline Markdown; None reads `not measured`.

    >>> show([None, True, 0.91234567, 12345, "a|b"])
    'not measured, yes, 0.9123, 12,345, a&#124;b'
    """
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{escape(str(key))}: {show(item)}" for key, item in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(show(item) for item in value)
    return escape(str(value))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; cells are Markdown already (`escape`, `show`).

    >>> table(["a", "b"], [["1", ""]])
    ['| a | b |', '| --- | --- |', '| 1 |  |']
    """
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def cut_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, most: int, left: str) -> list[str]:
    """As `table`, its first rows only, and a line that says how many more there are.

    Args:
        header: Titles of the columns.
        rows: The most important first.
        most: How many are shown.
        left: What the others are, ready to stand after their number.

    >>> cut_table(["a"], [["1"], ["2"], ["3"]], most=2, left="rows are in the facts")[-1]
    '1 more rows are in the facts'
    """
    lines = table(header, rows[:most])
    more = len(rows) - most
    return [*lines, "", f"{more:,} more {left}"] if more > 0 else lines


def listing(values: Sequence[object], *, most: int) -> str:
    """Values in one line, the first ones only, and how many more there are.

    >>> listing(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = len(values) - most
    return show(values[:most]) + (f" and {more:,} more" if more > 0 else "")


def front_matter(values: Mapping[str, object]) -> list[str]:
    """Lines of a YAML front matter, both fences included; all text is double-quoted.

    Args:
        values: Lower-case keys to scalars, lists and mappings of these; empty ones are left out.
    """
    return ["---", *_yaml_mapping(values, ""), "---"]


def _yaml_mapping(values: Mapping[str, object], indent: str) -> list[str]:
    lines = []
    for name, value in values.items():
        assert _YAML_KEY.fullmatch(name), name
        key = f'"{name}"' if name in _YAML_WORDS else name
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}{key}:", *_yaml_mapping(value, indent + "  ")]
        elif isinstance(value, list | tuple) and value:
            lines += [f"{indent}{key}:", *_yaml_list(value, indent)]
        elif not isinstance(value, Mapping | list | tuple):
            lines.append(f"{indent}{key}: {_yaml_scalar(value)}")
    return lines


def _yaml_list(values: Sequence[object], indent: str) -> list[str]:
    lines = []
    for value in values:
        if isinstance(value, Mapping):
            first, *rest = _yaml_mapping(value, indent + "  ")
            lines += [f"{indent}- {first.lstrip()}", *rest]
        else:
            lines.append(f"{indent}- {_yaml_scalar(value)}")
    return lines


def _yaml_scalar(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        digits, mark, exponent = repr(value).partition("e")
        # YAML 1.1 reads an exponent as a number only after a decimal point
        return f"{digits}.0e{exponent}" if mark and "." not in digits else repr(value)
    return '"' + "".join(_yaml_char(char) for char in str(value)) + '"'


def _yaml_char(char: str) -> str:
    if char in _YAML_ESCAPED:
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"
