"""census_employment, week by week: a model of 2015 answers the rows of 2016, 2017 and 2018.

The rows are dated by their year alone. As they are recorded, the people of group quarters (students' halls,
prisons) stand among the others in 2015 and 2016, and all together at the end of 2017 and the begin of 2018;
so a year is played in two orders: `mixed`, any row in any week, and `recorded`.
Always: the predictions are those that came with the data; labels of a quarter of the answers come four weeks
late; the guardrail begins with the first week of 2016 and has seen nothing before but the reference; a person
accepts a benign alarm as the new normal after eight weeks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from benchmarks.datasets import data_file
from benchmarks.drift.watched import WatchedFolder
from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.rows import AnswerRows, Rows
from smallcraft.observe.alarms import Alarm, HarmVerdict
from smallcraft.observe.group_risk import Labelled, RiskPoint, risk_series
from smallcraft.observe.harm import HarmBaseline
from smallcraft.observe.judging import WatchedRelease
from smallcraft.observe.settings import WatchSettings
from smallcraft.stats.calibration import expected_calibration_error
from smallcraft.stats.intervals import exact_upper_bound

WEEK_S = 7 * 86_400
WEEKS, YEARS = 52, (2016, 2017, 2018)
# The week of 1 January 2016 since 1970.
FIRST_WEEK = 2400
LABELS_LATE, LABELLED_SHARE = 4, 0.25
# A person accepts what labels have shown to be benign after that many weeks.
ACCEPTED_AFTER = 8
_NOT_FEATURES = {"id", "year", "employed", "prediction", "predicted_probability", "AGEP"}
Order = Literal["mixed", "recorded"]


@dataclass(frozen=True)
class Census:
    """Rows of all years with predictions and labels.

    Attributes:
        features: Names of the categories; age is the one number.
    """

    reference: pl.DataFrame
    analysis: pl.DataFrame
    features: tuple[str, ...]


@dataclass(frozen=True)
class Played:
    """What watching three years led to.

    Attributes:
        alarms: As they stand at the end.
        first_verdicts: What each said when it was raised.
        paged: Alarms that woke somebody.
        undecided: Weeks before it could alarm.
        risks: Of everyone and of each sex, by quarter of a year.
    """

    alarms: tuple[Alarm, ...]
    first_verdicts: tuple[str, ...]
    paged: tuple[Alarm, ...]
    undecided: int
    risks: tuple[RiskPoint, ...]

    def week_of(self, alarm: Alarm) -> int:
        """The week that raised an alarm, since the begin of 2016, from 0."""
        return (alarm.opened_s // WEEK_S) - FIRST_WEEK - 1


def read_census() -> Census:
    """The data.

    Raises:
        AbsentDataError: The folder is not there.
    """
    base = "census_employment/employment_MA_"
    reference = pl.read_parquet(data_file(f"{base}reference.pq"))
    analysis = pl.read_parquet(data_file(f"{base}analysis.pq")).join(
        pl.read_parquet(data_file(f"{base}analysis_target.pq")), on="id", maintain_order="left"
    )
    features = tuple(name for name in reference.columns if name not in _NOT_FEATURES)
    texts = [pl.col(name).cast(pl.String) for name in features]
    return Census(reference.with_columns(texts), analysis.with_columns(texts), features)


def certified(census: Census) -> WatchedRelease:
    """The release, its reference and what it promised, from 2015.

    Args:
        census: The data.
    """
    table = census.reference
    is_wrong = _is_wrong(table)
    truth, said = (table[name].to_numpy() for name in ("employed", "prediction"))
    probs = _probs(table)
    calibration = expected_calibration_error(probs.max(axis=1), ~is_wrong, rng=np.random.default_rng(0))
    bounds = {
        f"SEX={sex}": exact_upper_bound(int(is_wrong[mine].sum()), int(mine.sum()))
        for sex in ("1", "2")
        if (mine := table["SEX"].to_numpy() == sex).any()
    }
    baseline = HarmBaseline(
        loss_bound=exact_upper_bound(int(is_wrong.sum()), len(is_wrong)),
        group_bounds=bounds,
        confusion=np.array([[((truth == a) & (said == b)).sum() for b in (0, 1)] for a in (0, 1)]),
        calibration_error=calibration.value,
    )
    reference = make_reference(rows_of(table, census.features), rng=np.random.default_rng(0))
    return WatchedRelease("census@1", reference, baseline, ("0", "1"))


def rows_of(table: pl.DataFrame, features: Sequence[str]) -> Rows:
    """Rows with what was said to them.

    Args:
        table: Some rows.
        features: Columns of categories.
    """
    probs = _probs(table)
    labels = table["prediction"].cast(pl.String).to_list()
    return Rows(
        table.height,
        numbers={"AGEP": table["AGEP"].to_numpy().astype(np.float64)},
        categories={name: table[name].to_list() for name in features},
        answers=AnswerRows(labels, probs.max(axis=1), probs),
    )


def weeks_of(census: Census, order: Order, *, seed: int) -> Iterator[pl.DataFrame]:
    """The rows of each week, three years of 52.

    Args:
        census: The data.
        order: Of the rows of a year.
        seed: Of the mixed order.
    """
    for year in YEARS:
        table = census.analysis.filter(pl.col("year") == year)
        if order == "mixed":
            table = table[np.random.default_rng([seed, year]).permutation(table.height)]
        cuts = np.linspace(0, table.height, WEEKS + 1).astype(int)
        yield from (table[begin:end] for begin, end in pairwise(cuts.tolist()))


def play(
    census: Census,
    release: WatchedRelease,
    folder: Path,
    *,
    order: Order,
    seed: int = 0,
    flipped: float = 0.0,
    weeks: int = WEEKS * len(YEARS),
) -> Played:
    """Watch the weeks.

    Args:
        census: The data.
        release: `certified`.
        folder: An empty one.
        order: Of the rows of a year.
        seed: Of the order, of which answers get labels, and which labels are flipped.
        flipped: Share of the labels of the last third that are replaced by the other one.
        weeks: How many to play.
    """
    settings = WatchSettings(window_s=WEEK_S, triggers=("review", "page"))
    rng = np.random.default_rng([seed, 1])
    waiting: list[list[Labelled]] = []
    verdicts: dict[str, str] = {}
    with WatchedFolder(release, settings, folder, seed=seed) as watched:
        for number, table in enumerate(weeks_of(census, order, seed=seed)):
            if number == weeks:
                break
            at = FIRST_WEEK + number
            share = flipped if number >= 2 * WEEKS else 0.0
            waiting.append(_labels(table, at, flipped=share, rng=rng))
            told = watched.close_window(at, rows_of(table, census.features))
            verdicts |= {alarm.id: alarm.harm.verdict.value for alarm in told.raised}
            if number >= LABELS_LATE:
                told = watched.take_labels(at + 1, waiting[number - LABELS_LATE])
                verdicts |= {alarm.id: alarm.harm.verdict.value for alarm in told.raised}
            _accept_benign(watched, at + 1)
        alarms = watched.journal.alarms()
        return Played(
            alarms,
            tuple(verdicts[alarm.id] for alarm in alarms),
            tuple(watched.paged),
            sum(outcome == "undecided" for outcome in watched.outcomes().values()),
            _by_quarter([row for week in waiting for row in week]),
        )


def _accept_benign(watched: WatchedFolder, at: int) -> None:
    for alarm in watched.journal.alarms():
        is_old = at * WEEK_S >= alarm.opened_s + ACCEPTED_AFTER * WEEK_S
        if alarm.is_open and is_old and alarm.harm.verdict is HarmVerdict.BENIGN:
            watched.close_alarm(alarm, at, accepted=True)


def _labels(table: pl.DataFrame, at: int, *, flipped: float, rng: np.random.Generator) -> list[Labelled]:
    """Of a quarter of the answers of a week."""
    chosen = np.flatnonzero(rng.random(table.height) < LABELLED_SHARE)
    is_wrong = _is_wrong(table)[chosen] ^ (rng.random(len(chosen)) < flipped)
    items, sexes = table["id"].to_list(), table["SEX"].to_list()
    return [
        Labelled(str(items[place]), at * WEEK_S, float(wrong), (f"SEX={sexes[place]}",))
        for place, wrong in zip(chosen.tolist(), is_wrong.tolist(), strict=True)
    ]


def _by_quarter(rows: Sequence[Labelled]) -> tuple[RiskPoint, ...]:
    quarter_s = WEEKS // 4 * WEEK_S
    first_s = FIRST_WEEK * WEEK_S
    quarters = [
        Labelled(row.item, first_s + (row.start_s - first_s) // quarter_s * quarter_s, row.loss, row.groups)
        for row in rows
    ]
    return risk_series(quarters)


def _is_wrong(table: pl.DataFrame) -> np.ndarray:
    return table["prediction"].to_numpy() != table["employed"].to_numpy()


def _probs(table: pl.DataFrame) -> np.ndarray:
    positive = table["predicted_probability"].to_numpy()
    return np.stack([1 - positive, positive], axis=1)
