"""What a release records of its data: files, columns, splits, classes; never a row, never a sealed label.

Always: digests name content, not places; a file's own SHA-256 stands beside the table's digest, which does
not depend on the file's format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smallcraft.data.table import Table
from smallcraft.data.targets import label_counts
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.records import Roles
from smallcraft.registry.content.disk import hash_file


def data_facts(config: Config, prepared: Prepared) -> Mapping[str, Any]:
    """The `data` of a release's facts."""
    splits = prepared.splits
    return {
        "path": config.data.path,
        "source": config.data.source,
        "license": config.data.license,
        "digest": prepared.table.ref.digest,
        "files": _files(config, prepared),
        "columns": _columns(prepared.table),
        "class_counts": _class_counts(prepared),
        "rows_read": prepared.rows_read,
        "rows_quarantined": prepared.rows_quarantined,
        "rows_held_out": splits.removed.height,
        **_of_whole(prepared),
        "dealing": splits.dealing,
        "splits": {name: {"rows": ref.rows, "digest": ref.digest} for name, ref in splits.refs.items()},
        "notes": list(splits.notes),
    }


def _of_whole(prepared: Prepared) -> Mapping[str, Any]:
    """Of a table of which a sample is held: what all its files are, and how many rows were only counted."""
    if prepared.whole is None:
        return {}
    return {"content": prepared.whole.content, "rows_left_out": prepared.table.rows_left_out}


def _files(config: Config, prepared: Prepared) -> list[Mapping[str, Any]]:
    """The main file, then the user's own splits: as the project names them, with what is in them."""
    found: list[Mapping[str, Any]] = []
    for table in (prepared.table, *prepared.given.values()):
        path = config.resolve(table.source)
        if not path.is_file():
            continue
        content = hash_file(path.resolve(), name=table.source)
        found.append(
            {
                "path": table.source,
                "sha256": content.digest.removeprefix("sha256:"),
                "size_bytes": content.size_bytes,
                "format": path.suffix.removeprefix(".").lower(),
            }
        )
    return found


def _columns(table: Table) -> list[Mapping[str, str]]:
    roles = _role_of(table.roles)
    types = {name: str(dtype) for name, dtype in table.frame.schema.items()}
    return [{"name": name, "type": types[name], "role": roles[name]} for name in table.roles.named]


def _role_of(roles: Roles) -> Mapping[str, str]:
    """Each column's part; a column with several has the one that a model knows it by."""
    parts = {
        "key": (roles.key,),
        "time": (roles.time,),
        "group": roles.groups,
        "vote": roles.votes,
        "feature": roles.features,
        "text": (roles.text,),
        "label": (roles.label,),
    }
    return {name: part for part, names in parts.items() for name in names if name is not None}


def _class_counts(prepared: Prepared) -> Mapping[str, Mapping[str, int]]:
    """Rows of each class or label, but for the sealed split; nothing of numbers."""
    roles = prepared.table.roles
    return {
        str(name): dict(label_counts(frame[roles.label], roles))
        for name, frame in prepared.splits.frames.items()
        if name != "cert"
    }
