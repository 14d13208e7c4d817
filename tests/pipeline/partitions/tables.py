"""Tables for tests of partitions: every planted fault in known rows, as one frame and as many files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from smallcraft.records import Roles

ROLES = Roles(label="label", text="text", features=("amount", "plan"), votes=("ann", "bob"))


def messages(rows: int = 3_000, seed: int = 0) -> pl.DataFrame:
    """Texts with features, votes, copies, contradictions, damage, personal data and rows without a label."""
    rng = np.random.default_rng(seed)
    words = np.array(["card", "lost", "refund", "PIN", "Top-Up", "fee", "rate", "balance", "stolen", "limit"])
    texts = [" ".join(chosen) + f" no {number}" for number, chosen in enumerate(rng.choice(words, (rows, 5)))]
    labels = rng.choice(["cards", "money", "fees"], rows, p=[0.6, 0.35, 0.05]).tolist()
    amount = [f"{value:.1f}" for value in rng.normal(50, 9, rows)]
    plan = rng.choice(["basic", "gold"], rows).tolist()
    for copy in range(100, 160):
        texts[copy + 1000] = f"  {texts[copy].upper()}?? "
        amount[copy + 1000], plan[copy + 1000] = amount[copy], plan[copy]
        labels[copy + 1000] = labels[copy] if copy >= 120 else "money" if labels[copy] == "cards" else "cards"
    for row in range(200, 210):
        texts[row] += " cafÃ© crÃ¨me"
    for row in range(205, 225):
        texts[row] += " \ufffd"
    for row in range(300, 307):
        texts[row] += f" mail ada{row}@example.org or +44 20 7946 0{row}"
    for row in range(400, 405):
        labels[row] = None
    for row in range(403, 410):
        texts[row] = " \t"
    votes = [
        [None if rng.random() < 0.1 else label if rng.random() < 0.8 else "money" for label in labels]
        for _ in range(2)
    ]
    return pl.DataFrame(
        {
            "text": texts,
            "label": labels,
            "amount": amount,
            "plan": plan,
            "ann": pl.Series(votes[0], dtype=pl.String),
            "bob": pl.Series(votes[1], dtype=pl.String),
        }
    )


def named_messages() -> pl.DataFrame:
    """The same, each row with a name in the column `item`."""
    rows = messages()
    return rows.with_columns(item=pl.format("row {}", pl.int_range(rows.height)))


def as_lines(table: pl.DataFrame) -> pl.DataFrame:
    """The votes of named rows with a line each, in no order."""
    long = table.unpivot(["ann", "bob"], index="item", variable_name="annotator", value_name="vote")
    return long.drop_nulls().sample(fraction=1.0, shuffle=True, seed=3)


def write_parts(frame: pl.DataFrame, folder: Path, *, parts: int = 7) -> Path:
    """The table in files of several kinds; gives the folder."""
    folder.mkdir(parents=True)
    for number, part in enumerate(frame.iter_slices(frame.height // parts + 1)):
        name = folder / f"part-{number:03d}"
        if number % 3 == 0:
            part.write_parquet(f"{name}.parquet", row_group_size=100)
        elif number % 3 == 1:
            part.write_csv(f"{name}.csv")
        else:
            part.write_ndjson(f"{name}.jsonl")
    return folder
