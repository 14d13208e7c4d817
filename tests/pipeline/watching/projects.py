"""Files that are watched, made up for tests: hours of visits with their answers, and projects around them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from smallcraft.observe.store import WindowStore
from smallcraft.observe.window_rows import read_windows
from smallcraft.observe.windows import WindowName
from smallcraft.pipeline.watching.project import WatchPlaces

HOUR = 3600
# The first of January 2026 in UTC, a Thursday.
BEGIN = 1_767_225_600
LONG_AFTER = float(BEGIN + 400 * 86_400)
SECTION = """
[watch]
files = "in/*.csv"
reference = "before.csv"
time = "at"
prediction = "said"
confidence = "sure"
"""
DATA = """
name = "visits"
[data]
path = "rows.csv"
features = ["age", "job"]
label = "bought"
groups = ["sex"]
"""


def visits(
    hours: Iterable[int], *, rows: int = 40, shift: float = 0.0, wrong: float = 0.1, unlabelled: bool = False
) -> pl.DataFrame:
    """Rows of some hours; an hour's rows depend on nothing but its number and the settings."""
    frames = []
    for hour in hours:
        rng = np.random.default_rng([1000 + hour, rows])
        truth = rng.random(rows) < 0.5
        is_wrong = rng.random(rows) < wrong
        frame = {
            "at": BEGIN + hour * HOUR + np.sort(rng.integers(0, HOUR, rows)),
            "age": np.round(rng.normal(45 + shift, 10, rows), 3),
            "job": rng.choice(["clerk", "nurse", "cook"], rows),
            "sex": rng.choice(["f", "m"], rows),
            "said": np.where(truth ^ is_wrong, "yes", "no"),
            "sure": np.round(rng.uniform(0.8, 1.0, rows), 3),
            "bought": np.where(truth, "yes", "no"),
        }
        frames.append(pl.DataFrame(frame))
    found = pl.concat(frames)
    return found.drop("bought") if unlabelled else found


def write_watched(folder: Path, *, section: str = SECTION, data: str = DATA) -> Path:
    """A project without a release, whose files stand in `in` and have answers; none is there yet."""
    (folder / "in").mkdir(parents=True)
    (folder / "smallcraft.toml").write_text(data + section, encoding="utf-8")
    visits(range(-40, 0)).write_csv(folder / "before.csv")
    return folder


def stored(folder: Path) -> dict[WindowName, int]:
    """Each window that a project has, and of how many rows."""
    store = WindowStore(WatchPlaces(folder).store)
    return {window.name: window.profile.n for window in read_windows(store)}


def rows_by_start(*frames: pl.DataFrame) -> dict[int, int]:
    """How many rows there are of each hour."""
    starts = pl.concat([frame.select("at") for frame in frames])["at"] // HOUR * HOUR
    return dict(Counter(starts.to_list()))


def digest_of(folder: Path) -> str:
    """Of all windows: names, rows and blobs, whatever files they stand in."""
    store, found = WindowStore(WatchPlaces(folder).store), hashlib.sha256()
    for name, rows in store.read():
        found.update(repr((name, [(row.n, row.parts, sorted(row.columns.items())) for row in rows])).encode())
    return found.hexdigest()
