"""Looks for values that are missing, damaged or suspicious, row by row and column by column.

FAIL: a missing label, a blank text, or a feature that gives the label away.
UNDECIDED: signs of damage (replacement characters, mojibake, control characters), labels that differ only in
how they are written, constant columns and columns that number rows; a person should look.
Always: the label is set against features on train and dev only (rows not split yet: one half against the
other); cert is read for damage, not for answers. A row that fails is damaged itself: `rows_failing_<split>`
counts it once, and leaves out labels written in another way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import normalised
from smallcraft.data.targets import comparable_labels
from smallcraft.data.wording import WHOLE, row_place
from smallcraft.records import CheckResult, Finding, FlaggedRows, Outcome, Roles

# UTF-8 read as Windows-1252: a lead byte shows as one of a few capitals, a trailing byte as a sign after it.
_TRAILING_SIGNS = (
    "\u0080-\u00bf\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u2018\u2019\u201c\u201d\u2022\u2013\u2014"
)
_MOJIBAKE = f"[ÃÂÅÐ][{_TRAILING_SIGNS}]|â€"
_CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F\u{80}-\u{9F}]"
_REPLACEMENT = "\ufffd"
_GIVEAWAY_SHARE = 0.99
_LEAST_ROWS = 20
_MOST_FINDINGS = 100
_SPELLING = "label_spelling"
_BETWEEN_WORDS = re.compile(r"(?<=\w)[\s._/:,;\u2010-\u2015-]+(?=\w)|_")


@dataclass(frozen=True)
class Integrity:
    """Missing values, encoding damage, useless columns, giveaway features."""

    name: str = "integrity"

    def inspect(self, splits: Mapping[str, pl.DataFrame], roles: Roles) -> CheckResult:
        """See `contracts.Check`."""
        splits = comparable_labels(splits, roles)
        kinds: dict[str, int] = dict.fromkeys(ROW_FAULTS, 0)
        failing: dict[str, int] = {}
        findings: list[Finding] = []
        flagged: list[FlaggedRows] = []
        for split, frame in splits.items():
            found: dict[str, NDArray[np.bool_]] = {}
            for kind, column, is_bad in row_faults(frame, roles):
                kinds[kind] += int(is_bad.sum())
                found[kind] = found.get(kind, False) | is_bad
                findings.extend(_row_findings(kind, split, column, np.flatnonzero(is_bad)))
            failing[split] = int(np.logical_or.reduce(list(found.values())).sum())
            flagged += [
                FlaggedRows(split, kind, np.flatnonzero(bad)) for kind, bad in found.items() if bad.any()
            ]
        spelled, rare = _spellings(splits, roles.label)
        columns = _column_findings(splits, roles)
        giveaway, share = _giveaway(splits, roles)
        total = sum(frame.height for frame in splits.values())
        numbers: dict[str, float | int | None] = {**kinds}
        numbers |= {f"rows_failing_{split}": count for split, count in failing.items()}
        numbers["share_failing"] = sum(failing.values()) / total if total else None
        numbers[_SPELLING] = sum(len(entry.rows) for entry in rare)
        numbers["suspicious_columns"] = len(columns)
        numbers["best_feature_error_explained"] = share
        shown = [*giveaway, *spelled, *columns, *findings[:_MOST_FINDINGS]]
        is_fail = bool(giveaway) or kinds["missing_label"] + kinds["blank_text"] > 0
        outcome = Outcome.FAIL if is_fail else Outcome.UNDECIDED if shown else Outcome.PASS
        summary = shown[0].what if shown else f"{total:,} rows without missing or damaged values"
        more = f" (and {len(shown) - 1:,} more findings)" if len(shown) > 1 else ""
        return CheckResult(
            self.name, outcome, summary + more, numbers, tuple(shown), flagged=(*flagged, *rare)
        )


ROW_FAULTS: Mapping[str, tuple[str, str]] = {
    "missing_label": ("the label is missing", "label the row or remove it"),
    "blank_text": ("the text is missing or blank", "write it or remove the row"),
    "replacement_characters": (
        "a replacement character (U+FFFD) stands where letters were lost",
        "export the text again as UTF-8",
    ),
    "mojibake": ("letters look like UTF-8 read as Windows-1252", "export the text again as UTF-8"),
    "control_characters": ("the text holds control characters", "remove them"),
}


def row_faults(frame: pl.DataFrame, roles: Roles) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Kind (of `ROW_FAULTS`), column and `(n,)` rows of each fault that a row can have by itself."""
    yield "missing_label", roles.label, frame[roles.label].is_null().to_numpy()
    if roles.text is not None:
        text = frame[roles.text]
        blank = text.is_null() | (text.str.strip_chars().str.len_bytes() == 0)
        yield "blank_text", roles.text, blank.to_numpy()
    for name in roles.inputs:
        if frame[name].dtype == pl.String:
            for kind, test in _TEXT_FAULTS.items():
                yield kind, name, test(frame[name]).fill_null(value=False).to_numpy()


