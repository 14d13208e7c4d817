"""Which flagged rows can be repaired, by the kinds that the checks give them; reads rows, changes nothing.

Positions are those in the file. Carrying repairs out belongs to `data.repair`.
Always: people's votes are heard before a model, and on the sealed split no label follows a model; a copy that
leaked leaves train, never a row that measures; copies are compared again here, whatever was flagged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import exact_groups, renumbered
from smallcraft.data.table import row_digests
from smallcraft.records import FlaggedRows, Roles

WRONG, VOTES = "wrong", "votes say otherwise"
EXACT, NEAR, CONTRADICTION = "exact copy", "near copy", "contradiction"
_MEASURING = ("dev", "cert")


def relabelled_rows(
    flagged: Sequence[FlaggedRows], labels: Sequence[str | None], row_of: Mapping[str, NDArray[np.int64]]
) -> Iterator[tuple[int, tuple[str, str]]]:
    """Row to label and reason; later ones count, so votes come last."""
    for kind in (WRONG, VOTES):
        for entry in flagged:
            if entry.kind != kind or entry.suggested is None or entry.split not in row_of:
                continue
            if kind == WRONG and entry.split == "cert":
                continue
            check = "label_issues" if kind == WRONG else "consensus"
            for row, label in zip(row_of[entry.split][entry.rows].tolist(), entry.suggested, strict=True):
                if label is not None and label != labels[row]:
                    yield row, (label, f"{check}: {kind}")


def broken_rows(frame: pl.DataFrame, roles: Roles, labels: Sequence[str | None]) -> Iterator[tuple[int, str]]:
    """Rows without a label or text, with the reason: a loader may have set them aside before any check."""
    for row, label in enumerate(labels):
        if label is None:
            yield row, "integrity: missing_label"
    if roles.text is not None:
        text = frame[roles.text].cast(pl.String)
        blank = text.is_null() | (text.str.strip_chars().str.len_bytes() == 0)
        for row in blank.arg_true().to_list():
            yield row, "integrity: blank_text"


def leaked_rows(
    frame: pl.DataFrame,
    roles: Roles,
    flagged: Sequence[FlaggedRows],
    row_of: Mapping[str, NDArray[np.int64]],
) -> Iterator[tuple[int, str]]:
    """Rows of train that copy a row of dev or cert, and the exact copies of those in train."""
    found: dict[int, str] = {}
    for entry in flagged:
        if entry.kind not in (EXACT, NEAR) or entry.partner is None or entry.partner_split is None:
            continue
        sides = {entry.split: entry.rows, entry.partner_split: entry.partner}
        measuring = [split for split in sides if split in _MEASURING]
        if "train" in sides and "train" in row_of and measuring:
            for row in row_of["train"][sides["train"][sides["train"] >= 0]].tolist():
                found.setdefault(row, f"leakage: {entry.kind} of a row of {measuring[0]}")
    if not found:
        return
    train = row_of["train"]
    groups = _exact_rows(frame[train], roles)
    reasons = {
        int(group): found[row] for group, row in zip(groups, train.tolist(), strict=True) if row in found
    }
    for group, row in zip(groups.tolist(), train.tolist(), strict=True):
        if group in reasons:
            yield row, found.get(row, reasons[group])


def copied_rows(
    frame: pl.DataFrame,
    roles: Roles,
    flagged: Sequence[FlaggedRows],
    row_of: Mapping[str, NDArray[np.int64]],
) -> Iterator[list[int]]:
    """Groups of rows of one split that are exact copies: flagged as such, and found equal again here."""
    members: dict[str, set[int]] = {}
    for entry in flagged:
        if entry.split not in row_of or entry.partner_split not in (None, entry.split):
            continue
        if entry.kind in (EXACT, CONTRADICTION):
            rows = entry.rows if entry.partner is None else np.append(entry.rows, entry.partner)
            members.setdefault(entry.split, set()).update(row_of[entry.split][rows[rows >= 0]].tolist())
    for positions in members.values():
        listed = np.array(sorted(positions), dtype=np.int64)
        groups = _exact_rows(frame[listed], roles)
        order = np.argsort(groups, kind="stable")
        for part in np.split(listed[order], np.flatnonzero(np.diff(groups[order])) + 1):
            if len(part) > 1:
                yield part.tolist()


def _exact_rows(frame: pl.DataFrame, roles: Roles) -> NDArray[np.int64]:
    """Group number of each row; rows with equal normalised text and equal features share one."""
    keys: dict[bytes, int] = {}
    features = [keys.setdefault(row, len(keys)) for row in row_digests(frame, roles.features)]
    if roles.text is None:
        return np.array(features, dtype=np.int64)
    texts = exact_groups(frame[roles.text].cast(pl.String).fill_null("").to_list())
    return renumbered(texts * max(len(keys), 1) + np.array(features, dtype=np.int64))
