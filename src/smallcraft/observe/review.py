"""The batch of rows that an alarm asks to have labelled, as a file of JSON lines.

Three arms: half the rows from where the change is (`drifted`), three in ten at random (`random`, which alone
says what share of all answers is wrong), two in ten where the model is least sure (`uncertain`). An arm that
has too few rows leaves its places to the random arm, and what that cannot fill to the others.
Leaves to others: which rows were kept (`data.profiles`), asking people (`label`).
Always: no row twice; each random row carries the chance that it was picked; picked by the seed alone; the
file is whole or not there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from smallcraft.canonical import canonical_json, digest_value, plain
from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import Alarm, Example

SHARES = {"drifted": 0.5, "random": 0.3, "uncertain": 0.2}


@dataclass(frozen=True)
class ReviewBatch:
    """Rows to label.

    Attributes:
        rows: In the order to ask them, each with its arm.
        wanted: How many were asked for.
    """

    rows: tuple[Example, ...]
    wanted: int


def pick_review(candidates: Sequence[Example], *, size: int, rng: np.random.Generator) -> ReviewBatch:
    """Pick the rows of a review batch.

    Args:
        candidates: Rows kept since the change began, with the arm they were kept for; `score` is how odd the
            row is, `confidence` how sure the model was. Rows of arm `random` carry their chance of being
            kept.
        size: How many rows to pick, at least 1.
        rng: Picks the random arm.

    Raises:
        InvalidInputError: The size is below 1.
    """
    if size < 1:
        raise InvalidInputError(f"a review batch has at least 1 row, got {size}; take 200")
    unlike = _unlike(candidates)
    by_chance = [row for row in unlike if row.arm == "random"]
    places = {arm: round(size * share) for arm, share in SHARES.items()}
    places["random"] = size - places["drifted"] - places["uncertain"]
    random = _at_random(by_chance, min(places["random"], len(by_chance)), rng)
    taken = {_key(row) for row in random}
    left = [row for row in unlike if _key(row) not in taken]
    drifted = _most([row for row in left if row.score is not None], "drifted", places["drifted"])
    taken |= {_key(row) for row in drifted}
    unsure = [row for row in left if row.confidence is not None and _key(row) not in taken]
    uncertain = _most(unsure, "uncertain", places["uncertain"])
    picked = [*drifted, *random, *uncertain]
    if len(picked) < size:
        taken = {_key(row) for row in picked}
        rest = [row for row in unlike if _key(row) not in taken]
        picked += _most(rest, "drifted", size - len(picked))
    order = rng.permutation(len(picked))
    return ReviewBatch(tuple(picked[place] for place in order), size)


def write_review(batch: ReviewBatch, alarm: Alarm, folder: Path) -> Path:
    """Write a batch beside the others, whole or not at all.

    Returns:
        The file: a JSON object a line with `item_id`, `alarm`, `release`, `arm`, `inclusion`, `values`,
        `answer`, `confidence`, `score` and `window_start_s`.

    Raises:
        OSError: The disk refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{digest_value(alarm.id)[7:23]}.jsonl"
    lines = [
        canonical_json(
            {
                **plain(row),
                "values": dict(row.values),
                "item_id": item_of(row),
                "alarm": alarm.id,
                "release": alarm.release,
            }
        )
        for row in batch.rows
    ]
    aside = path.with_suffix(".new")
    with aside.open("wb") as stream:
        stream.write(b"".join(line + b"\n" for line in lines))
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)
    return path


def item_of(row: Example) -> str:
    """What a kept row is known by: its window and values."""
    return digest_value([row.window_start_s, row.values])[7:23]


def _key(row: Example) -> tuple[object, ...]:
    """What makes two kept rows one."""
    return row.window_start_s, row.values


def _unlike(candidates: Sequence[Example]) -> list[Example]:
    """Each row once; where it was kept for several arms, the random one stays, since it carries a chance."""
    kept: dict[tuple[object, ...], Example] = {}
    for row in sorted(candidates, key=lambda row: row.arm != "random"):
        kept.setdefault(_key(row), row)
    return list(kept.values())


def _at_random(rows: Sequence[Example], places: int, rng: np.random.Generator) -> list[Example]:
    if not places:
        return []
    picked = rng.choice(len(rows), size=places, replace=False)
    chance = places / len(rows)
    return [_with_chance(rows[place], chance) for place in picked]


def _with_chance(row: Example, chance: float) -> Example:
    kept = 1.0 if row.inclusion is None else row.inclusion
    return replace(row, arm="random", inclusion=kept * chance)


def _most(rows: Sequence[Example], arm: str, places: int) -> list[Example]:
    def oddness(row: Example) -> float:
        if arm == "uncertain":
            return 1.0 - (1.0 if row.confidence is None else row.confidence)
        return -np.inf if row.score is None else row.score

    first = sorted(rows, key=oddness, reverse=True)[:places]
    return [replace(row, arm=arm, inclusion=None) for row in first]
