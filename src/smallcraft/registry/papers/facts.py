"""Reads a release's facts as lines of Markdown: what cards and datasheets are made of.

Leaves to others: which facts a paper tells, and in what order.
Always: a fact that is not there is printed as missing, with where to say it; nothing is guessed.
"""

from __future__ import annotations

from smallcraft.records import Release
from smallcraft.registry.memory.evidence import Facts, map_of
from smallcraft.registry.papers.markdown import escape, show
from smallcraft.registry.papers.person import KEYS

BY_BUILD = "`smallcraft build` records it"


def recorded_facts(release: Release) -> Facts:
    """The facts of a release with what publishing gave it: name, version, date, digest of the manifest."""
    return {
        **release.facts,
        "name": release.name,
        "version": release.version,
        "created": release.created,
        "manifest_digest": release.manifest_digest,
    }


def texts_of(facts: Facts, key: str) -> list[str]:
    """The texts listed under a key; empty where there are none."""
    value = facts.get(key)
    items = value if isinstance(value, list | tuple) else ()
    return [item for item in items if isinstance(item, str)]


def is_number(value: object) -> bool:
    """True for a number that is no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def text_of(facts: Facts, key: str, otherwise: str) -> str:
    """The fact as text, or what stands in for it."""
    return escape(str(facts[key])) if facts.get(key) else otherwise


def bullet(term: str, markdown: str) -> str:
    """A line of a list."""
    return f"- {term}: {markdown}"


def carded(facts: Facts, key: str) -> str:
    """What a person said under `[card]`; what it asks for is in `papers.person`."""
    return said(map_of(facts, "card"), key, KEYS[key], f"say it in smallcraft.toml under [card] {key}")


def in_data(facts: Facts, key: str, what: str) -> str:
    """What a person said under `[data]`."""
    return said(map_of(facts, "data"), key, what, f"say it in smallcraft.toml under [data] {key}")


def said(facts: Facts, key: str, what: str, remedy: str) -> str:
    """The fact, or that it is missing and what would bring it."""
    value = facts.get(key)
    return missing(what, remedy) if value in (None, "", [], {}, ()) else show(value)


def missing(what: str, remedy: str) -> str:
    """Printed loudly."""
    return f"**missing: {what} ({remedy})**"


def interval_of(measurement: Facts) -> str:
    """`0.91 to 0.95`; empty without bounds."""
    low, high = measurement.get("low"), measurement.get("high")
    return f"{show(low)} to {show(high)}" if is_number(low) and is_number(high) else ""


def value_of(measurement: Facts) -> str:
    """`0.93 (0.91 to 0.95)`; without the bounds where there are none."""
    interval = interval_of(measurement)
    return show(measurement.get("value")) + (f" ({interval})" if interval else "")


def measurement_row(measurement: Facts) -> list[str]:
    """Name, split, slice, value, interval, unit, n, method."""
    return [
        show(measurement.get("name", "unnamed")),
        show(measurement.get("split") or "none"),
        show(measurement.get("slice", "all")),
        show(measurement.get("value")),
        interval_of(measurement) or "none",
        show(measurement.get("unit") or ""),
        show(measurement.get("n")),
        show(measurement.get("method") or "not recorded"),
    ]
