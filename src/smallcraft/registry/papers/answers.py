"""Answers to a datasheet's questions that the system can give itself: counts, checks, digests.

Leaves to others: the questions and what only a person can answer (`papers.datasheet`).
Always: an answer is counted, measured or missing; a class, slice or file a line is cut, and the cut is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smallcraft.registry.memory.evidence import Facts, list_of, map_of
from smallcraft.registry.papers.facts import (
    BY_BUILD,
    bullet,
    is_number,
    measurement_row,
    missing,
    said,
    texts_of,
    value_of,
)
from smallcraft.registry.papers.markdown import cut_table, escape, listing, show, table
from smallcraft.registry.papers.measured import check_of, class_counts, data_measurements
from smallcraft.registry.papers.sections.choice import has_graph
from smallcraft.registry.papers.sections.data import class_sizes, quality_index, split_of
from smallcraft.registry.papers.sections.quality import MEASUREMENT_HEADER

_MOST_CLASSES = 40
_MOST_SLICES = 60
_MOST_FILES = 20
_MOST_DOUBTED = 15
_IN_FACTS = "are in the release's facts"
_PURPOSES: Mapping[str, str] = {
    "train": "to fit",
    "dev": "to choose between candidates",
    "cert": "sealed; what is asked of it is metered",
}
_BY_CHECK = "`smallcraft check` makes it"
_ERRORS = (
    "duplicates",
    "redundancy",
    "same_meaning",
    "leakage",
    "label_issues",
    "difficulty",
    "noise_ceiling",
)


def check(name: str) -> Callable[[Facts], list[str]]:
    """The answer is what that check of the data found."""
    return lambda facts: [_summary(facts, name)]


def _summary(facts: Facts, name: str) -> str:
    found = check_of(facts, name)
    if not found.get("summary"):
        return missing(f"the check of {name.replace('_', ' ')}", _BY_CHECK)
    return f"{show(found['summary'])} ({show(found.get('outcome') or 'no outcome')})"


def _summaries(facts: Facts, names: tuple[str, ...]) -> list[str]:
    """A line a check that was made."""
    return [
        bullet(escape(name.replace("_", " ")), _summary(facts, name))
        for name in names
        if check_of(facts, name)
    ]


def counts(facts: Facts) -> list[str]:
    """Rows read, set aside, held out, and by class."""
    data, task = map_of(facts, "data"), map_of(facts, "task")
    names = task.get("classes")
    listed = [*names] if isinstance(names, list | tuple) else []
    return [
        bullet("rows read", said(data, "rows_read", "the number of rows", BY_BUILD)),
        bullet("rows set aside as unreadable", show(data.get("rows_quarantined"))),
        bullet("rows held out as copies", show(data.get("rows_held_out"))),
        bullet("target", f"a number, `{task['target']}`")
        if task.get("target")
        else bullet(
            "classes",
            f"{len(listed):,}: {listing(listed, most=_MOST_CLASSES)}"
            if listed
            else missing("the classes", BY_BUILD),
        ),
        *class_sizes(facts),
        *_class_table(facts),
    ]


def _class_table(facts: Facts) -> list[str]:
    counted = class_counts(facts)
    names = dict.fromkeys(name for rows in counted.values() for name in rows)
    if not names:
        return []
    ordered = sorted(names, key=lambda name: (-sum(rows.get(name, 0) for rows in counted.values()), name))
    rows = [[escape(name), *(show(counted[split].get(name, 0)) for split in counted)] for name in ordered]
    header = ["class", *(f"rows of {escape(split)}" for split in counted)]
    return ["", *cut_table(header, rows, most=_MOST_CLASSES, left=f"classes, none larger, {_IN_FACTS}")]


def columns(facts: Facts) -> list[str]:
    """Each column with its type and role."""
    data, task = map_of(facts, "data"), map_of(facts, "task")
    named = list_of(data, "columns")
    if named:
        rows = [[show(c.get(key) or "not recorded") for key in ("name", "type", "role")] for c in named]
        return cut_table(["column", "type", "role"], rows, most=_MOST_SLICES, left=f"columns {_IN_FACTS}")
    features = task.get("features")
    return [
        bullet("text column", show(task["text"]) if task.get("text") else "none"),
        bullet("feature columns", show(features) if features else "none"),
        bullet("label", "a number" if task.get("target") else "one of the classes above"),
    ]


def related(facts: Facts) -> list[str]:
    """Rows of one key, and copies."""
    notes = [
        note for note in texts_of(map_of(facts, "data"), "notes") if "together" in note or "copies" in note
    ]
    return [f"- {show(note)}" for note in notes] or ["No column says so: none is declared as `key`."]


def splits(facts: Facts) -> list[str]:
    """Size and digest of each split, and how it was made."""
    data = map_of(facts, "data")
    found = [
        bullet(f"{name} ({why})", split_of(map_of(data, "splits"), name)) for name, why in _PURPOSES.items()
    ]
    return [*found, *(bullet("how", show(note)) for note in texts_of(data, "notes"))]


def errors(facts: Facts) -> list[str]:
    """What the checks found, a line each."""
    return _summaries(facts, _ERRORS) or [missing("the data's checks", "`smallcraft check` makes them")]


def rightness(facts: Facts) -> list[str]:
    """The index, and what it is made of, with intervals."""
    quality = map_of(facts, "quality")
    return [
        *quality_index(facts),
        bullet("labels judged by", said(quality, "model", "what judged the labels", BY_BUILD)),
        *_summaries(facts, ("label_accuracy",)),
        *_measured(facts),
        *_doubted(facts),
    ]


def _measured(facts: Facts) -> list[str]:
    """What was measured of whole splits and of single annotators; no shapes of distributions."""
    told = [
        m for m in data_measurements(facts) if not str(m.get("slice")).startswith(("class=", "quantile="))
    ]
    rows = [measurement_row(m) for m in told]
    if not rows:
        return []
    return ["", *cut_table(MEASUREMENT_HEADER, rows, most=_MOST_SLICES, left=f"measurements {_IN_FACTS}")]


def _doubted(facts: Facts) -> list[str]:
    """The classes whose labels are doubted most."""
    doubted = [m for m in data_measurements(facts) if _is_of_class(m) and m.get("name") == "flagged_share"]
    ordered = sorted(doubted, key=lambda m: -float(str(m.get("value") or 0)))
    rows = [
        [
            show(str(m.get("slice")).removeprefix("class=")),
            show(m.get("split")),
            value_of(m),
            show(m.get("n")),
        ]
        for m in ordered
    ]
    if not rows:
        return []
    left = f"classes and splits, none doubted more, {_IN_FACTS}"
    return [
        "",
        *cut_table(
            ["class", "split", "share of labels doubted", "rows"], rows, most=_MOST_DOUBTED, left=left
        ),
    ]


def _is_of_class(measurement: Facts) -> bool:
    return str(measurement.get("slice", "all")).startswith("class=")


def files(facts: Facts) -> list[str]:
    """The files that were read, each with its digest."""
    data = map_of(facts, "data")
    read = list_of(data, "files")
    if not read:
        return [bullet("read from", said(data, "path", "the data's files", BY_BUILD))]
    rows = [[show(f.get(key)) for key in ("path", "format", "size_bytes", "sha256")] for f in read]
    return cut_table(["file", "format", "bytes", "sha256"], rows, most=_MOST_FILES, left=f"files {_IN_FACTS}")


def votes(facts: Facts) -> list[str]:
    """How far annotators agree, where there are several votes a row."""
    found = _summaries(facts, ("disagreement", "consensus", "annotators"))
    return found or ["There is one label a row and no votes: agreement cannot be known from it."]


def preparation(facts: Facts) -> list[str]:
    """What was set aside and held out, and what was done to the rest."""
    data = map_of(facts, "data")
    return [
        bullet("rows set aside as unreadable", show(data.get("rows_quarantined"))),
        bullet("rows held out as copies", show(data.get("rows_held_out"))),
        *(bullet("done", show(note)) for note in texts_of(data, "notes")),
        bullet("labels", "taken as given; what the checks doubt is listed, not changed"),
    ]


def raw(facts: Facts) -> list[str]:
    """By what it can be told to be the same."""
    data = map_of(facts, "data")
    digest = said(data, "digest", "the data's digest", BY_BUILD)
    return [
        f"Not in the release. The rows that were read have the digest {digest}, whatever their file format."
    ]


def used_for(facts: Facts) -> list[str]:
    """This release, and what was tried on the way."""
    tried = [show(c.get("rung")) for c in list_of(facts, "candidates")]
    name, version = show(facts.get("name") or "this model"), facts.get("version")
    release = f"{name}@{version}" if is_number(version) else name
    return [f"To train and judge {release}" + (f", and the candidates {', '.join(tried)}." if tried else ".")]


def third_parties(facts: Facts) -> list[str]:
    """The backbone, if there is one."""
    backbone = map_of(facts, "backbone")
    if not backbone:
        return ["Nothing."]
    license_ = show(backbone.get("license") or "not recorded")
    where = "in the model" if has_graph(facts) else "tried, but not in the model"
    return [f"The encoder {show(backbone.get('name'))}, license {license_}, {where}."]


def identity(facts: Facts) -> list[str]:
    """Digest and date: another digest is another version."""
    data = map_of(facts, "data")
    rows = [
        ["digest of the rows", said(data, "digest", "the data's digest", BY_BUILD)],
        ["release", show(facts.get("version") or "given when published")],
        ["date", show(facts.get("created") or "given when published")],
    ]
    return table(["what", "value"], rows)
