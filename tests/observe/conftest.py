"""Windows, references and alarms that tests of watching share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from smallcraft.data.profiles.kept import KeepLimits, KeptRow, keep_rows
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.data.profiles.packing import Seen
from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.rows import AnswerRows, Rows
from smallcraft.observe.alarms import (
    Alarm,
    Example,
    Explanation,
    Harm,
    HarmSign,
    HarmVerdict,
    Slice,
    Suspect,
    Word,
)
from smallcraft.observe.window_rows import to_stored
from smallcraft.observe.windows import StoredWindow, WindowName
from smallcraft.records import Interval

HOUR = 3600
JOBS = ("cook", "clerk", "smith", None)


@pytest.fixture(scope="session")
def draw_rows() -> Callable[..., Rows]:
    """Rows of two numbers, a category and an answer; `shift` moves the first number."""

    def draw(n: int, *, seed: int, shift: float = 0.0, jobs: tuple[str | None, ...] = JOBS) -> Rows:
        rng = np.random.default_rng(seed)
        confidence = rng.uniform(0.7, 1.0, n)
        probs = np.stack([confidence, 1 - confidence], axis=1)
        labels = [("yes", "no")[place] for place in rng.integers(0, 2, n)]
        return Rows(
            n,
            numbers={"age": rng.normal(shift, 1, n), "hours": rng.exponential(size=n)},
            categories={"job": [jobs[place] for place in rng.integers(0, len(jobs), n)]},
            answers=AnswerRows(labels, confidence, probs),
        )

    return draw


@pytest.fixture(scope="session")
def reference(draw_rows):
    return make_reference(draw_rows(4000, seed=1), rng=np.random.default_rng(0))


@pytest.fixture(scope="session")
def store_window(draw_rows) -> Callable[..., StoredWindow]:
    """A stored window of an hour, with some rows kept."""

    def make(
        hour: int, *, n: int = 200, release: str = "a@1", segment: str = "all", **kwargs
    ) -> StoredWindow:
        rows = draw_rows(n, seed=1000 + hour * 7 + len(segment), **kwargs)
        profile = measure_rows(rows, Measures()).profile
        kept = [
            KeptRow(place, json.dumps({"age": float(rows.numbers["age"][place])}), "yes", 0.8, float(place))
            for place in range(min(n, 30))
        ]
        seen = Seen(profile, keep_rows(kept, n=n, limits=KeepLimits(5, 5, 5)))
        return to_stored(WindowName(hour * HOUR, HOUR, release, segment), seen, [f"p-{hour}-{segment}"])

    return make


@pytest.fixture
def alarm() -> Alarm:
    sign = HarmSign("loss", 0.2, Interval(0.1, 0.3), 0.12, HarmVerdict.UNKNOWN, "labels come in any order")
    explanation = Explanation(
        suspects=(
            Suspect("age", "shift", 0.4, 0.01, 12.5, True),
            Suspect("job", "kl", 0.1, None, 1.0, False),
        ),
        slices=(Slice("age", "2 to 3", 0.7, 0.1, 0.3),),
        words=(Word("message", "â€™", 9.5, 0.0, 0.2),),
        examples=(Example(7200, (("age", 2.5), ("job", None)), "yes", 0.9, "random", 0.25, 1.5),),
    )
    return Alarm(
        id="a@1/all/1970-01-01T05:00",
        release="a@1",
        segment="all",
        opened_s=6 * HOUR,
        began_s=2 * HOUR,
        budget=0.1,
        log_e=9.5,
        log_level=8.9,
        explanation=explanation,
        harm=Harm(HarmVerdict.UNKNOWN, "label these rows", (sign,), 20),
        last_s=6 * HOUR,
    )


@pytest.fixture
def benign(alarm) -> Alarm:
    return replace(alarm, harm=Harm(HarmVerdict.BENIGN, "the inputs moved"))
