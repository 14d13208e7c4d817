"""Generates the helpdesk corpus, and writes it as a project folder that `smallcraft build` can take.

Puts `tickets` and the votes of `people` into frames, counts what is planted, and holds the truth.
Always: rows are sorted by time; the same seed and size give the same bytes; the frame holds no truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.demo.helpdesk.faults import WEEKS
from smallcraft.demo.helpdesk.intents import Phrasebook, load_phrasebook
from smallcraft.demo.helpdesk.people import ANNOTATORS, cast_votes, confusion_matrix
from smallcraft.demo.helpdesk.project import PROJECT_FILE
from smallcraft.demo.helpdesk.tickets import Ticket, label_tickets, plan_tickets, write_messages
from smallcraft.demo.helpdesk.writer import BIASED_REGION
from smallcraft.errors import InvalidInputError

SMALLEST_CORPUS = 1000
LARGEST_CORPUS = 10_000

_VOTES = 5  # a stream of the seed that `tickets` does not draw from


@dataclass(frozen=True)
class Corpus:
    """A labelled export of helpdesk messages, and what is true about it.

    Attributes:
        frame: What a team would have: message, intent (the given label), region, customer_id,
            created_at (ISO 8601, local), ann_a, ann_b, ann_c (one vote a row and annotator).
        truth: Row-aligned: row, true_intent, is_wrong_label, duplicate_of (row or null),
            duplicate_kind ("exact", "near" or null), is_contradiction, is_new_product, is_messy, week.
        intents: The class names, the order of the matrices below.
        annotators: Annotator to the `(k, k)` true confusion matrix, rows the true intent.
        planted: Fault to the number of rows that have it.
    """

    frame: pl.DataFrame
    truth: pl.DataFrame
    intents: tuple[str, ...]
    annotators: Mapping[str, NDArray[np.float64]]
    planted: Mapping[str, int]


def generate(*, seed: int = 7, rows: int = 4500, last_week: int = WEEKS) -> Corpus:
    """Make the corpus.

    Args:
        seed: Any integer from 0 on; 7 is the one the tour and its numbers use.
        rows: From 1,000 to 10,000; outside it the shares of the faults or the variety would not hold.
        last_week: Of the export, in whose last two weeks copies leak; what is later is still to come.

    Raises:
        InvalidInputError: A bound above does not hold.

    >>> corpus = generate(rows=1000)
    >>> corpus.frame.height, corpus.planted["wrong_labels"]
    (1000, 40)
    """
    if not SMALLEST_CORPUS <= rows <= LARGEST_CORPUS or seed < 0:
        raise InvalidInputError(
            f"a helpdesk corpus has {SMALLEST_CORPUS} to {LARGEST_CORPUS} rows and a seed from 0 on, "
            f"got rows={rows}, seed={seed}; choose values in these bounds"
        )
    book = load_phrasebook()
    tickets = label_tickets(
        write_messages(plan_tickets(book, seed, rows, last_week=last_week), book, seed), book, seed
    )
    frame, truth = _frame(tickets, book, seed), _truth(tickets)
    return Corpus(
        frame=frame,
        truth=truth,
        intents=book.names,
        annotators={annotator.name: confusion_matrix(annotator, book) for annotator in ANNOTATORS},
        planted=_count_planted(frame, truth),
    )


def write(folder: Path, *, seed: int = 7, rows: int = 4500) -> Path:
    """Write `tickets.csv`, `truth.parquet` and a commented `smallcraft.toml`.

    Args:
        folder: Made when it is not there; files of these names in it are replaced.
        seed: See `generate`.
        rows: See `generate`.

    Returns:
        The path of `smallcraft.toml`.
    """
    corpus = generate(seed=seed, rows=rows)
    folder.mkdir(parents=True, exist_ok=True)
    corpus.frame.write_csv(folder / "tickets.csv")
    corpus.truth.write_parquet(folder / "truth.parquet")
    project = folder / "smallcraft.toml"
    project.write_text(PROJECT_FILE, encoding="utf-8", newline="\n")
    return project


def _frame(tickets: list[Ticket], book: Phrasebook, seed: int) -> pl.DataFrame:
    dice = Dice(seed, _VOTES)
    true_intents = [ticket.occasion.intent.name for ticket in tickets]
    columns = {
        "message": [ticket.message for ticket in tickets],
        "intent": [ticket.label for ticket in tickets],
        "region": [ticket.occasion.customer.region for ticket in tickets],
        "customer_id": [ticket.occasion.customer.key for ticket in tickets],
        "created_at": [ticket.occasion.when.isoformat() for ticket in tickets],
    }
    votes = {a.name: cast_votes(a, true_intents, book, dice) for a in ANNOTATORS}
    return pl.DataFrame({**columns, **votes})


def _truth(tickets: list[Ticket]) -> pl.DataFrame:
    copies = [ticket.copy for ticket in tickets]
    true_intents = [ticket.occasion.intent.name for ticket in tickets]
    return pl.DataFrame(
        {
            "row": range(len(tickets)),
            "true_intent": true_intents,
            "is_wrong_label": [t.label != true for t, true in zip(tickets, true_intents, strict=True)],
            "duplicate_of": [copy.of if copy else None for copy in copies],
            "duplicate_kind": [copy.kind if copy else None for copy in copies],
            "is_contradiction": [copy is not None and copy.is_contradiction for copy in copies],
            "is_new_product": [ticket.occasion.is_new_product for ticket in tickets],
            "is_messy": [not ticket.message.isascii() for ticket in tickets],
            "week": [ticket.week for ticket in tickets],
        },
        schema_overrides={"row": pl.Int64, "duplicate_of": pl.Int64, "week": pl.Int64},
    )


def _count_planted(frame: pl.DataFrame, truth: pl.DataFrame) -> Mapping[str, int]:
    kinds = Counter(truth["duplicate_kind"].to_list())
    is_biased = frame["region"] == BIASED_REGION
    return {
        "rows": frame.height,
        "wrong_labels": int(truth["is_wrong_label"].sum()),
        "wrong_labels_in_biased_region": int((truth["is_wrong_label"] & is_biased).sum()),
        "biased_region_rows": int(is_biased.sum()),
        "exact_duplicates": kinds["exact"],
        "near_duplicates": kinds["near"],
        "contradictions": int(truth["is_contradiction"].sum()),
        "new_product_rows": int(truth["is_new_product"].sum()),
        "messy_rows": int(truth["is_messy"].sum()),
    }
