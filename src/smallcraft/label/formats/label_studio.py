"""Label Studio: tasks to import with the labelling page beside them; its JSON export back.

JSON only: JSON-MIN and CSV lose who answered and when.
Always: priority stands in `data`, the model's confidence in `score`; a blind row has no prediction.
Source: labelstud.io/guide/task_format.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from smallcraft.canonical import digest_value
from smallcraft.errors import DataError
from smallcraft.label.batch import Ask
from smallcraft.label.sheets import Answer, Sheet, SheetFile, read_json_list, text_at

_FROM, _TO = "label", "text"
_WANTED = "Label Studio's export as JSON (not JSON-MIN, not CSV)"


@dataclass(frozen=True)
class LabelStudio:
    """Tasks with predictions."""

    name: str = "label_studio"

    def write(self, sheet: Sheet) -> tuple[SheetFile, ...]:
        """The list of tasks, and the `<View>` to paste into the project's labelling interface."""
        tasks = [_task(sheet, ask, text) for ask, text in zip(sheet.asks, sheet.texts, strict=True)]
        data = json.dumps(tasks, ensure_ascii=False, indent=1).encode() + b"\n"
        return SheetFile(".json", data), SheetFile(".view.xml", view_of(sheet).encode())

    def read(self, data: bytes, *, source: str) -> tuple[Answer, ...]:
        """Every annotation; one that was cancelled is a skip, as is an empty result."""
        tasks = read_json_list(data, source=source, wanted=_WANTED)
        return tuple(
            answer for place, task in enumerate(tasks, 1) for answer in _answers(task, place, source)
        )


def view_of(sheet: Sheet) -> str:
    """The labelling page: the text, and one choice of the classes.

    Label Studio gives the first nine choices the keys 1 to 9 by itself.
    """
    choices = "\n".join(f"    <Choice value={quoteattr(name)}/>" for name in sheet.classes)
    return (
        f"<View>\n  <Header value={quoteattr(sheet.question)}/>\n"
        f'  <Text name="{_TO}" value="$text"/>\n'
        f'  <Choices name="{_FROM}" toName="{_TO}" choice="single" showInLine="true" required="true">\n'
        f"{choices}\n  </Choices>\n</View>\n"
    )


def _task(sheet: Sheet, ask: Ask, text: str) -> dict[str, Any]:
    task: dict[str, Any] = {
        "data": {
            "text": text,
            "item_id": ask.item,
            "campaign": sheet.campaign,
            "arm": ask.arm,
            "slice": ask.slice,
            "pi": ask.chance,
            "priority": ask.priority,
            "votes": ask.votes,
        }
    }
    if ask.suggestion is not None:
        region = digest_value([sheet.campaign, ask.item])[7:17]
        value = {"choices": [ask.suggestion]}
        result = {"id": region, "from_name": _FROM, "to_name": _TO, "type": "choices", "value": value}
        task["predictions"] = [{"model_version": sheet.model, "score": ask.confidence, "result": [result]}]
    return task


def _answers(task: Mapping[str, Any], number: int, source: str) -> Iterator[Answer]:
    place = f"task {number:,}"
    data, annotations = task.get("data"), task.get("annotations")
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise DataError(
            f"{place} of {source} must have 'data' and 'annotations' as in {_WANTED}, got "
            f"{', '.join(sorted(task)) or 'nothing'}; choose JSON when exporting"
        )
    for annotation in annotations:
        lead = annotation.get("lead_time")
        yield Answer(
            item=text_at(data, "item_id", place=place, source=source),
            annotator=_annotator(annotation.get("completed_by"), place, source),
            label=None if annotation.get("was_cancelled") else _choice(annotation, place, source),
            time=str(annotation["created_at"]) if annotation.get("created_at") else None,
            lead_time_s=float(lead) if isinstance(lead, int | float) else None,
            campaign=text_at(data, "campaign", place=place, source=source),
            place=place,
        )


def _annotator(completed_by: object, place: str, source: str) -> str:
    """The mail address where the export has the person, else the number; both are the same person's."""
    if isinstance(completed_by, dict):
        named = completed_by.get("email") or completed_by.get("username") or completed_by.get("id")
        completed_by = named
    if completed_by is None or completed_by == "" or isinstance(completed_by, bool):
        raise DataError(
            f"an annotation of {place} of {source} must say who made it (completed_by); export it again"
        )
    return str(completed_by)


def _choice(annotation: Mapping[str, Any], place: str, source: str) -> str | None:
    chosen = [
        str(choice)
        for region in annotation.get("result") or []
        if region.get("type") == "choices" and region.get("from_name") == _FROM
        for choice in region.get("value", {}).get("choices", [])
    ]
    if len(chosen) > 1:
        raise DataError(
            f"{place} of {source} must have one choice, got {', '.join(chosen)}; use the <View> written "
            "beside the tasks"
        )
    return chosen[0] if chosen else None