_TEXT_FAULTS: Mapping[str, Callable[[pl.Series], pl.Series]] = {
    "replacement_characters": lambda text: text.str.contains(_REPLACEMENT, literal=True),
    "mojibake": lambda text: text.str.contains(_MOJIBAKE),
    "control_characters": lambda text: text.str.contains(_CONTROL),
}


def _row_findings(kind: str, split: str, column: str, rows: NDArray[np.int64]) -> Iterator[Finding]:
    what, remedy = ROW_FAULTS[kind]
    for row in rows[:_MOST_FINDINGS].tolist():
        yield Finding("integrity", split, row, column, f"{row_place(split, row)}: {what}", remedy, kind=kind)


def _spellings(splits: Mapping[str, pl.DataFrame], label: str) -> tuple[list[Finding], list[FlaggedRows]]:
    """Labels that differ only by case, space or punctuation, and the rows that write them the rarer way."""
    given = pl.concat([frame[label].cast(pl.String) for frame in splits.values()]).drop_nulls()
    counted = given.rename("label").value_counts().sort(["count", "label"], descending=[True, False])
    written: dict[str, list[str]] = {}
    for name in counted["label"].to_list():
        written.setdefault(_letters_of(name), []).append(name)
    common = {rare: names[0] for names in written.values() for rare in names[1:]}
    sizes = dict(counted.iter_rows())
    findings = [
        Finding(
            "integrity",
            WHOLE,
            None,
            label,
            f"labels {_listed(names, sizes)} differ only by case, space or punctuation",
            f"if they mean one class, write all as '{names[0]}'",
            kind=_SPELLING,
            suggested=names[0],
        )
        for names in written.values()
        if len(names) > 1
    ]
    flagged = []
    for split, frame in splits.items():
        names = frame[label].cast(pl.String)
        rows = names.is_in(list(common)).fill_null(value=False).arg_true()
        if len(rows):
            suggested = tuple(common[name] for name in names.gather(rows).to_list())
            flagged.append(
                FlaggedRows(split, _SPELLING, rows.to_numpy().astype(np.int64), suggested=suggested)
            )
    return findings[:_MOST_FINDINGS], flagged


def _letters_of(label: str) -> str:
    """A label without what may differ by habit; one without letters as it stands, for -1 is not 1.

    Signs at the ends count where they are no sentence marks: "C" is not "C++", "A" not "A-".
    """
    plain = normalised(label)
    return _BETWEEN_WORDS.sub("", plain) if any(sign.isalpha() for sign in plain) else label


def _listed(names: Sequence[str], sizes: Mapping[str, int]) -> str:
    return " and ".join(f"'{name}' ({sizes[name]:,})" for name in names)


