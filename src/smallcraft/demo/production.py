"""Production of the tour: messages of the weeks after the release, watched, and answered by people.

1. they are watched, window by window
2. the rows that an alarm asks about are answered, as a person would who knows the truth
3. the answers become votes, and the votes the next version of the data

Leaves to others: watching and labelling (`pipeline`), what is written (`demo.weeks`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from smallcraft.data.quality.sheet import unescaped
from smallcraft.demo.weeks import PRODUCTION_TRUTH
from smallcraft.observe.alarms import Alarm
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.labelling.answers import take_answers
from smallcraft.pipeline.labelling.losses import weigh_losses
from smallcraft.pipeline.labelling.planning import LabelPlan, propose
from smallcraft.pipeline.labelling.version import DataVersion
from smallcraft.pipeline.watching.watch import ProjectWatch
from smallcraft.pipeline.workspace import Workspace, open_registry, open_released
from smallcraft.records import Interval, Release
from smallcraft.stats.comparisons import paired_share_interval

ANSWERS = "answers.csv"
MOST_ASKED = 200
MAY_DISAGREE = 0.15
_PEOPLE = "ann"
_ROLLOUT = f"[rollout]\ndisagreement = {MAY_DISAGREE:g}"


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
        about_new: Share of the rows they were asked about that are about the new product.
        picked_about_new: The same share, of the rows that were picked where the change is.
        harm: What the alarm says now of whether it does harm.
        version: The data with their answers.
    """

    votes: int
    about_new: float
    picked_about_new: float
    harm: str
    version: DataVersion


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


def answer_for_people(folder: Path, alarm: Alarm, *, listener: Listener | None = None) -> Answered:
    """Ask for the rows of an alarm, answer them with the truth, and take the answers in.

    Args:
        folder: Of the tour.
        alarm: With a batch of rows.
        listener: Told as things happen.

    Raises:
        AssertionError: The answers changed nothing: the tour would have no next release.
    """
    config, now = load_config(folder), datetime.now(UTC)
    plan = LabelPlan(amount=MOST_ASKED, format_name="csv", alarm=alarm)
    asked = propose(config, plan, now=now, listener=listener)
    truth = pl.read_parquet(folder / PRODUCTION_TRUTH)
    labels = dict(zip(truth["message"], truth["intent"], strict=True))
    is_new = dict(zip(truth["message"], truth["is_new_product"], strict=True))
    sheet = _lines(asked.files[0].read_bytes())
    item_is_new = {line["item_id"]: bool(is_new[unescaped(line["text"])]) for line in sheet}
    picked = [ask.item for ask in asked.campaign.asks if ask.slice == "drifted"]
    answers = folder / ANSWERS
    answers.write_bytes(_filled_in(sheet, labels))
    taken = take_answers(config, answers, format_name="csv", now=now, listener=listener)
    weigh_losses(folder, taken.losses)
    with ProjectWatch(folder) as watching:
        harm = watching.journal.alarm(alarm.id).harm
    assert taken.version is not None, "people's answers must change the data"
    return Answered(
        taken.imported.added,
        _share(list(item_is_new.values())),
        _share([item_is_new[item] for item in picked]),
        f"{harm.verdict.value}: {harm.sentence}",
        taken.version,
    )


@dataclass(frozen=True)
class Learned:
    """Two releases on the same `n` messages: what the first gets right, and what changed with the next."""

    n: int
    right_before: int
    repaired: int
    broken: int

    @property
    def right_now(self) -> int:
        """Of the next release."""
        return self.right_before + self.repaired - self.broken

    @property
    def gain(self) -> Interval:
        """95 % interval of the difference of both shares, paired by message."""
        return paired_share_interval(self.repaired, self.broken, self.n)


def learned_about_new(folder: Path, first: Release, second: Release) -> Learned:
    """How two releases do on messages about the new product that nobody was asked about.

    Args:
        folder: Of the tour, after people's answers.
        first: Of its registry.
        second: Of its registry, newer.
    """
    asked = {unescaped(line["text"]) for line in _lines((folder / ANSWERS).read_bytes())}
    truth = pl.read_parquet(folder / PRODUCTION_TRUTH).filter(
        pl.col("is_new_product") & ~pl.col("message").is_in(list(asked))
    )
    workspace, registry = Workspace(folder), open_registry(folder)
    before, now = (
        pl.Series(open_released(workspace, registry, release).predict(truth["message"].to_list()))
        == truth["intent"]
        for release in (first, second)
    )
    return Learned(truth.height, int(before.sum()), int((now & ~before).sum()), int((before & ~now).sum()))


def take_over(folder: Path, version: DataVersion) -> None:
    """Let the project file name a version of the data, as `smallcraft label import` says.

    A release that knows a product the stable one does not will answer otherwise in production than on rows
    from before, so what it may is declared too.

    Args:
        folder: Of the tour.
        version: That will be built on.
    """
    project = folder / "smallcraft.toml"
    before = project.read_text(encoding="utf-8")
    named = f'path = "{version.path}"\nsplit = "{version.split}"'
    after = before.replace('path = "tickets.csv"', named, 1).replace("[rollout]", _ROLLOUT, 1)
    project.write_text(after, encoding="utf-8", newline="\n")


def _share(values: list[bool]) -> float:
    return sum(values) / len(values) if values else 0.0


def _lines(sheet: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))


def _filled_in(lines: list[dict[str, str]], labels: Mapping[str, str]) -> bytes:
    """A sheet as a person hands it back who knows the truth."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(lines[0]))
    writer.writeheader()
    for line in lines:
        writer.writerow({**line, "label": labels[unescaped(line["text"])], "annotator": _PEOPLE})
    return stream.getvalue().encode()
