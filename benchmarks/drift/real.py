"""What watching did on real data, as lines of docs/drift.md; also the misses.

Leaves to others: the streams themselves (`benchmarks.drift.census`, `benchmarks.drift.questions`).
Always: a line says what was asked, what was found and whether that is what was asked for.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.drift import census, questions
from benchmarks.drift.kept import KEPT
from benchmarks.machine import now_text
from smallcraft.observe.alarms import Alarm, HarmVerdict
from smallcraft.observe.settings import WatchSettings

REAL = "real"
FLIPPED = 0.2
# A month of windows is known before, as in the simulations.
QUIET, WAITS, ENTERS, REVIEWED = 720, 60, 0.05, 50
MOST_BATCHES, MOST_WINDOWS, LEAST_ENRICHED = 7, 5, 5.0
SEEDS = tuple(range(10))
_RUNG = "cascade"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Line:
    """One thing that was asked for.

    Attributes:
        data: Which data.
        asked: In words.
        found: In words, with numbers.
        is_met: None where nothing was asked for.
    """

    data: str
    asked: str
    found: str
    is_met: bool | None


@dataclass(frozen=True)
class RealData:
    """All lines, and how they came about."""

    lines: tuple[Line, ...]
    date: str
    cpu_s: float
    command: str = "python -m benchmarks.drift real"


def measure_real(*, say: Say) -> RealData:
    """Stream both data sets.

    Args:
        say: Told of each line.

    Raises:
        AbsentDataError: The data are not there.
    """
    began = time.process_time()
    lines = []
    for measure in (measure_census, measure_questions):
        for line in measure():
            say(f"{line.data}: {line.asked}: {line.found} ({line.is_met})")
            lines.append(line)
    return RealData(tuple(lines), now_text(), round(time.process_time() - began, 1))


def measure_census(*, seed: int = 0) -> Iterator[Line]:
    """Three years of weeks, in both orders, and with labels flipped.

    Args:
        seed: Of the order and of the labels.
    """
    table = census.read_census()
    release = census.certified(table)

    def play(order: census.Order, flipped: float = 0.0) -> census.Played:
        with tempfile.TemporaryDirectory() as folder:
            return census.play(table, release, Path(folder), order=order, seed=seed, flipped=flipped)

    name = "census_employment"
    mixed = play("mixed")
    of_age = [alarm for alarm in mixed.alarms if "AGEP" in alarm.explanation.columns]
    yield Line(
        name,
        f"{mixed.undecided} of 156 weeks could not be judged; alarms of 2016 to 2018, a year's rows mixed",
        "; ".join(_say_alarm(mixed, alarm) for alarm in mixed.alarms) or "none",
        None,
    )
    is_benign = bool(of_age) and all(alarm.harm.verdict is HarmVerdict.BENIGN for alarm in of_age)
    in_2017 = [
        alarm for alarm in of_age if alarm.began_s // census.WEEK_S - census.FIRST_WEEK in range(48, 60)
    ]
    yield Line(
        name,
        "the age jump of 2017 raises a benign alarm",
        "; ".join(_say_slice(alarm) for alarm in in_2017) or "no alarm of age in 2017",
        is_benign and bool(in_2017),
    )
    yield Line(
        name,
        "nothing pages",
        f"{len(mixed.paged)} of {len(mixed.alarms)} alarms woke somebody",
        not mixed.paged,
    )
    yield Line(name, "group risk by SEX is tracked", _say_risks(mixed), len(mixed.risks) >= 3 * 12)
    flipped = play("mixed", FLIPPED)
    yield _flip_line(flipped)
    recorded = play("recorded")
    yield Line(
        name,
        "rows in the order they are recorded in: group quarters stand together from week 100 to 107, and "
        "there 24 % of the answers are wrong",
        "; ".join(_say_alarm(recorded, alarm) for alarm in recorded.alarms) or "none",
        None,
    )


def _flip_line(flipped: census.Played) -> Line:
    last_third = 2 * census.WEEKS
    arrive = last_third + census.LABELS_LATE
    harmful = [
        flipped.week_of(alarm)
        for alarm in flipped.alarms
        if alarm.harm.verdict is HarmVerdict.HARMFUL and flipped.week_of(alarm) >= last_third
    ]
    found = "no harmful alarm"
    if harmful:
        batch = _ordinal(harmful[0] - arrive + 1)
        found = f"harmful in week {harmful[0]}, with the {batch} batch of flipped labels"
    return Line(
        "census_employment",
        f"{100 * FLIPPED:.0f} % of the labels of 2018 (from week {last_third}) are flipped, labels come "
        f"{census.LABELS_LATE} weeks late: harmful within 7 batches",
        found,
        bool(harmful) and harmful[0] - arrive < MOST_BATCHES,
    )


def measure_questions() -> Iterator[Line]:
    """Questions out of scope, and a fault of an encoding, over some seeds."""
    desk = questions.helpdesk(_RUNG)
    name, settings = "clinc150", WatchSettings(rows_for_review=REVIEWED)

    def play(change: questions.Change, seed: int) -> questions.Entered:
        with tempfile.TemporaryDirectory() as folder:
            return questions.play(
                desk, Path(folder), change, settings=settings, quiet=QUIET, waits=WAITS, seed=seed
            )

    entered = [play(questions.out_of_scope(desk, ENTERS), seed) for seed in SEEDS]
    yield _delay_line(entered)
    yield _batch_line(entered)
    broken = [play(questions.misread, seed) for seed in SEEDS[:3]]
    named = [one.alarm.explanation.words[:1] for one in broken if one.alarm is not None]
    yield Line(
        name,
        "apostrophes come in another encoding: the alarm's first word is the broken token",
        f"after {_listed([one.delay for one in broken])} windows: "
        + ", ".join(f"`{word.token}` (z {word.z:.1f})" for words in named for word in words),
        len(named) == len(broken) and all(words and questions.is_misread(words[0].token) for words in named),
    )


def _delay_line(entered: Sequence[questions.Entered]) -> Line:
    delays = [WAITS if one.delay is None else one.delay for one in entered]
    within = sum(delay <= MOST_WINDOWS for delay in delays)
    false_alarms = sum(one.false_alarms for one in entered)
    return Line(
        "clinc150",
        f"a `{_RUNG}` answers, 5 % are out of scope from window {QUIET} on: an alarm within {MOST_WINDOWS} "
        f"windows of 200 rows, on average of {len(entered)} seeds",
        f"after {np.mean(delays):.1f} on average, {within} of {len(delays)} within {MOST_WINDOWS}: "
        f"{_listed(delays)}; {false_alarms} alarms in the {QUIET * len(entered):,} windows before",
        bool(np.mean(delays) <= MOST_WINDOWS),
    )


def _batch_line(entered: Sequence[questions.Entered]) -> Line:
    batches = [one.batch / one.share for one in entered if one.batch is not None]
    targeted = [one.targeted / one.share for one in entered if one.targeted is not None]
    random = [one.random / one.share for one in entered if one.random is not None]
    return Line(
        "clinc150",
        f"the review batch of {REVIEWED} rows is enriched in them {LEAST_ENRICHED:.0f} times over random",
        f"times: {_listed(batches)}; its targeted arms {_listed(targeted)}, its random arm {_listed(random)}",
        bool(batches) and min(batches) >= LEAST_ENRICHED,
    )


def _say_alarm(played: census.Played, alarm: Alarm) -> str:
    first = played.first_verdicts[played.alarms.index(alarm)]
    columns = ", ".join(alarm.explanation.columns) or "losses"
    paged = ", woke somebody" if alarm in played.paged or "page" in alarm.told else ""
    last = alarm.harm.verdict.value
    return f"week {played.week_of(alarm)}: {columns}, first {first}, in the end {last}{paged}"


def _say_slice(alarm: Alarm) -> str:
    began = alarm.began_s // census.WEEK_S - census.FIRST_WEEK
    parts = [part for part in alarm.explanation.slices if part.column == "AGEP"][:1]
    shown = "".join(
        f", `{part.column} {part.cell}` from {100 * part.before:.2f} % to {100 * part.now:.2f} %"
        for part in parts
    )
    return f"{alarm.harm.verdict.value}, begun in week {began}{shown}"


def _say_risks(played: census.Played) -> str:
    sexes = {
        group: [point.risk for point in played.risks if point.group == group] for group in ("SEX=1", "SEX=2")
    }
    shown = (f"{group} {min(risks):.3f} to {max(risks):.3f}" for group, risks in sexes.items() if risks)
    return f"{len(played.risks)} points, by quarter: " + ", ".join(shown)


def _listed(values: Sequence[float | None]) -> str:
    return ", ".join("never" if value is None else f"{value:.3g}" for value in values)


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def keep_real(found: RealData, *, folder: Path = KEPT) -> None:
    """Replace what is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(found), indent=1, ensure_ascii=False) + "\n"
    (folder / f"{REAL}.json").write_text(text, encoding="utf-8")


def read_real(*, folder: Path = KEPT) -> RealData | None:
    """What is kept; None when it never ran."""
    path = folder / f"{REAL}.json"
    if not path.exists():
        return None
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return RealData(**{**kept, "lines": tuple(Line(**line) for line in kept["lines"])})
