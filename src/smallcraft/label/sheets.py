"""What leaves for people to fill in and what comes back: the two forms that every file format maps to.

How a format is written and read belongs to `label.formats`; what an answer must satisfy to `label.importing`.
Always: a format adds nothing and drops nothing but what its tool cannot hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from smallcraft.errors import DataError
from smallcraft.label.batch import Ask


@dataclass(frozen=True)
class Sheet:
    """What is asked.

    Attributes:
        campaign: Its id.
        classes: What may be answered.
        asks: In the order to ask them.
        texts: The text of each, in the same order.
        guideline: Version of the guideline that people read.
        model: What made the suggestions; empty for none.
        question: What people are asked.
    """

    campaign: str
    classes: tuple[str, ...]
    asks: tuple[Ask, ...]
    texts: tuple[str, ...]
    guideline: str = "1"
    model: str = ""
    question: str = "Which label fits?"


@dataclass(frozen=True)
class SheetFile:
    """One file of an export: the end of its name, and its bytes."""

    suffix: str
    data: bytes


@dataclass(frozen=True)
class Answer:
    """One answer as a file tells it.

    Attributes:
        item: The row's id.
        annotator: Who answered.
        label: What was answered; None where the row was skipped.
        time: ISO 8601, as the tool wrote it; None where it does not say.
        lead_time_s: Seconds it took; None where the tool does not say.
        campaign: As the file says; None where it cannot.
        place: Where in the file, for messages.
    """

    item: str
    annotator: str
    label: str | None
    time: str | None
    lead_time_s: float | None
    campaign: str | None
    place: str


class Format(Protocol):
    """Writes asks for a labelling tool and reads its answers (`label/formats`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table, and the tool of its votes."""

    def write(self, sheet: Sheet) -> tuple[SheetFile, ...]:
        """The files to hand to the tool, the one to import first."""

    def read(self, data: bytes, *, source: str) -> tuple[Answer, ...]:
        """Every answer of an export.

        Raises:
            DataError: The bytes are not such an export, or only half of one.
        """


def read_json_list(data: bytes, *, source: str, wanted: str) -> list[Mapping[str, Any]]:
    """A JSON list of objects.

    Args:
        data: The file.
        source: Its name, for messages.
        wanted: What it should be, for messages.

    Raises:
        DataError: It is cut short, or something else.
    """
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(
            f"{source} must be {wanted}, whole, got bytes that are no JSON ({error}); nothing was imported: "
            "export it again"
        ) from error
    if not isinstance(document, list) or not all(isinstance(entry, dict) for entry in document):
        raise DataError(
            f"{source} must be {wanted}: a list of objects, got {type(document).__name__}; export it again "
            "in that form"
        )
    return document


def text_at(entry: Mapping[str, Any], key: str, *, place: str, source: str) -> str:
    """A field that must be there, as text.

    Raises:
        DataError: It is missing or blank.
    """
    value = entry.get(key)
    text = "" if value is None or isinstance(value, dict | list) else str(value).strip()
    if not text:
        raise DataError(
            f"{place} of {source} must have '{key}', got {value!r}; export with all fields that were imported"
        )
    return text
