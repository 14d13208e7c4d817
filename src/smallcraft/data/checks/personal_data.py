"""Looks for personal data in texts and categories: e-mail, phone, card, IBAN, national id, internet address.

The patterns and their check digits belong to `data.personal`.
UNDECIDED where something is found: whether it may stay is for a person to decide. PASS else.
Always: a value is told masked, never in full; a row counts once a kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from smallcraft.data.personal import KINDS, LIKELY, PersonalValue, find_personal_data
from smallcraft.data.wording import row_place
from smallcraft.records import CheckResult, Finding, FlaggedRows, Outcome, Roles

_MOST_FINDINGS = 100
NAMES: Mapping[str, str] = {
    "iban": "an IBAN",
    "card": "a payment card number",
    "national_id": "a national id",
    "email": "an e-mail address",
    "phone": "a phone number",
    "ip_address": "an internet address",
}
REMEDY = "mask or remove it, or record why it may stay"


@dataclass(frozen=True)
class Hit:
    """One kind of value seen in one row; the first of the row."""

    split: str
    row: int
    column: str
    kind: str
    masked: str

    def finding(self) -> Finding:
        """In words."""
        what = f"{row_place(self.split, self.row)} holds {NAMES[self.kind]}: {self.masked}"
        return Finding("personal_data", self.split, self.row, self.column, what, REMEDY, kind=self.kind)


@dataclass(frozen=True)
class PersonalData:
    """Rows with personal data in what a model reads, in the key or in a group."""

    name: str = "personal_data"

    def inspect(self, splits: Mapping[str, pl.DataFrame], roles: Roles) -> CheckResult:
        """See `contracts.Check`."""
        hits: dict[tuple[str, str], dict[int, Hit]] = {}
        numbers: dict[str, float | int | None] = {}
        for split, frame in splits.items():
            rows: set[int] = set()
            for hit in personal_hits(split, frame, roles):
                hits.setdefault((hit.kind, split), {}).setdefault(hit.row, hit)
                rows.add(hit.row)
            numbers[f"rows_with_personal_data_{split}"] = len(rows)
        for kind in KINDS:
            numbers[kind] = sum(len(hits.get((kind, split), {})) for split in splits)
        found = [(kind, split) for kind in KINDS for split in splits if (kind, split) in hits]
        total = sum(frame.height for frame in splits.values())
        flagged = tuple(
            FlaggedRows(split, kind, np.array(sorted(hits[kind, split]), dtype=np.int64))
            for kind, split in found
        )
        return CheckResult(
            self.name,
            Outcome.UNDECIDED if found else Outcome.PASS,
            _summary(numbers, total),
            numbers,
            tuple(_findings(hits, found)),
            flagged=flagged,
        )


def personal_hits(split: str, frame: pl.DataFrame, roles: Roles) -> Iterator[Hit]:
    """Rows with personal data, each with the first value of a kind in a column."""
    columns = (*roles.inputs, *roles.groups, *((roles.key,) if roles.key else ()))
    for column in dict.fromkeys(columns):
        if frame[column].dtype == pl.String or isinstance(frame[column].dtype, pl.Categorical | pl.Enum):
            for row, value in _values(frame[column].cast(pl.String)):
                yield Hit(split, row, column, value.kind, value.masked)


def _values(texts: pl.Series) -> Iterator[tuple[int, PersonalValue]]:
    """Rows with their values; cheap patterns first say which rows and kinds are worth a close look."""
    plain = _without_widths(texts)
    likely = {kind: plain.str.contains(pattern).fill_null(value=False) for kind, pattern in LIKELY.items()}
    frame = pl.DataFrame({"text": plain, **likely}).with_row_index("row")
    for row, text, *is_likely in frame.filter(pl.any_horizontal(*LIKELY)).iter_rows():
        kinds = [kind for kind, may_be in zip(LIKELY, is_likely, strict=True) if may_be]
        for value in find_personal_data(text, kinds=kinds):
            yield row, value


def _without_widths(texts: pl.Series) -> pl.Series:
    """NFKC, where there is anything but ASCII."""
    odd = (texts.str.len_bytes() != texts.str.len_chars()).fill_null(value=False).arg_true()
    if not len(odd):
        return texts
    return texts.clone().scatter(odd, texts.gather(odd).str.normalize("NFKC"))


def _findings(
    hits: Mapping[tuple[str, str], Mapping[int, Hit]], found: list[tuple[str, str]]
) -> Iterator[Finding]:
    """As many of each kind and split as there is room for."""
    for at in found:
        rows = sorted(hits[at])[: max(_MOST_FINDINGS // len(found), 1)]
        yield from (hits[at][row].finding() for row in rows)


def _summary(numbers: Mapping[str, float | int | None], total: int) -> str:
    parts = [f"{kind.replace('_', ' ')} in {numbers[kind]:,}" for kind in KINDS if numbers[kind]]
    if not parts:
        return f"{total:,} rows, no personal data of the kinds looked for"
    return f"personal data in rows ({', '.join(parts)} of {total:,} rows): a person decides what may stay"
