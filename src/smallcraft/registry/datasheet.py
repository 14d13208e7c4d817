"""Renders a release's datasheet: where its data came from, what is in it, and how much of it is right.

Always: equal facts give equal bytes; what only a person knows and nobody said is printed as missing; a share
of right labels stands here only when people looked again, with its interval.
Source: Gebru et al. (2021), Datasheets for Datasets, CACM 64(12), section 3; its questions on quality are
answered by the checks.
"""

from __future__ import annotations

from collections.abc import Callable

from smallcraft.records import Release
from smallcraft.registry.facts import (
    BY_BUILD,
    Facts,
    bullet,
    carded,
    list_of,
    map_of,
    measurement_row,
    missing,
    said,
    text_of,
)
from smallcraft.registry.markdown import escape, show, table

_BY_AUDIT = "`smallcraft check --audit 120` writes a sheet to label again"
_IN_DATA = "say it in smallcraft.toml under [data] {}".format
# A class or an annotator a line would bury the rest; the page of `smallcraft check` shows them all.
_MOST_SLICES = 60


def render_release_datasheet(release: Release) -> str:
    """The datasheet of a release as read from the registry."""
    return render_datasheet({**release.facts, "name": release.name, "version": release.version})


def render_datasheet(facts: Facts) -> str:
    """A datasheet in Markdown.

    Args:
        facts: `name`, `version`, `task`, `data`, `card`, `quality` (as `check --json` has it); each may be
            absent.

    Returns:
        The datasheet, ending in a newline.
    """
    lines = [f"# Datasheet of {text_of(facts, 'name', 'unnamed data')}"]
    for title, section in _SECTIONS:
        lines += ["", f"## {title}", "", *section(facts)]
    return "\n".join(lines) + "\n"


def _motivation(facts: Facts) -> list[str]:
    return [
        bullet("purpose", carded(facts, "intended_use", "what the data is for")),
        bullet("who answers for it", carded(facts, "owner", "who answers for the data")),
    ]


def _composition(facts: Facts) -> list[str]:
    data, task = map_of(facts, "data"), map_of(facts, "task")
    splits = map_of(data, "splits")
    return [
        bullet("rows read", said(data, "rows_read", "the number of rows", BY_BUILD)),
        bullet("rows set aside", show(data.get("rows_quarantined"))),
        bullet("rows held out", show(data.get("rows_held_out"))),
        *(bullet(f"{escape(str(name))} split", show(split)) for name, split in splits.items()),
        bullet("classes", said(task, "classes", "the classes", BY_BUILD)),
        bullet("text column", show(task["text"]) if task.get("text") else "none"),
        bullet("feature columns", show(task["features"]) if task.get("features") else "none"),
        bullet("language", carded(facts, "language", "the language of the text")),
        bullet("digest", said(data, "digest", "the data's digest", BY_BUILD)),
    ]


def _quality(facts: Facts) -> list[str]:
    quality = map_of(facts, "quality")
    index = map_of(quality, "index")
    if index.get("value") is None:
        why = escape(str(index.get("detail") or "no audit was made"))
        told = f"{missing('an audit of its labels', _BY_AUDIT)}: {why}"
    else:
        told = (
            f"at least {show(index['value'])} of the {escape(str(index.get('split')))} rows are valid, "
            "not leaked and rightly labelled"
        )
    lines = [bullet("data quality index", told)]
    lines.append(bullet("label checks by", said(quality, "model", "what judged the labels", BY_BUILD)))
    return [*lines, *_checks(quality), *_measured(quality)]


def _checks(quality: Facts) -> list[str]:
    rows = [
        [show(check.get("check")), show(check.get("outcome")), show(check.get("summary", ""))]
        for check in list_of(quality, "checks")
    ]
    return ["", *table(["check", "outcome", "summary"], rows)] if rows else []


def _measured(quality: Facts) -> list[str]:
    found = [measured for check in list_of(quality, "checks") for measured in list_of(check, "measurements")]
    if not found:
        return []
    header = ["measurement", "split", "slice", "value", "interval", "unit", "n", "method"]
    lines = ["", *table(header, [measurement_row(measured) for measured in found[:_MOST_SLICES]])]
    left = len(found) - _MOST_SLICES
    return [*lines, "", f"{left:,} more measurements are in the release's facts"] if left > 0 else lines


def _collection(facts: Facts) -> list[str]:
    data = map_of(facts, "data")
    return [
        bullet("source", said(data, "source", "the data's source", _IN_DATA("source"))),
        bullet("how it was collected", carded(facts, "collection", "how the data was collected")),
        bullet("what people agreed to", carded(facts, "consent", "what people agreed to")),
        bullet("ethical considerations", carded(facts, "ethical_considerations", "ethical considerations")),
    ]


def _preparation(facts: Facts) -> list[str]:
    notes = map_of(facts, "data").get("notes")
    return [bullet("what was done to it", show(notes) if notes else "nothing recorded")]


def _uses(facts: Facts) -> list[str]:
    return [
        bullet("out of scope", carded(facts, "out_of_scope", "uses that are out of scope")),
        bullet("caveats", carded(facts, "caveats", "caveats and recommendations")),
    ]


def _distribution(facts: Facts) -> list[str]:
    data = map_of(facts, "data")
    return [bullet("license", said(data, "license", "the data's license", _IN_DATA("license")))]


_SECTIONS: tuple[tuple[str, Callable[[Facts], list[str]]], ...] = (
    ("Motivation", _motivation),
    ("Composition", _composition),
    ("Quality", _quality),
    ("Collection", _collection),
    ("Preparation", _preparation),
    ("Uses", _uses),
    ("Distribution", _distribution),
)
