"""Projects with planted wrong labels, people who fill in sheets, alarms: what tests of labelling stand on."""

from __future__ import annotations

import csv
import io
import os
import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.projects import MESSAGES, QUICK_LADDER, message_rows, person_rows, save_rows, write_rows

from smallcraft.data.load import load_table
from smallcraft.data.quality.sheet import unescaped
from smallcraft.observe.alarms import Alarm, Example, Explanation, Harm, HarmVerdict
from smallcraft.observe.journal import Journal
from smallcraft.observe.review import pick_review, write_review
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages.prepare import Prepared, prepare_data
from smallcraft.pipeline.stages.quality import Judged
from smallcraft.pipeline.stages.score import predictions_of
from smallcraft.pipeline.watching.project import WatchPlaces
from smallcraft.records import Roles

LABELS = ("billing", "login", "parcel")
HOUR = 3600
_SURE = 0.8


def plant(
    folder: Path, *, rows: int = 240, wrong: float = 0.15, more: str = "", name: str = "rows.csv"
) -> Mapping[str, str]:
    """A project of messages whose labels are partly wrong, with a sealed file of right ones.

    Returns:
        The true label of each message, those of the sealed file among them.
    """
    sealed, found = message_rows(60, seed=9), message_rows(rows)
    truth = dict(zip(found["message"], found["intent"], strict=True))
    dice = random.Random(3)
    given = [other_label(label, dice) if dice.random() < wrong else label for label in found["intent"]]
    data = f'{MESSAGES}\ncert = "cert.csv"'
    write_rows(folder, {**found, "intent": given}, data=data, more=f"{more}{QUICK_LADDER}", name=name)
    save_rows(folder / "cert.csv", sealed)
    return truth | dict(zip(sealed["message"], sealed["intent"], strict=True))


def write_people(folder: Path) -> Prepared:
    """Splits of a table with holes, booleans, a group, a key and a time."""
    rows = person_rows(120)
    rows["age"][0] = 40.0
    more = {
        "town": ["Köln", "Ulm", None] * 40,
        "who": [f"c{place}" for place in range(120)],
        "seen": [f"2026-01-{1 + place // 4:02d}T12:00:00" for place in range(120)],
    }
    beside = 'groups = ["town"]\nkey = "who"\ntime = "seen"'
    data = f'features = ["age", "job", "insured"]\nlabel = "bought"\n{beside}'
    write_rows(folder, rows | more, data=data, more="")
    return prepared_of(folder)


def other_label(label: str, dice: random.Random) -> str:
    """Any label but this one."""
    return dice.choice([other for other in LABELS if other != label])


def lines_of(sheet: Path) -> list[dict[str, str]]:
    """A CSV sheet, a line a vote, its texts as a person reads them."""
    with sheet.open(newline="", encoding="utf-8-sig") as stream:
        return [{**line, "text": unescaped(line["text"])} for line in csv.DictReader(stream)]


def filled_in(
    sheet: Path,
    truth: Mapping[str, str],
    *,
    people: Sequence[str] = ("ann",),
    right: float = 1.0,
    seed: int = 0,
) -> bytes:
    """A CSV sheet in which each of these people answered every row, right so often."""
    lines, dice = {line["item_id"]: line for line in lines_of(sheet)}.values(), random.Random(seed)
    told = io.StringIO(newline="")
    writer = csv.DictWriter(told, list(next(iter(lines))))
    writer.writeheader()
    for who in people:
        for line in lines:
            label = truth[line["text"]]
            said = label if dice.random() < right else other_label(label, dice)
            writer.writerow({**line, "annotator": who, "label": said})
    return told.getvalue().encode()


def prepared_of(folder: Path) -> Prepared:
    """Its splits."""
    return prepare_data(load_config(folder), SilentListener())


def judged_of(prepared: Prepared, *, classes: Sequence[str]) -> Judged:
    """Every row judged by somebody who believes in its label."""
    roles, names = prepared.table.roles, tuple(classes)
    predictions = {}
    for split, frame in prepared.splits.frames.items():
        probs = np.full((frame.height, len(names)), (1 - _SURE) / (len(names) - 1))
        codes = [names.index(label) for label in frame[roles.label].to_list()]
        probs[np.arange(frame.height), codes] = _SURE
        predictions[str(split)] = predictions_of(probs, frame, roles, names)
    return Judged(predictions, "a test", {}, {})


def load_frame(path: Path, roles: Roles) -> Any:
    """The rows of a file, typed."""
    return load_table(path, roles, for_training=False).frame


def kept_examples(
    messages: Sequence[str], *, answer: str | None, arm: str, start_s: int = HOUR
) -> list[Example]:
    """Messages that a release answered, as a server keeps them."""
    chance = 0.5 if arm == "random" else None
    return [
        Example(start_s, (("message", message),), answer, 0.6, arm, chance, float(place))
        for place, message in enumerate(messages)
    ]


def raise_alarm(folder: Path, examples: Sequence[Example], *, release: str, size: int = 40) -> Alarm:
    """An alarm with its review batch, as `smallcraft watch` leaves them."""
    places = WatchPlaces(folder)
    begun = Alarm(
        id=f"{release}/all/1970-01-01T02:00",
        release=release,
        segment="all",
        opened_s=2 * HOUR,
        began_s=HOUR,
        budget=0.1,
        log_e=9.5,
        log_level=8.9,
        explanation=Explanation(),
        harm=Harm(HarmVerdict.UNKNOWN, "label these rows"),
        last_s=2 * HOUR,
    )
    batch = pick_review(examples, size=size, rng=np.random.default_rng(0))
    alarm = replace(begun, review=str(write_review(batch, begun, places.reviews)))
    with Journal(places.root) as journal, journal.transaction():
        journal.add_alarm(alarm)
    return alarm


@contextmanager
def deaths_of(folder: Path, target: Path) -> Iterator[list[Path]]:
    """What a kill -9 would leave: a copy of the folder before each file or folder gets its name.

    Args:
        folder: A project.
        target: Where the copies go.
    """
    copies: list[Path] = []
    real = {name: getattr(os, name) for name in ("replace", "rename", "mkdir")}
    is_copying = False

    def dying(name: str, *arguments: Any, **options: Any) -> Any:
        nonlocal is_copying
        if not is_copying:
            is_copying = True
            copies.append(Path(shutil.copytree(folder, target / f"death-{len(copies)}")))
            is_copying = False
        return real[name](*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(os, name, partial(dying, name))
        yield copies
