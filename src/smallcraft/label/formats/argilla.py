"""Argilla: flattened records to log, and `records.to_list(flatten=True)` back as JSON.

Never `to_dict()` by itself, which loses whether an answer was submitted; only submitted ones count.
Always: a blind row has no suggestion; ids and metadata come back as they went.
Source: docs.argilla.io, records export.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smallcraft.errors import DataError
from smallcraft.label.batch import Ask
from smallcraft.label.sheets import Answer, Sheet, SheetFile, read_json_list, text_at

_QUESTION = "label"
_RESPONSES, _USERS, _STATUS = (f"{_QUESTION}.responses{end}" for end in ("", ".users", ".status"))
_SUGGESTION = tuple(f"{_QUESTION}.suggestion{end}" for end in ("", ".score", ".agent"))
_SUBMITTED = "submitted"
_WANTED = "a JSON list from Argilla's records.to_list(flatten=True)"


@dataclass(frozen=True)
class Argilla:
    """Flattened records."""

    name: str = "argilla"

    def write(self, sheet: Sheet) -> tuple[SheetFile, ...]:
        """The records, and beside them the data set's settings with the `mapping` to log records with."""
        rows = [_record(sheet, ask, text) for ask, text in zip(sheet.asks, sheet.texts, strict=True)]
        settings = {
            "fields": [{"name": "text"}],
            "questions": [{"name": _QUESTION, "title": sheet.question, "labels": list(sheet.classes)}],
            "metadata": {
                "terms": ["item_id", "campaign", "arm", "slice"],
                "floats": ["pi", "priority"],
                "integers": ["votes"],
            },
            "mapping": {key: key for key in _SUGGESTION},
        }
        return tuple(
            SheetFile(suffix, json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n")
            for suffix, value in ((".json", rows), (".settings.json", settings))
        )

    def read(self, data: bytes, *, source: str) -> tuple[Answer, ...]:
        """Every submitted response; a discarded one is a skip, a draft is nothing."""
        records = read_json_list(data, source=source, wanted=_WANTED)
        return tuple(
            answer for place, record in enumerate(records, 1) for answer in _answers(record, place, source)
        )


def _record(sheet: Sheet, ask: Ask, text: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": f"{sheet.campaign}/{ask.item}",
        "text": text,
        "item_id": ask.item,
        "campaign": sheet.campaign,
        "arm": ask.arm,
        "slice": ask.slice,
        "pi": ask.chance,
        "priority": ask.priority,
        "votes": ask.votes,
    }
    if ask.suggestion is not None:
        record |= dict(zip(_SUGGESTION, (ask.suggestion, ask.confidence, sheet.model), strict=True))
    return record


def _answers(record: Mapping[str, Any], number: int, source: str) -> Iterator[Answer]:
    place = f"record {number:,}"
    responses = record.get(_RESPONSES) or []
    users, status = record.get(_USERS) or [], record.get(_STATUS) or []
    if responses and not len(responses) == len(users) == len(status):
        raise DataError(
            f"{place} of {source} must say of each response who gave it and whether it was submitted "
            f"('{_USERS}', '{_STATUS}'), got {len(responses)} responses, {len(users)} users, {len(status)} "
            "states; export with records.to_list(flatten=True)"
        )
    for label, user, state in zip(responses, users, status, strict=True):
        if state not in {_SUBMITTED, "discarded"}:
            continue
        yield Answer(
            item=text_at(record, "item_id", place=place, source=source),
            annotator=str(user),
            label=str(label) if state == _SUBMITTED and label is not None else None,
            time=None,
            lead_time_s=None,
            campaign=text_at(record, "campaign", place=place, source=source),
            place=place,
        )
