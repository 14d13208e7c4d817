"""A project with a long history: a real build, then thousands of log entries and windows, by their own doors.

1. a few made-up messages, built and released as anybody would
2. further versions of the release, each with a score of its own
3. moves of aliases until the log has as many entries as are wanted
4. windows of production, weighed, with a few alarms of which one is open

Always: made again in the same folder, it goes on where it was stopped, and adds nothing that is there.
Not covered: evidence of windows; each is noted as quiet, and alarms are made up.
"""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.data.profiles.packing import Seen
from smallcraft.data.profiles.rows import AnswerRows, Rows
from smallcraft.observe.alarms import (
    Alarm,
    Closing,
    Ending,
    Explanation,
    Harm,
    HarmVerdict,
    Slice,
    Suspect,
    Word,
    close,
)
from smallcraft.observe.journal import Journal, Weighed
from smallcraft.observe.store import WindowStore
from smallcraft.observe.window_rows import to_stored
from smallcraft.observe.windows import EVERYTHING, StoredWindow, WindowName
from smallcraft.pipeline.watching.project import WatchPlaces
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.entry import Entry

NAME = "tickets"
ENTRIES, WINDOWS, RELEASES = 10_000, 1_000, 40
_ROWS, _WINDOW_ROWS, _SHAPES, _HOUR = 240, 120, 24, 3600
_BATCH, _ALARMS = 500, 8
_BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
_INTENTS = {
    "billing": ("invoice", "refund", "charge", "payment", "card"),
    "login": ("password", "account", "locked", "signin", "code"),
    "parcel": ("courier", "tracking", "delivery", "address", "box"),
}
_FILL = ("please", "my", "the", "today", "again", "still", "help", "with", "about", "new", "never")
_PROJECT = """\
[data]
path = "tickets.csv"
text = "message"
label = "intent"

[ladder]
rungs = ["majority", "ngram"]
"""
_BUDGET, _LEVEL = 0.1, 8.9


def make_busy_project(
    folder: Path,
    *,
    entries: int = ENTRIES,
    windows: int = WINDOWS,
    releases: int = RELEASES,
    seed: int = 7,
) -> Path:
    """Make it, or go on with one that was stopped.

    Args:
        folder: Of the project; made when it is not there.
        entries: That the log shall have, at least those of the releases.
        windows: That shall be stored and weighed.
        releases: Versions that shall be there, at least 2.
        seed: Of the corpus and of the windows.

    Returns:
        The folder.
    """
    if not Workspace(folder).last_build.exists():
        _build(folder, seed)
    registry = open_registry(folder)
    _publish_until(registry, releases)
    _move_aliases_until(registry, entries, releases)
    _watch_until(folder, windows, release=f"{NAME}@{releases}", seed=seed)
    return folder


