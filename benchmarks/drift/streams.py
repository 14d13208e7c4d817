"""Streams of windows that are drawn at random: worlds in which nothing changes, and changes.

Every contestant meets the same windows, each in an environment of its own, so numpy alone is imported here.
Always: a window is a function of seed, world, stream and its number; a change draws from a generator of its
own, so windows before it are as they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROWS, COLUMNS, CATEGORIES = 500, 20, 50
DAY, MONTH = 24, 720
NAMES = tuple(f"c{place:02}" for place in range(COLUMNS))
# Windows whose rows a release is certified on: one of each hour of the day, on different days.
REFERENCE_WINDOWS = tuple(25 * place for place in range(DAY))
_REFERENCE, _CHANGE = 1_000_000, 2_000_000
_STAYS, _WANDERS_SD, _SWINGS_SD = 0.9, 0.1, 0.5
_WILD = 1e6


@dataclass(frozen=True)
class World:
    """What traffic is like while nothing changes.

    Attributes:
        about: In words.
        season: As a user would declare it; None for none.
        drawn_as: The world whose windows these are; its own name but where only the declaration differs.
        has_categories: Whether columns hold codes of categories instead of numbers; the peers' rules here are
            those for numbers, and do not play.
    """

    name: str
    about: str
    season: str | None = None
    drawn_as: str = ""
    has_categories: bool = False

    @property
    def draws(self) -> str:
        """Whose windows these are."""
        return self.drawn_as or self.name


@dataclass(frozen=True)
class Change:
    """What happens to windows from some moment on.

    Attributes:
        about: In words.
    """

    name: str
    about: str


WORLDS: Mapping[str, World] = {
    world.name: world
    for world in (
        World("iid", "Rows are independent and normal."),
        World(
            "rows_hang", "Each row hangs on the one before: AR(.9) from row to row, so 500 rows are worth 26."
        ),
        World(
            "wanders",
            "The level of each column wanders from window to window: AR(.9), with a standard deviation of a "
            "tenth of the rows'.",
        ),
        World(
            "season",
            "Each column rises and falls by half a standard deviation in the course of a day, which is "
            "declared (`season = hour_of_day`).",
            season="hour_of_day",
        ),
        World("season_untold", "The same windows; the season is not declared.", drawn_as="season"),
        World("heavy", "Heavy tails: Student's t with 2 degrees of freedom, whose variance is infinite."),
        World("outlier", "Once a day one row holds 1,000,000 in every column; the others are as in `iid`."),
        World(
            "categories",
            "Columns of 50 categories instead, the k-th of them 1/k times as frequent as the first; rows are "
            "independent.",
            has_categories=True,
        ),
        World(
            "rare",
            "Columns of 4 categories: one has nearly all rows, each of the others one in five thousand.",
            has_categories=True,
        ),
    )
}

CHANGES: Mapping[str, Change] = {
    change.name: change
    for change in (
        Change("three_columns", "The mean of 3 of 20 columns moves by 0.1 sd."),
        Change("one_column", "The mean of 1 of 20 columns moves by 0.2 sd."),
        Change("wider", "3 of 20 columns spread 1.15 times as wide."),
        Change("missing", "3 % of the values of 1 column are missing."),
        Change("other_unit", "2 % of the rows of 1 column come in another unit, 100 times as large."),
        Change("slowly", "The mean of 3 of 20 columns moves by 0.01 sd a window, up to 0.5 sd."),
        Change(
            "behind_an_outlier",
            "The mean of 1 column moves by 2 sd, and one row in each window holds 1,000,000.",
        ),
    )
}


def windows(world: str, *, seed: int, stream: int) -> Iterator[Floats]:
    """Windows `(500, 20)` without end; column by column in memory.

    Args:
        world: By its name.
        seed: Of all chance.
        stream: Streams of one seed are independent.
    """
    kind = WORLDS[world].draws
    rng = np.random.default_rng([seed, _number(kind), stream])
    draw = _DRAWS[kind](rng)
    for at in count():
        yield np.asfortranarray(draw(at))


def reference_windows(world: str, *, seed: int, stream: int) -> list[Floats]:
    """Windows of the rows that a release is certified on: 24, of all hours of the day, 12,000 rows.

    Args:
        world: By its name.
        seed: Of all chance.
        stream: Each stream has a reference of its own.
    """
    drawn = islice(windows(world, seed=seed, stream=_REFERENCE + stream), REFERENCE_WINDOWS[-1] + 1)
    return [window for at, window in enumerate(drawn) if at in REFERENCE_WINDOWS]


def changed_windows(change: str, *, seed: int, stream: int, after: int = MONTH) -> Iterator[Floats]:
    """Windows of world `iid` to which something happened, without end.

    Args:
        change: By its name.
        seed: Of all chance.
        stream: Likewise; the windows before the change are those of the stream.
        after: How many windows there were before.
    """
    drawn = islice(windows("iid", seed=seed, stream=stream), after, None)
    rng = np.random.default_rng([seed, _number(change), _CHANGE + stream])
    for since, window in enumerate(drawn):
        yield np.asfortranarray(_CHANGED[change](window, since, rng))


def digest_of(drawn: Iterator[Floats], *, first: int = 3) -> str:
    """Of some windows, to tell that two contestants met the same ones."""
    joined = b"".join(np.ascontiguousarray(window).tobytes() for window in islice(drawn, first))
    return hashlib.sha256(joined).hexdigest()[:16]


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _plain(rng: np.random.Generator) -> Callable[[int], Floats]:
    return lambda _: rng.standard_normal((ROWS, COLUMNS))


def _rows_hang(rng: np.random.Generator) -> Callable[[int], Floats]:
    last, new = rng.standard_normal(COLUMNS), np.sqrt(1 - _STAYS**2)

    def draw(_: int) -> Floats:
        nonlocal last
        drawn = new * rng.standard_normal((ROWS, COLUMNS))
        for row in drawn:
            row += _STAYS * last
            last = row
        return drawn

    return draw


def _wanders(rng: np.random.Generator) -> Callable[[int], Floats]:
    level, new = _WANDERS_SD * rng.standard_normal(COLUMNS), _WANDERS_SD * np.sqrt(1 - _STAYS**2)

    def draw(_: int) -> Floats:
        nonlocal level
        level = _STAYS * level + new * rng.standard_normal(COLUMNS)
        return rng.standard_normal((ROWS, COLUMNS)) + level

    return draw


def _season(rng: np.random.Generator) -> Callable[[int], Floats]:
    phases = 2 * np.pi * np.arange(COLUMNS) / COLUMNS
    return lambda at: (
        rng.standard_normal((ROWS, COLUMNS)) + _SWINGS_SD * np.sin(2 * np.pi * at / DAY + phases)
    )


def _heavy(rng: np.random.Generator) -> Callable[[int], Floats]:
    return lambda _: rng.standard_t(2, (ROWS, COLUMNS))


def _outlier(rng: np.random.Generator) -> Callable[[int], Floats]:
    def draw(at: int) -> Floats:
        drawn = rng.standard_normal((ROWS, COLUMNS))
        if at % DAY == DAY // 2:
            drawn[0] = _WILD
        return drawn

    return draw


def _categories(rng: np.random.Generator) -> Callable[[int], Floats]:
    shares = 1 / np.arange(1, CATEGORIES + 1)
    return lambda _: rng.choice(CATEGORIES, (ROWS, COLUMNS), p=shares / shares.sum()).astype(np.float64)


def _rare(rng: np.random.Generator) -> Callable[[int], Floats]:
    return lambda _: rng.choice(4, (ROWS, COLUMNS), p=(0.9994, 0.0002, 0.0002, 0.0002)).astype(np.float64)


_DRAWS: Mapping[str, Callable[[np.random.Generator], Callable[[int], Floats]]] = {
    "iid": _plain,
    "rows_hang": _rows_hang,
    "wanders": _wanders,
    "season": _season,
    "heavy": _heavy,
    "outlier": _outlier,
    "categories": _categories,
    "rare": _rare,
}


def _three_columns(window: Floats, _since: int, _rng: np.random.Generator) -> Floats:
    window[:, :3] += 0.1
    return window


def _one_column(window: Floats, _since: int, _rng: np.random.Generator) -> Floats:
    window[:, 0] += 0.2
    return window


def _wider(window: Floats, _since: int, _rng: np.random.Generator) -> Floats:
    window[:, :3] *= 1.15
    return window


def _missing(window: Floats, _since: int, rng: np.random.Generator) -> Floats:
    window[rng.random(ROWS) < 0.03, 0] = np.nan
    return window


def _other_unit(window: Floats, _since: int, rng: np.random.Generator) -> Floats:
    window[rng.random(ROWS) < 0.02, 0] *= 100
    return window


def _slowly(window: Floats, since: int, _rng: np.random.Generator) -> Floats:
    window[:, :3] += min(0.01 * (since + 1), 0.5)
    return window


def _behind_an_outlier(window: Floats, _since: int, _rng: np.random.Generator) -> Floats:
    window[:, 0] += 2.0
    window[0, 0] = _WILD
    return window


_CHANGED: Mapping[str, Callable[[Floats, int, np.random.Generator], Floats]] = {
    "three_columns": _three_columns,
    "one_column": _one_column,
    "wider": _wider,
    "missing": _missing,
    "other_unit": _other_unit,
    "slowly": _slowly,
    "behind_an_outlier": _behind_an_outlier,
}
