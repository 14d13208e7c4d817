"""Promises of reading and splitting."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from smallcraft.data.load import load_table
from smallcraft.data.split import split_table
from smallcraft.errors import DataError
from smallcraft.pipeline.selftest.promise import Promise, expect
from smallcraft.pipeline.selftest.rows import made_messages
from smallcraft.records import Roles, SplitName

_ROLES = Roles(label="intent", text="message", key="sender")
_FRACTIONS: Mapping[SplitName, float] = {"train": 0.7, "dev": 0.15, "cert": 0.15}


def one_digest_whatever_the_format(folder: Path, seed: int) -> str:
    """CSV, Parquet and JSON lines of the same rows."""
    frame = pl.DataFrame(made_messages(60, seed=seed))
    frame.write_csv(folder / "rows.csv")
    frame.write_parquet(folder / "rows.parquet")
    frame.write_ndjson(folder / "rows.jsonl")
    digests = {load_table(path, _ROLES).ref.digest for path in sorted(folder.iterdir())}
    return expect(len(digests) == 1, f"{len(digests)} digest(s) of 60 rows in 3 formats")


def a_changed_label_changes_the_digest(folder: Path, seed: int) -> str:
    """One label of sixty."""
    rows = made_messages(60, seed=seed)
    digests = set()
    for name, label in (("before", "login"), ("after", "parcel")):
        changed = {**rows, "intent": [*rows["intent"][:7], label, *rows["intent"][8:]]}
        pl.DataFrame(changed).write_csv(folder / f"{name}.csv")
        digests.add(load_table(folder / f"{name}.csv", _ROLES).ref.digest)
    return expect(len(digests) == 2, f"{len(digests)} digests of two tables that differ in one label")


def keys_and_copies_stay_together(folder: Path, seed: int) -> str:
    """Every sender has three messages; every tenth message is written twice."""
    frame = pl.DataFrame(made_messages(300, seed=seed))
    copies = frame[::10].with_columns(pl.lit("somebody else").alias("sender"))
    pl.concat([frame, copies]).write_csv(folder / "rows.csv")
    splits = split_table(load_table(folder / "rows.csv", _ROLES), fractions=_FRACTIONS, seed=seed).frames
    straddling = sum(
        len(set(first[column]) & set(second[column]))
        for first, second in itertools.combinations(splits.values(), 2)
        for column in ("sender", "message")
    )
    return expect(straddling == 0, f"{straddling} senders or messages stand in two splits")


def a_missing_label_is_refused(folder: Path, seed: int) -> str:
    """One empty label in sixty rows."""
    rows = made_messages(60, seed=seed)
    rows["intent"][30] = ""
    pl.DataFrame(rows).write_csv(folder / "rows.csv")
    try:
        load_table(folder / "rows.csv", _ROLES)
    except DataError as error:
        told = str(error).replace(f"{folder}/", "")
        return expect("line 32, column 'intent'" in told, f"refused: {told}")
    return expect(holds=False, seen="a row without a label was taken")


PROMISES = (
    Promise(
        "preprocessing",
        "the same rows have one digest in every file format",
        one_digest_whatever_the_format,
    ),
    Promise("preprocessing", "one changed label is another digest", a_changed_label_changes_the_digest),
    Promise("preprocessing", "no sender and no message stands in two splits", keys_and_copies_stay_together),
    Promise("preprocessing", "a row without a label is refused by name", a_missing_label_is_refused),
)