def _build(folder: Path, seed: int) -> None:  # (1)
    from smallcraft.cli.main import run

    folder.mkdir(parents=True, exist_ok=True)
    _messages(seed).write_csv(folder / "tickets.csv")
    (folder / "smallcraft.toml").write_text(_PROJECT, encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
        code = run(["build", "--json", "-p", str(folder)])
    assert code == 0, told.getvalue()


def _messages(seed: int) -> pl.DataFrame:
    """No two alike; a few words give the intent away."""
    dice, rows = random.Random(seed), []
    for place in range(_ROWS):
        intent = [*_INTENTS][place % len(_INTENTS)]
        words = [*dice.sample(_INTENTS[intent], 2), *dice.sample(_FILL, 4), f"case{place}"]
        dice.shuffle(words)
        rows.append((" ".join(words), intent))
    return pl.DataFrame(rows, schema=["message", "intent"], orient="row")


def _publish_until(registry: Registry, releases: int) -> None:  # (2)
    first, *_ = registry.releases(NAME)
    files = {
        file.path: registry.read_file(first, file.path)
        for file in first.files
        if file.path.startswith("bundle/")
    }
    for version in range(len(registry.releases(NAME)) + 1, releases + 1):
        facts = {**first.facts, "seed": version}
        registry.publish(NAME, files, facts, now=_BEGAN + timedelta(days=version))


def _move_aliases_until(registry: Registry, entries: int, releases: int) -> None:  # (3)
    """`stable` and `canary` go from version to version, no move twice in a row."""
    while (there := len(registry.log().entries)) < entries:
        count = min(_BATCH, entries - there)
        with registry.writing(_BEGAN + timedelta(days=100, minutes=there)) as writer:
            moves = [
                Entry(
                    writer.origin,
                    "alias",
                    writer.time,
                    name=NAME,
                    alias="stable" if number % 2 else "canary",
                    version=1 + (number // 2) % releases,
                    reason=f"move {number}",
                    by=writer.author.fingerprint,
                )
                for number in range(there, there + count)
            ]
            writer.commit(moves)


def _watch_until(folder: Path, windows: int, *, release: str, seed: int) -> None:  # (4)
    places = WatchPlaces(folder)
    store = WindowStore(places.store)
    begin = int(_BEGAN.timestamp()) // _HOUR
    with Journal(places.root) as journal:
        weighed = {one.start_s for one in journal.weighed(release=release)}
        for number, window in enumerate(_windows(folder, begin, windows, release=release, seed=seed)):
            if window.name.start_s in weighed:
                continue
            store.append(window)
            journal.mark_weighed(
                Weighed(release, EVERYTHING, window.name.start_s, "quiet", -0.1 * (number % 7))
            )
        for month in store.months():
            store.compact(month, at_least=2)
        known = {alarm.id for alarm in journal.alarms()}
        for alarm in _alarms(begin, windows, release):
            if alarm.id not in known:
                journal.add_alarm(alarm)


def _windows(folder: Path, begin: int, count: int, *, release: str, seed: int) -> Iterator[StoredWindow]:
    """Messages of the corpus, hour by hour; some shapes of windows come again and again."""
    frame = pl.read_csv(folder / "tickets.csv")
    rng = np.random.default_rng(seed)
    shapes = [_seen(frame, rng) for _ in range(_SHAPES)]
    for number in range(count):
        name = WindowName((begin + number) * _HOUR, _HOUR, release)
        yield to_stored(name, shapes[number % _SHAPES], [f"part-{number}"])


def _seen(frame: pl.DataFrame, rng: np.random.Generator) -> Seen:
    rows = frame[rng.integers(0, frame.height, _WINDOW_ROWS).tolist()]
    labels = rows["intent"].to_list()
    confidence = rng.uniform(0.6, 1.0, _WINDOW_ROWS)
    answers = AnswerRows(labels, confidence, np.stack([confidence, 1 - confidence], axis=1))
    found = measure_rows(
        Rows(_WINDOW_ROWS, texts={"message": rows["message"].to_list()}, answers=answers), Measures()
    )
    return Seen(found.profile)


def _alarms(begin: int, windows: int, release: str) -> Iterator[Alarm]:
    """Spread over the windows; the last one is open."""
    explanation = Explanation(
        suspects=(Suspect("message/unknown", "shift", 0.4, 0.1, 12.0, is_claimed=True),),
        slices=(Slice("message/unknown", "0", 0.7, 0.6, 0.25),),
        words=(Word("message", "parcel", 9.5, 0.01, 0.2),),
    )
    for number in range(_ALARMS):
        at_s = (begin + windows * (number + 1) // _ALARMS) * _HOUR
        alarm = Alarm(
            id=f"{release}/all/{datetime.fromtimestamp(at_s, tz=UTC):%Y-%m-%dT%H:%M}",
            release=release,
            segment=EVERYTHING,
            opened_s=at_s,
            began_s=at_s - 6 * _HOUR,
            budget=_BUDGET,
            log_e=9.5,
            log_level=_LEVEL,
            explanation=explanation,
            harm=Harm(HarmVerdict.UNKNOWN, "label these rows"),
            last_s=at_s,
        )
        is_last = number == _ALARMS - 1
        yield (
            alarm
            if is_last
            else close(
                replace(alarm, again=number), Closing(at_s + _HOUR, "somebody", "looked at", Ending.FALSE)
            )
        )