def _column_findings(splits: Mapping[str, pl.DataFrame], roles: Roles) -> list[Finding]:
    findings = []
    for name in roles.features:
        parts = [frame[name] for frame in splits.values()]
        if len({part.dtype for part in parts}) > 1:
            parts = [part.cast(pl.String) for part in parts]
        filled = pl.concat(parts).drop_nulls()
        distinct = filled.n_unique()
        if distinct < 2:
            kind, what = "constant column", f"feature '{name}' has one value only"
            remedy = "take it out of the features"
        elif distinct == len(filled) >= _LEAST_ROWS and _numbers_rows(splits, name):
            kind, what = "id-like column", f"feature '{name}' differs in every row, like an identifier"
            remedy = "take it out of the features: a model learns it by heart"
        else:
            continue
        findings.append(Finding("integrity", WHOLE, None, name, what, remedy, kind=kind))
    return findings


def _numbers_rows(splits: Mapping[str, pl.DataFrame], name: str) -> bool:
    """Whether values that all differ are codes or whole numbers, not measurements."""
    parts = [frame[name] for frame in splits.values() if frame.height]
    if parts[0].dtype.is_float():
        return all(bool((part.drop_nulls() == part.drop_nulls().round()).all()) for part in parts)
    return True


def _giveaway(splits: Mapping[str, pl.DataFrame], roles: Roles) -> tuple[list[Finding], float | None]:
    """Features from which the label can be read: learned on train, tried on dev."""
    train, dev, split = _learned_and_tried(splits)
    if train is None or dev is None or min(train.height, dev.height) < _LEAST_ROWS:
        return [], None
    shares = {name: _error_explained(train, dev, name, roles.label) for name in roles.features}
    findings = []
    for name, share in shares.items():
        if share is not None and share >= _GIVEAWAY_SHARE:
            what = f"feature '{name}' alone predicts the label: it removes {share:.0%} of the errors"
            remedy = "find out whether it is known before the label is; if not, take it out"
            findings.append(Finding("integrity", split, None, name, what, remedy, kind="giveaway feature"))
    known = [share for share in shares.values() if share is not None]
    return findings, max(known) if known else None


def _learned_and_tried(
    splits: Mapping[str, pl.DataFrame],
) -> tuple[pl.DataFrame | None, pl.DataFrame | None, str]:
    """Train and dev; of rows that are not split yet, the even ones and the odd ones."""
    whole = splits.get(WHOLE)
    if whole is not None:
        return whole.gather_every(2), whole.gather_every(2, offset=1), WHOLE
    return splits.get("train"), splits.get("dev"), "dev"


def _error_explained(train: pl.DataFrame, dev: pl.DataFrame, feature: str, label: str) -> float | None:
    """Share of the majority guess's errors on dev that the feature's own majority guess avoids."""
    edges = _edges(train[feature])
    learned = pl.DataFrame({"cell": _cells(train[feature], edges), "label": train[label]})
    tried = pl.DataFrame({"cell": _cells(dev[feature], edges), "label": dev[label]})
    counts = learned.group_by("cell", "label").len().sort(["len", "label"], descending=[True, False])
    guess = counts.unique("cell", keep="first").select("cell", pl.col("label").alias("guess"))
    majority = learned["label"].value_counts(sort=True)["label"][0]
    guessed = tried.join(guess, on="cell", how="left", nulls_equal=True, maintain_order="left")
    errors = int((guessed["guess"].fill_null(majority) != tried["label"]).sum())
    plain = int((tried["label"] != majority).sum())
    return None if plain == 0 else 1 - errors / plain


def _edges(values: pl.Series) -> NDArray[np.float64] | None:
    """Borders halfway between the numbers that train shows: a number on dev belongs to the nearest one."""
    if not values.dtype.is_numeric():
        return None
    known = np.unique(values.drop_nulls().cast(pl.Float64).to_numpy())
    return np.asarray(known[:-1] + np.diff(known) / 2, dtype=np.float64)


def _cells(values: pl.Series, edges: NDArray[np.float64] | None) -> pl.Series:
    if edges is None:
        return values.cast(pl.String)
    numbers = values.cast(pl.Float64)
    codes = np.searchsorted(edges, numbers.fill_null(0.0).to_numpy(), side="right")
    return pl.Series(codes).set(numbers.is_null(), None)
