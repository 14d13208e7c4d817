"""The tour's twelve weeks: eight are the helpdesk's labelled export, and production runs on past them.

1. the labelled messages of weeks 1 to 8, the project's data; what is true of them stands beside them
2. production: other messages of the same helpdesk over all twelve weeks, without labels or customers; from
   week nine on there is a new product, which no labelled message is about

Leaves to others: the corpus and its faults (`demo.helpdesk`), watching production (`demo.production`).
Always: nothing of the truth is in a file that the project reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from smallcraft.demo.helpdesk.corpus import generate
from smallcraft.demo.helpdesk.faults import LAUNCH_WEEK
from smallcraft.demo.helpdesk.intents import load_phrasebook
from smallcraft.demo.helpdesk.project import TOUR_FILE
from smallcraft.demo.helpdesk.tickets import FIRST_DAY

LABELLED, TRUTH = "tickets.csv", "truth.parquet"
PRODUCTION, PRODUCTION_TRUTH = "production.csv", "production-truth.parquet"
LABELLED_WEEKS = LAUNCH_WEEK - 1
_PRODUCTION_ROWS = 4500
# What a router sees when a message comes in; who wrote it, it is not told.
_SEEN = ("message", "region", "created_at")


@dataclass(frozen=True)
class Weeks:
    """What was written.

    Attributes:
        project: The project file.
        labelled: Rows of weeks 1 to 8.
        production: Messages of production.
        since: Of those, how many came since there is a new product.
        about_new: Of these, how many are about it.
        launched: Since when there is a new product.
        names: The words that it is called by.
    """

    project: Path
    labelled: int
    production: int
    since: int
    about_new: int
    launched: datetime
    names: frozenset[str]


def write_weeks(folder: Path, *, seed: int, rows: int) -> Weeks:
    """Write the project, its labelled weeks, and those that production will bring.

    Args:
        folder: Made when it is not there; files of these names in it are replaced.
        seed: See `demo.helpdesk.corpus.generate`.
        rows: Of twelve weeks, of which eight are labelled; see there.
    """
    corpus = generate(seed=seed, rows=rows, last_week=LABELLED_WEEKS)  # (1)
    is_labelled = corpus.truth["week"] <= LABELLED_WEEKS
    folder.mkdir(parents=True, exist_ok=True)
    corpus.frame.filter(is_labelled).write_csv(folder / LABELLED)
    corpus.truth.filter(is_labelled).write_parquet(folder / TRUTH)
    other = generate(seed=seed + 1, rows=min(rows, _PRODUCTION_ROWS))  # (2)
    other.frame.select(_SEEN).write_csv(folder / PRODUCTION)
    known = other.truth.select(
        other.frame["message"], pl.col("true_intent").alias("intent"), "is_new_product", "week"
    )
    known.write_parquet(folder / PRODUCTION_TRUTH)
    project = folder / "smallcraft.toml"
    project.write_text(TOUR_FILE, encoding="utf-8", newline="\n")
    return Weeks(
        project,
        int(is_labelled.sum()),
        known.height,
        int((known["week"] >= LAUNCH_WEEK).sum()),
        int(known["is_new_product"].sum()),
        (FIRST_DAY + timedelta(weeks=LABELLED_WEEKS)).replace(tzinfo=UTC),
        frozenset(load_phrasebook().launch_words),
    )
