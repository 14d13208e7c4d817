"""Writes a release's data as Croissant 1.1: JSON-LD by which machines find files, columns and splits.

Leaves to others: what people read (`papers.datasheet`).
Always: equal facts give equal bytes; a file stands here only with its SHA-256; no row's content, and no row
of the sealed split but its number and digest.
Not covered: columns of files whose digests were not recorded; then the document has the splits alone.

Source:
    Croissant format specification 1.1, and Responsible AI extension 1.0 (MLCommons).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from smallcraft.canonical import canonical_json
from smallcraft.records import Release
from smallcraft.registry.memory.evidence import Facts, list_of, map_of
from smallcraft.registry.papers.facts import recorded_facts, texts_of
from smallcraft.registry.papers.licenses import license_address
from smallcraft.registry.papers.measured import check_of
from smallcraft.registry.papers.vocabulary import CONTEXT

_Json = dict[str, Any]
_VERSIONS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_ADDRESS = re.compile(r"https?://[^\s\"'<>)\]]+")
_FORMATS: Mapping[str, str] = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "json": "application/json",
    "jsonl": "application/jsonlines",
    "ndjson": "application/jsonlines",
    "parquet": "application/x-parquet",
}
_TYPES: tuple[tuple[str, str], ...] = (
    ("bool", "sc:Boolean"),
    ("uint", "sc:Integer"),
    ("int", "sc:Integer"),
    ("float", "sc:Float"),
    ("decimal", "sc:Float"),
    ("datetime", "sc:DateTime"),
    ("date", "sc:Date"),
)
_SPLITS: Mapping[str, str] = {
    "train": "cr:TrainingSplit",
    "dev": "cr:ValidationSplit",
    "cert": "cr:TestSplit",
}


def render_release_croissant(release: Release) -> bytes:
    """The data of a release as read from the registry."""
    return render_croissant(recorded_facts(release))


def render_croissant(facts: Facts) -> bytes:
    """Canonical JSON-LD.

    Args:
        facts: `name`, `version`, `created`, `task`, `data`, `card`, `quality`; each may be absent. `data` may
            carry `files`: `path`, `sha256` (hex, with or without `sha256:`), `size_bytes`, `format`, and
            `columns` of its own where they differ; and `columns`: `name`, `type`, `role`.

    Returns:
        UTF-8 bytes of one JSON document.
    """
    data = map_of(facts, "data")
    files = [file for file in list_of(data, "files") if _sha256(file)]
    document: _Json = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [*_VERSIONS],
        "name": _name(facts),
        "description": _description(facts),
        **_known(facts),
        **_responsible(facts),
        "distribution": [_file_object(file, number) for number, file in enumerate(files, 1)],
        "recordSet": [
            *_classes(facts),
            *_split_set(map_of(data, "splits")),
            *(s for number, file in enumerate(files, 1) for s in _rows(facts, file, number)),
        ],
    }
    return canonical_json({key: value for key, value in document.items() if value not in ([], "", None)})


def _name(facts: Facts) -> str:
    return f"Data of {facts.get('name') or 'an unnamed model'}"


def _description(facts: Facts) -> str:
    """Said by a person, else what was counted."""
    said = map_of(facts, "card").get("purpose")
    classes = map_of(facts, "task").get("classes")
    rows = map_of(facts, "data").get("rows_read")
    counted = f"{rows:,} labelled rows" if isinstance(rows, int) else "Labelled rows"
    of = f" of {len(classes):,} classes" if isinstance(classes, list | tuple) else ""
    return str(said) if said else f"{counted}{of}, from which {facts.get('name') or 'a model'} was made."


def _known(facts: Facts) -> _Json:
    """License, source, version, date: what the format recommends and the facts have."""
    data, card = map_of(facts, "data"), map_of(facts, "card")
    source, license_, version = data.get("source"), data.get("license"), facts.get("version")
    address = _ADDRESS.search(str(source or ""))
    return {
        "license": license_address(str(license_)) if license_ else None,
        "url": address.group() if address else None,
        "citeAs": str(source) if source else None,
        "version": f"{version}.0.0" if isinstance(version, int) else None,
        "datePublished": facts.get("created"),
        "inLanguage": card.get("language"),
        "keywords": [str(data["digest"])] if data.get("digest") else [],
    }


def _responsible(facts: Facts) -> _Json:
    """What the Responsible AI extension asks and the facts have."""
    card, data = map_of(facts, "card"), map_of(facts, "data")
    personal = check_of(facts, "personal_data").get("summary")
    votes = check_of(facts, "disagreement").get("summary")
    return {
        "rai:dataCollection": card.get("collection"),
        "rai:dataAnnotationProtocol": card.get("labelling"),
        "rai:dataAnnotationAnalysis": [str(votes)] if votes else [],
        "rai:dataPreprocessingProtocol": texts_of(data, "notes"),
        "rai:dataUseCases": card.get("intended_use"),
        "rai:dataLimitations": card.get("out_of_scope"),
        "rai:dataSocialImpact": card.get("ethical_considerations"),
        "rai:dataReleaseMaintenancePlan": card.get("maintenance"),
        "rai:personalSensitiveInformation": [str(s) for s in (card.get("sensitive"), personal) if s],
    }


def _sha256(file: Facts) -> str:
    digest = str(file.get("sha256") or "").removeprefix("sha256:")
    return digest if re.fullmatch(r"[0-9a-f]{64}", digest) else ""


def _file_object(file: Facts, number: int) -> _Json:
    path = str(file.get("path"))
    size = file.get("size_bytes")
    return {
        "@type": "cr:FileObject",
        "@id": f"file-{number}",
        "name": path.rpartition("/")[2],
        "contentUrl": path,
        "encodingFormat": _format(file),
        "sha256": _sha256(file),
        **({"contentSize": f"{size} B"} if isinstance(size, int) else {}),
    }


def _format(file: Facts) -> str:
    """The MIME type, from the recorded format or the path's end."""
    endings = str(file.get("path")).lower().split(".")
    named = str(file.get("format") or "").lower().lstrip(".")
    found = [_FORMATS[end] for end in (named, *reversed(endings)) if end in _FORMATS]
    return found[0] if found else "application/octet-stream"


