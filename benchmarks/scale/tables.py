"""Made-up tables of any size in Parquet partitions: numbers, categories, a text, a label, votes in columns;
or an id, a text and a label, and the votes in a table of their own with a line each.

Always: the same seed and sizes give the same files; made again in the same folder, it goes on where it was
stopped. Known of it: the shift of `n0` beside another seed's, and nothing else drifts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

_WORDS = (
    *("card", "money", "transfer", "lost", "stolen", "pin", "fee", "refund", "top"),
    *("up", "cash", "machine", "balance", "pending", "declined", "exchange", "rate", "virtual"),
    *("limit", "apple", "pay", "travel", "abroad", "statement", "identity", "verify", "passcode"),
    *("phone", "number", "charge", "twice", "wrong", "amount", "receive", "delivery"),
)
_LABELS = ("cards", "money", "travel", "other")
_SHARES = (0.5, 0.3, 0.19, 0.01)
_NUMBERS, _COUNTS, _CATEGORIES = 8, 4, 4
_TEXT_WORDS = 6
# Shares of votes that are the label, of rows that are copies of the row before, of damaged texts.
_RIGHT, _COPIED, _DAMAGED = 0.9, 0.01, 0.001
VOTES_A_ROW = 2


def make_table(folder: Path, *, rows: int, parts: int, seed: int, shift: float = 0.0) -> Path:
    """Make the table, or what is missing of it.

    Args:
        folder: Of its partitions.
        rows: Of all of them, a multiple of `parts`.
        parts: How many files.
        seed: Of everything.
        shift: Of the column `n0`, in its standard deviation.
    """
    for part in range(parts):
        _write(folder, part, lambda part: _part(rows // parts, np.random.default_rng([seed, part]), shift))
    return folder


def make_voted(folder: Path, *, rows: int, parts: int, seed: int) -> Path:
    """Make a table of rows, `rows`, and one of votes on them, `votes`, in which those on a row lie far apart.

    Args:
        folder: Of both.
        rows: Of the first, a multiple of `parts`.
        parts: How many files each has.
        seed: Of everything.
    """
    n = rows // parts
    for part in range(parts):
        _write(folder / "rows", part, lambda part: _named_rows(part, n, seed))
        _write(folder / "votes", part, lambda part: _lines(part, n, parts, seed))
    return folder


def _write(folder: Path, part: int, made: Callable[[int], pl.DataFrame]) -> None:
    """Make a part, unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"part-{part:05d}.parquet"
    if not path.exists():
        draft = path.with_suffix(".tmp")
        made(part).write_parquet(draft)
        draft.replace(path)


def _labels(part: int, rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, part, 0]).choice(len(_LABELS), rows, p=_SHARES)


def _named_rows(part: int, rows: int, seed: int) -> pl.DataFrame:
    texts = _texts(rows, np.random.default_rng([seed, part, 1]))
    ids = pl.int_range(part * rows, (part + 1) * rows, eager=True)
    return pl.DataFrame({"item": ids, "text": texts, "label": _named(_labels(part, rows, seed))})


def _lines(part: int, rows: int, parts: int, seed: int) -> pl.DataFrame:
    """Votes on rows of as many parts as a row has votes, in no order."""
    lines = []
    for vote in range(VOTES_A_ROW):
        at = (part + vote * parts // VOTES_A_ROW) % parts
        rng = np.random.default_rng([seed, at, 2 + vote])
        label, is_right = _labels(at, rows, seed), rng.random(rows) < _RIGHT
        said = np.where(is_right, label, rng.integers(0, len(_LABELS), rows))
        who = pl.Series(rng.integers(0, 50, rows) * VOTES_A_ROW + vote).cast(pl.String)
        ids = pl.int_range(at * rows, (at + 1) * rows, eager=True)
        lines.append(pl.DataFrame({"item": ids, "annotator": who, "vote": _named(said)}))
    return pl.concat(lines).sample(fraction=1.0, shuffle=True, seed=seed + part)


def _part(rows: int, rng: np.random.Generator, shift: float) -> pl.DataFrame:
    columns: dict[str, object] = {
        f"n{at}": rng.standard_normal(rows) * (at + 1) + at + (shift if at == 0 else 0.0)
        for at in range(_NUMBERS)
    }
    columns |= {f"i{at}": rng.integers(0, 10 ** (at + 1), rows) for at in range(_COUNTS)}
    columns |= {f"c{at}": _codes(rng.integers(0, 4 ** (at + 1), rows)) for at in range(_CATEGORIES)}
    label = rng.choice(len(_LABELS), rows, p=_SHARES)
    columns["text"] = _texts(rows, rng)
    columns["label"] = _named(label)
    for annotator in ("vote_1", "vote_2"):
        is_right = rng.random(rows) < _RIGHT
        columns[annotator] = _named(np.where(is_right, label, rng.integers(0, len(_LABELS), rows)))
    return pl.DataFrame(columns)


def _texts(rows: int, rng: np.random.Generator) -> pl.Series:
    words = pl.Series(_WORDS)
    parts = [words.gather(rng.integers(0, len(_WORDS), rows)) for _ in range(_TEXT_WORDS)]
    texts = pl.select(pl.concat_str(parts, separator=" ")).to_series()
    copied = np.flatnonzero(rng.random(rows) < _COPIED)
    copied = copied[copied > 0]
    texts = texts.scatter(copied, texts.gather(copied - 1))
    damaged = np.flatnonzero(rng.random(rows) < _DAMAGED)
    return texts.scatter(damaged, texts.gather(damaged) + " \ufffd")


def _codes(values: np.ndarray) -> pl.Series:
    return pl.Series(values).cast(pl.String)


def _named(codes: np.ndarray) -> pl.Series:
    return pl.Series(_LABELS).gather(codes)
