"""Sentence templates: `[a|b|]` is one of the alternatives, `{slot}` is filled by the caller.

Knows the grammar only; which words fill a slot belongs to `writer`.
Always: expansion draws from the dice in reading order, so equal dice give equal text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.errors import InvalidInputError

_TOKEN = re.compile(r"[\[\]|]|\{\w+\}|[^\[\]|{}]+")


@dataclass(frozen=True)
class Template:
    """A parsed sentence.

    Attributes:
        source: As written.
        parts: Literal text, slots (`{name}`), and alternatives (tuples of templates).
    """

    source: str
    parts: tuple[str | tuple[Template, ...], ...]

    def expand(self, dice: Dice, fill: Callable[[str], str]) -> str:
        """One sentence; `fill` gets a slot's name."""
        return "".join(self._expand_part(part, dice, fill) for part in self.parts)

    @staticmethod
    def _expand_part(part: str | tuple[Template, ...], dice: Dice, fill: Callable[[str], str]) -> str:
        if isinstance(part, tuple):
            return dice.pick(part).expand(dice, fill)
        return fill(part[1:-1]) if part.startswith("{") else part


def parse_template(source: str) -> Template:
    """Read a template.

    Raises:
        InvalidInputError: Brackets or braces do not match.

    >>> parse_template("[Hi|Hello] {name}!").expand(Dice(0, 0), str.upper) in ("Hi NAME!", "Hello NAME!")
    True
    """
    tokens = _TOKEN.findall(source)
    if "".join(tokens) != source:
        raise InvalidInputError(f"a slot reads '{{name}}', got {source!r}; close or remove the brace")
    template, end = _parse_parts(source, tokens, 0, inside=False)
    if end != len(tokens):
        raise InvalidInputError(f"brackets must match, got {source!r}; remove the extra ']' or '|'")
    return template


def _parse_parts(source: str, tokens: list[str], at: int, *, inside: bool) -> tuple[Template, int]:
    """Parts from `tokens[at]` to the end, or inside brackets to the next `|` or `]`."""
    start, parts = at, list[str | tuple[Template, ...]]()
    while at < len(tokens) and tokens[at] not in ("|", "]"):
        if tokens[at] != "[":
            parts.append(tokens[at])
            at += 1
            continue
        options = list[Template]()
        while tokens[at] != "]":
            option, at = _parse_parts(source, tokens, at + 1, inside=True)
            options.append(option)
        parts.append(tuple(options))
        at += 1
    if inside and at == len(tokens):
        raise InvalidInputError(f"brackets must match, got {source!r}; add the missing ']'")
    return Template("".join(tokens[start:at]), tuple(parts)), at
