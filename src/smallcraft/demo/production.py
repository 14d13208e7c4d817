"""Production of the tour: messages after the release, as before at first, then through a broken export.

1. the messages are written, and what is true of them beside them
2. they are watched, window by window
3. the rows that an alarm asks about are answered, as a person would who knows the truth

Leaves to others: watching and labelling (`pipeline`), the corpus (`demo.helpdesk`).
Always: nothing of the truth is in the file that is watched.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from smallcraft.demo.helpdesk.corpus import generate
from smallcraft.observe.alarms import Alarm
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.labelling.answers import take_answers
from smallcraft.pipeline.labelling.planning import LabelPlan, propose
from smallcraft.pipeline.watching.watch import ProjectWatch

FILE, TRUTH = "production.csv", "production-truth.parquet"
MOST_ASKED = 200
_SINCE = datetime(2026, 9, 1, tzinfo=UTC)
_ROWS = 7000
_WINDOWS = 120
_WINDOW = timedelta(hours=12)
_BROKEN_WINDOWS = 8


@dataclass(frozen=True)
class Production:
    """What was written.

    Attributes:
        rows: In the file.
        broken_from: Since when messages are broken.
    """

    rows: int
    broken_from: datetime


@dataclass(frozen=True)
class WatchedProduction:
    """What watching it led to.

    Attributes:
        windows: That were weighed.
        budget: False alarms a month.
        alarms: That were raised.
    """

    windows: int
    budget: float
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True)
class Answered:
    """What people said.

    Attributes:
        votes: That were taken in.
        sentence: What the alarm says now.
    """

    votes: int
    sentence: str


def write_production(folder: Path, *, seed: int) -> Production:
    """Write two months of messages, the last days of them through a broken export.

    Args:
        folder: Of the tour.
        seed: Of the messages; another one than that of the corpus.
    """
    corpus = generate(seed=seed, rows=_ROWS)
    usual = ~corpus.truth["is_new_product"]
    frame, truth = corpus.frame.filter(usual), corpus.truth.filter(usual)
    rng = np.random.default_rng(seed)
    order = rng.permutation(frame.height)
    window = np.sort(rng.integers(0, _WINDOWS, frame.height))
    seconds = ((window + rng.random(frame.height)) * _WINDOW.total_seconds()).astype(np.int64).tolist()
    is_broken = (window >= _WINDOWS - _BROKEN_WINDOWS).tolist()
    messages = frame["message"][order].to_list()
    written = [
        break_message(message) if broken else message
        for message, broken in zip(messages, is_broken, strict=True)
    ]
    times = [(_SINCE + timedelta(seconds=second)).isoformat() for second in seconds]
    rows = {"message": written, "region": frame["region"][order], "created_at": times}
    pl.DataFrame(rows).write_csv(folder / FILE)
    known = {"message": written, "intent": truth["true_intent"][order], "is_broken": is_broken}
    pl.DataFrame(known).write_parquet(folder / TRUTH)
    return Production(frame.height, _SINCE + (_WINDOWS - _BROKEN_WINDOWS) * _WINDOW)


def watch_production(folder: Path) -> WatchedProduction:
    """Watch the file, all windows at once.

    Args:
        folder: Of the tour.
    """
    with ProjectWatch(folder) as watching:
        looked = watching.look()
        return WatchedProduction(
            looked.windows, watching.settings.false_alarms_per_month, watching.journal.alarms()
        )


def answer_for_people(folder: Path, alarm: Alarm) -> Answered:
    """Ask for the rows of an alarm, answer them with the truth, and take the answers in.

    Args:
        folder: Of the tour.
        alarm: With a batch of rows.
    """
    config, now = load_config(folder), datetime.now(UTC)
    asked = propose(config, LabelPlan(amount=MOST_ASKED, format_name="csv", alarm=alarm), now=now)
    truth = pl.read_parquet(folder / TRUTH)
    labels = dict(zip(truth["message"].to_list(), truth["intent"].to_list(), strict=True))
    answers = folder / "answers.csv"
    answers.write_bytes(_filled_in(asked.files[0].read_bytes(), labels))
    taken = take_answers(config, answers, format_name="csv", now=now)
    with ProjectWatch(folder) as watching:
        for label, losses in taken.losses.items():
            watching.take_labels(label, losses)
        now_says = watching.journal.alarm(alarm.id)
    return Answered(taken.imported.added, f"{now_says.harm.verdict.value}: {now_says.harm.sentence}")


def _filled_in(sheet: bytes, labels: dict[str, str]) -> bytes:
    """A sheet as a person hands it back who knows the truth; rows that nobody can read stay empty."""
    lines = list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(lines[0]))
    writer.writeheader()
    for line in lines:
        label = labels.get(line["text"], "")
        writer.writerow({**line, "label": label, "annotator": "me" if label else ""})
    return stream.getvalue().encode()


def break_message(message: str) -> str:
    """A message as an export leaves it that takes UTF-8 for another code page, its signs curled before.

    >>> break_message("it doesn't work")
    'it doesnâ€™t work'
    """
    curled = message.replace("'", "\u2019").replace("...", "\u2026").replace(", ", ",\u00a0")
    return curled.encode("utf-8").decode("cp1252", errors="replace")
