"""A made-up table of any size in Parquet partitions: numbers, categories, a text, a label, votes.

Always: the same seed and sizes give the same files; made again in the same folder, it goes on where it was
stopped. Known of it: the shift of `n0` beside another seed's, and nothing else drifts.
"""

from __future__ import annotations

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


def make_table(folder: Path, *, rows: int, parts: int, seed: int, shift: float = 0.0) -> Path:
    """Make the table, or what is missing of it.

    Args:
        folder: Of its partitions.
        rows: Of all of them, a multiple of `parts`.
        parts: How many files.
        seed: Of everything.
        shift: Of the column `n0`, in its standard deviation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(parts):
        path = folder / f"part-{part:05d}.parquet"
        if not path.exists():
            draft = path.with_suffix(".tmp")
            _part(rows // parts, np.random.default_rng([seed, part]), shift).write_parquet(draft)
            draft.replace(path)
    return folder


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
