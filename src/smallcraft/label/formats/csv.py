"""CSV for people with a spreadsheet: one line a row and person, `item_id,annotator,label` to fill in.

Always: no cell can start a formula, and every cell reads back as it was (`data.quality.sheet`); a blank label
is no answer.
Not covered: times, which a spreadsheet does not keep.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from smallcraft.data.quality.sheet import escaped, unescaped
from smallcraft.errors import DataError, nearest_name
from smallcraft.label.sheets import Answer, Sheet, SheetFile

_ITEM, _ANNOTATOR, _LABEL, _CAMPAIGN = "item_id", "annotator", "label", "campaign"
_COLUMNS = (_ITEM, _ANNOTATOR, _LABEL, _CAMPAIGN, "text", "suggestion")


@dataclass(frozen=True)
class Csv:
    """A line a vote."""

    name: str = "csv"

    def write(self, sheet: Sheet) -> tuple[SheetFile, ...]:
        """The sheet, and the list of labels beside it."""
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(_COLUMNS)
        for ask, text in zip(sheet.asks, sheet.texts, strict=True):
            cells = (ask.item, "", "", sheet.campaign, text, ask.suggestion or "")
            writer.writerows([[escaped(cell) for cell in cells]] * ask.votes)
        labels = "\n".join((sheet.question, *sheet.classes, ""))
        return SheetFile(".csv", stream.getvalue().encode("utf-8-sig")), SheetFile(
            ".labels.txt", labels.encode()
        )

    def read(self, data: bytes, *, source: str) -> tuple[Answer, ...]:
        """Every line with a label; commas, semicolons and tabs are understood."""
        lines = _lines(data, source)
        names = [name.strip() for name in lines[0]] if lines else []
        for wanted in (_ITEM, _ANNOTATOR, _LABEL):
            if wanted not in names:
                has = ", ".join(f"'{name}'" for name in names) or "nothing"
                raise DataError(
                    f"column '{wanted}' is not in {source}; it has {has}{nearest_name(wanted, names)}; keep "
                    "the columns of the sheet"
                )
        answers = []
        for number, line in enumerate(lines[1:], 2):
            if not any(cell.strip() for cell in line):
                continue
            if len(line) != len(names):
                raise DataError(
                    f"line {number:,} of {source} must have {len(names)} cells, got {len(line)}: the file "
                    "is cut short or was edited as text; nothing was imported: save it again"
                )
            cells = {name: unescaped(cell.strip()) for name, cell in zip(names, line, strict=True)}
            if cells[_LABEL]:
                answers.append(_answer(cells, f"line {number:,}", source))
        return tuple(answers)


def _answer(cells: dict[str, str], place: str, source: str) -> Answer:
    for name in (_ITEM, _ANNOTATOR):
        if not cells[name]:
            raise DataError(f"{place} of {source} has a label, so it must have '{name}'; fill it in")
    return Answer(
        cells[_ITEM], cells[_ANNOTATOR], cells[_LABEL], None, None, cells.get(_CAMPAIGN) or None, place
    )


def _lines(data: bytes, source: str) -> list[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{source} is not UTF-8 (byte {error.start}); save it from the spreadsheet as 'CSV UTF-8'"
        ) from error
    header = text.splitlines()[0] if text.strip() else ""
    try:
        return list(
            csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
        )
    except csv.Error as error:
        raise DataError(
            f"{source} is not a whole CSV file ({error}); nothing was imported: save the sheet as CSV again"
        ) from error