def _rows(facts: Facts, file: Facts, number: int) -> list[_Json]:
    """The rows of one file, a field a column."""
    columns = list_of(file, "columns") or list_of(map_of(facts, "data"), "columns")
    if not columns:
        return []
    rows = f"rows-{number}"
    fields = [_field(column, rows, number, place) for place, column in enumerate(columns, 1)]
    return [{"@type": "cr:RecordSet", "@id": rows, "name": f"rows of {file.get('path')}", "field": fields}]


def _field(column: Facts, rows: str, number: int, place: int) -> _Json:
    name, role = str(column.get("name")), column.get("role")
    return {
        "@type": "cr:Field",
        "@id": f"{rows}/column-{place}",
        "name": name,
        **({"description": f"plays the part of: {role}"} if role else {}),
        "dataType": _type(str(column.get("type") or "")),
        "source": {"fileObject": {"@id": f"file-{number}"}, "extract": {"column": name}},
    }


def _type(named: str) -> str:
    """A schema.org type from how a table names it; text where nothing else fits."""
    lowered = named.lower()
    return next((known for start, known in _TYPES if lowered.startswith(start)), "sc:Text")


def _classes(facts: Facts) -> list[_Json]:
    """The labels as an enumeration."""
    names = map_of(facts, "task").get("classes")
    listed = [str(name) for name in names] if isinstance(names, list | tuple) else []
    if not listed:
        return []
    return [_inline("classes", "classes", "sc:Enumeration", {"name": "sc:Text"}, [[name] for name in listed])]


def _split_set(splits: Facts) -> list[_Json]:
    """Which splits there are, with how many rows and which digest."""
    rows = [
        [name, _SPLITS[name], map_of(splits, name).get("rows"), map_of(splits, name).get("digest")]
        for name in _SPLITS
        if map_of(splits, name)
    ]
    if not rows:
        return []
    types = {"name": "sc:Text", "url": "sc:URL", "rows": "sc:Integer", "digest": "sc:Text"}
    return [_inline("splits", "splits", "cr:Split", types, rows)]


def _inline(
    identity: str, name: str, kind: str, types: Mapping[str, str], rows: Sequence[Sequence[object]]
) -> _Json:
    """A record set whose records stand in the document itself."""
    keys = [f"{identity}/{field}" for field in types]
    return {
        "@type": "cr:RecordSet",
        "@id": identity,
        "name": name,
        "dataType": kind,
        "key": {"@id": keys[0]},
        "field": [
            {"@type": "cr:Field", "@id": key, "name": field, "dataType": types[field]}
            for key, field in zip(keys, types, strict=True)
        ],
        "data": [
            {key: value for key, value in zip(keys, row, strict=True) if value is not None} for row in rows
        ],
    }
