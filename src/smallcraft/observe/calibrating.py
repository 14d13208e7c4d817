"""Does the guardrail keep its promise here: months made of past weeks, and how often it would have alarmed.

Months are drawn from past windows in blocks, so that what hangs together in time stays together; nothing
changes in them but by chance, so every alarm is a false one. Beside the budget stand two dummies: one that
always fires and one that never does.
Leaves to others: which windows (`observe.window_rows`), their numbers (`observe.statistics`).
Always: the seed decides the draw; a block keeps its place in the season; the months begin with a past of
their own that is not counted.
Not covered: a past that had a change in it; take windows from before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import Ending
from smallcraft.observe.guardrail import GuardOutcome, begin_guard, close_guard, weigh_window
from smallcraft.observe.quantities import Detector, Reading
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.windows import CYCLES_S
from smallcraft.records import Interval, Outcome

_LEAST_WINDOWS = 48
# Of a month that was drawn: windows that are learned from first, and not counted.
_LEAST_LEARNED, _MOST_LEARNED = 60, 720
_CONFIDENCE = 0.99


@dataclass(frozen=True)
class Calibration:
    """Alarms a month on windows without a change.

    Attributes:
        outcome: PASS where the budget is held, FAIL where it is surely not, UNDECIDED where more months are
            wanted.
        months: How many were drawn.
        windows: Of a month.
        past: Windows they were drawn from.
        alarms: Of all months.
        alarms_per_month: Mean.
        interval: Of the mean, for chance alone.
        budget: Alarms a month that are allowed.
        always_fires: Alarms a month of a dummy that alarms in each window.
        never_fires: Of one that never does.
        undecided: Windows before the guardrail could alarm, that are not counted.
        sentence: In plain words.
    """

    outcome: Outcome
    months: int
    windows: int
    past: int
    alarms: int
    alarms_per_month: float
    interval: Interval
    budget: float
    always_fires: float
    never_fires: float
    undecided: int
    sentence: str


def calibrate(
    past: Sequence[Reading], detector: Detector, settings: WatchSettings, *, months: int = 30, seed: int = 0
) -> Calibration:
    """Replay months drawn from the past.

    Args:
        past: Numbers of past windows, oldest first, with nothing wrong in them.
        detector: As declared.
        settings: As declared.
        months: How many to draw, at least 1.
        seed: Of the draw.

    Raises:
        InvalidInputError: There are fewer than 48 windows, or no month is asked for.
    """
    if len(past) < _LEAST_WINDOWS or months < 1:
        raise InvalidInputError(
            f"calibrating wants at least {_LEAST_WINDOWS} past windows and a month, got {len(past)} and"
            f" {months}; watch a while longer"
        )
    rng = np.random.default_rng(seed)
    windows = round(settings.windows_per_month)
    warm = _warm_windows(len(past))
    alarms = undecided = 0
    for _ in range(months):
        drawn = draw_windows(past, warm + windows, settings=settings, rng=rng)
        counted = _count_alarms(drawn, warm, detector, settings)
        alarms += counted.alarms
        undecided += counted.undecided
    return _tell(alarms, undecided, months=months, windows=windows, past=len(past), settings=settings)


def draw_windows(
    past: Sequence[Reading], windows: int, *, settings: WatchSettings, rng: np.random.Generator
) -> list[Reading]:
    """Windows one after the other, drawn from the past in blocks.

    Args:
        past: Oldest first.
        windows: How many.
        settings: Of the season: a block is one cycle of it, or as long as the third root of the past says.
        rng: Of the draw.
    """
    cycle = _cycle(settings)
    length = cycle if 1 < cycle <= len(past) // 2 else max(2, round(2 * len(past) ** (1 / 3)))
    drawn: list[Reading] = []
    while len(drawn) < windows:
        begin = int(rng.integers(0, len(past) - length + 1))
        if cycle > 1:
            # The block goes on in the season where the one before ended.
            wanted = past[0].bucket if not drawn else past[(_place(drawn[-1], past) + 1) % len(past)].bucket
            begins = [at for at in range(len(past) - length + 1) if past[at].bucket == wanted]
            begin = int(rng.choice(begins)) if begins else begin
        drawn += past[begin : begin + length]
    return [
        replace(reading, start_s=at * settings.window_s)
        for at, reading in enumerate(drawn[:windows], start=1)
    ]


@dataclass(frozen=True)
class _Counted:
    alarms: int
    undecided: int


def _count_alarms(
    drawn: Sequence[Reading], warm: int, detector: Detector, settings: WatchSettings
) -> _Counted:
    """Alarms after the first windows; each is closed at once, as a person would close a false one."""
    quantities = sorted({quantity for reading in drawn for quantity in reading.values})
    state = begin_guard(quantities, detector, settings)
    alarms = undecided = 0
    for at, reading in enumerate(drawn):
        turn = weigh_window(state, reading, detector, settings)
        state = turn.state
        if turn.outcome is GuardOutcome.ALARM:
            alarms += at >= warm
            state = close_guard(state, detector, ending=Ending.FALSE)
        undecided += at >= warm and turn.outcome is GuardOutcome.UNDECIDED
    return _Counted(alarms, undecided)


def _tell(
    alarms: int, undecided: int, *, months: int, windows: int, past: int, settings: WatchSettings
) -> Calibration:
    budget, rate = settings.false_alarms_per_month, alarms / months
    bounds = _rate_interval(alarms, months)
    outcome = Outcome.PASS if rate <= budget else Outcome.UNDECIDED
    if bounds.low > budget:
        outcome = Outcome.FAIL
    if undecided > months * windows / 2:
        outcome = Outcome.UNDECIDED
    needs = "; draw more months" if outcome is Outcome.UNDECIDED else ""
    sentence = (
        f"{alarms} alarms in {months} months without a change, {rate:.2g} a month; the budget is {budget:g}"
        f" (a dummy that always fires: {windows}, one that never does: 0){needs}"
    )
    return Calibration(
        *(outcome, months, windows, past, alarms, rate, bounds, budget, float(windows), 0.0),
        undecided=undecided,
        sentence=sentence,
    )


def _rate_interval(alarms: int, months: int) -> Interval:
    """Exact bounds of a Poisson mean (Garwood 1936), 99 % on either side."""
    low = float(special.gammaincinv(alarms, 1 - _CONFIDENCE)) if alarms else 0.0
    return Interval(low / months, float(special.gammaincinv(alarms + 1, _CONFIDENCE)) / months)


def _warm_windows(past: int) -> int:
    """What a guardrail learns from first: as many as there are, up to a month of hours."""
    return max(min(past, _MOST_LEARNED), _LEAST_LEARNED)


def _cycle(settings: WatchSettings) -> int:
    return 1 if settings.season is None else CYCLES_S[settings.season] // settings.window_s


def _place(reading: Reading, past: Sequence[Reading]) -> int:
    """Where in the past a reading stands."""
    window_s = past[1].start_s - past[0].start_s
    return (reading.start_s - past[0].start_s) // window_s if window_s else 0
