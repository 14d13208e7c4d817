"""The phrasebook: `phrases.toml` as typed records, parsed once.

Holds no sentence itself. Always: intents keep the order of the file, which is the order of the rows and
columns of every confusion matrix.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from smallcraft.demo.helpdesk.template import Template, parse_template


@dataclass(frozen=True)
class Intent:
    """What a customer may want.

    Attributes:
        weight: Relative frequency.
        confused_with: The intents that people mistake it for, the likeliest first.
        core: Sentences that ask for it, the common ones first.
        aside: Sentences that mention its topic without asking.
        launch: Sentences that ask for it about the new product; empty where the product plays no part.
    """

    name: str
    weight: int
    confused_with: tuple[str, ...]
    core: tuple[Template, ...]
    aside: tuple[Template, ...]
    launch: tuple[Template, ...]


@dataclass(frozen=True)
class Phrasebook:
    """Everything that `phrases.toml` says."""

    intents: tuple[Intent, ...]
    around: Mapping[str, tuple[Template, ...]]
    slots: Mapping[str, tuple[str, ...]]
    plain_names: tuple[str, ...]
    accented_names: tuple[str, ...]
    emoji: tuple[str, ...]
    synonyms: Mapping[str, tuple[str, ...]]
    swaps: Mapping[str, tuple[str, ...]]
    dropped: frozenset[str]
    launch_products: tuple[str, ...]
    launch_words: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the intents, in order."""
        return tuple(intent.name for intent in self.intents)


@lru_cache(maxsize=1)
def load_phrasebook() -> Phrasebook:
    """The shipped phrasebook.

    >>> len(load_phrasebook().intents)
    20
    """
    file = resources.files("smallcraft.demo.helpdesk") / "phrases.toml"
    book = tomllib.loads(file.read_text(encoding="utf-8"))
    return Phrasebook(
        intents=tuple(_read_intent(name, body) for name, body in book["intents"].items()),
        around={name: _parse_all(lines) for name, lines in book["around"].items()},
        slots={name: tuple(words) for name, words in book["slots"].items()},
        plain_names=tuple(book["names"]["plain"]),
        accented_names=tuple(book["names"]["accented"]),
        emoji=tuple(book["names"]["emoji"]),
        synonyms={word: tuple(others) for word, others in book["synonyms"].items()},
        swaps={word: (other,) for word, other in book["region"]["swaps"].items()},
        dropped=frozenset(book["region"]["dropped"]["words"]),
        launch_products=tuple(book["launch"]["product"]),
        launch_words=tuple(book["launch"]["words"]),
    )


def _read_intent(name: str, body: Mapping[str, Any]) -> Intent:
    return Intent(
        name=name,
        weight=body["weight"],
        confused_with=tuple(body["confused_with"]),
        core=_parse_all(body["core"]),
        aside=_parse_all(body["aside"]),
        launch=_parse_all(body.get("launch", {}).get("core", [])),
    )


def _parse_all(lines: list[str]) -> tuple[Template, ...]:
    return tuple(parse_template(line) for line in lines)
