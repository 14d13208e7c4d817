"""Where a build's rows, files and numbers come from, read from the facts that a release records.

Always: a fact that is not there is printed as not recorded; nothing is guessed.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smallcraft.pipeline.report_parts.wording import NOT_RECORDED
from smallcraft.pipeline.result import BuildResult

Facts = Mapping[str, Any]

_LICENSE_REMEDY = "not stated; say it under [data] license in smallcraft.toml"
_SOURCE_REMEDY = "not stated; say it under [data] source in smallcraft.toml"
_MACHINE = {"python": "Python", "system": "system", "processor": "processor", "seed": "seed"}


@dataclass(frozen=True)
class Line:
    """A term and what is known of it."""

    term: str
    text: str


@dataclass(frozen=True)
class SplitRow:
    """One split of the data."""

    name: str
    rows: str
    purpose: str


@dataclass(frozen=True)
class Usage:
    """How to get answers from what was built, as a command and as Python."""

    command: str
    snippet: str


_PURPOSES = {
    "train": "candidates are fitted on it",
    "dev": "the winner is chosen on it",
    "cert": "sealed; asked once, about what ships",
}


def data_lines(facts: Facts) -> tuple[Line, ...]:
    """File, source, license, and how many rows came in and stayed."""
    data = part(facts, "data")
    return (
        Line("file", _said(data, "path")),
        Line("source", str(data.get("source") or _SOURCE_REMEDY)),
        Line("license", str(data.get("license") or _LICENSE_REMEDY)),
        Line("rows read", _count(data.get("rows_read"))),
        Line("rows set aside", _count(data.get("rows_quarantined"))),
        Line("quality index", _index(facts)),
    )


def _index(facts: Facts) -> str:
    """At least this share of the sealed rows is right in every way; or what would tell."""
    index = part(part(facts, "quality"), "index")
    value = index.get("value")
    if not isinstance(value, int | float):
        return f"undetermined: {index.get('detail') or 'not recorded'}"
    return (
        f"{value:.3f}: at least this share of {index.get('split')} is valid, not leaked and rightly labelled"
    )


def data_notes(facts: Facts) -> tuple[str, ...]:
    """What was done when the rows were split, and what is odd."""
    notes = part(facts, "data").get("notes")
    return tuple(str(note) for note in notes) if isinstance(notes, Sequence) else ()


def split_rows(facts: Facts) -> tuple[SplitRow, ...]:
    """Every split, in the order train, dev, cert."""
    splits = part(part(facts, "data"), "splits")
    names = [
        *(name for name in _PURPOSES if name in splits),
        *(name for name in splits if name not in _PURPOSES),
    ]
    return tuple(
        SplitRow(name, _count(part(splits, name).get("rows")), _PURPOSES.get(name, "")) for name in names
    )


def machine_lines(facts: Facts) -> tuple[Line, ...]:
    """Interpreter, system and versions that the numbers depend on."""
    environment = part(facts, "environment")
    known = [Line(term, _said(environment, key)) for key, term in _MACHINE.items()]
    versions = [
        Line(name, str(value))
        for name, value in environment.items()
        if name not in _MACHINE and name != "code" and not isinstance(value, Mapping)
    ]
    return (*known, *versions)


def digest_lines(result: BuildResult, facts: Facts) -> tuple[Line, ...]:
    """What everything above is about, by content."""
    data = part(facts, "data")
    splits = part(data, "splits")
    backbone = part(facts, "backbone")
    release = result.release
    lines = [
        Line("release manifest", release.manifest_digest if release else "none: nothing was released"),
        *(
            [Line("previous manifest", release.previous_manifest)]
            if release and release.previous_manifest
            else []
        ),
        Line("released bundle", result.released.candidate or NOT_RECORDED),
        Line("data", _said(data, "digest")),
        *(Line(f"{name} split", _said(part(splits, name), "digest")) for name in splits),
        *([Line(f"backbone {_said(backbone, 'name')}", _said(backbone, "digest"))] if backbone else []),
        Line("training and runtime code", _said(part(facts, "environment"), "code")),
        *(
            Line(f"candidate {evidence.rung}", evidence.candidate)
            for evidence in result.candidates
            if evidence.candidate
        ),
    ]
    return tuple(lines)


def usage(result: BuildResult, facts: Facts) -> Usage:
    """The release, or where nothing was released the bundle itself, for trying out."""
    text = part(facts, "task").get("text")
    rows = '["..."]' if text else "frame"
    if result.release:
        option, source = f"--release {shlex.quote(result.release.label)}", json.dumps(result.release.label)
    else:
        option, source = (
            f"--bundle {shlex.quote(str(result.bundle))}",
            f"Path({json.dumps(str(result.bundle))})",
        )
    path_import = "" if result.release else "from pathlib import Path\n\n"
    return Usage(
        command=f"smallcraft predict {option} --input rows.csv --output answers.csv",
        snippet=f"{path_import}from smallcraft.api import load\n\npredictor = load({source})\n"
        f"predictor.predict({rows})",
    )


def part(facts: Facts, name: str) -> Facts:
    """A part of the facts; empty when it is not there."""
    found = facts.get(name)
    return found if isinstance(found, Mapping) else {}


def _said(facts: Facts, name: str) -> str:
    found = facts.get(name)
    return NOT_RECORDED if found is None or found == "" else str(found)


def _count(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else NOT_RECORDED
