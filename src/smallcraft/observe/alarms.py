"""Alarms: what one says, and what may happen to it after it was raised.

Leaves to others: when to raise one (`observe.guardrail`), whom to tell (`observe.triggers`), its JSON
(`observe.alarm_form`).
Always: values; an alarm that is open takes in what is raised after it, so that one cause is told once; a
closed one never changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval

RECOVERY = "recovery"


class Ending(StrEnum):
    """What an alarm that is closed was about; it decides what becomes of the windows it was about."""

    FALSE = "false"  # Nothing had changed: they are part of the past.
    FIXED = "fixed"  # What had changed is over, or will be: they are left out of the past.
    ACCEPTED = "accepted"  # They are the new normal: the past before them is forgotten.


class HarmVerdict(StrEnum):
    """What a change does to the quality of the answers."""

    BENIGN = "benign"
    HARMFUL = "harmful"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class HarmSign:
    """One way to look for harm, and what it saw.

    Attributes:
        name: Such as `loss`, `loss of sex=female`, `accuracy by confidence`.
        value: Of the windows since the change began; None when it was not measured.
        interval: Of `value`.
        bound: What `value` was held against: harm lies above it for losses, below for accuracies.
        verdict: Of this sign alone.
        assumes: What must be true for it to mean something.
    """

    name: str
    value: float | None
    interval: Interval | None
    bound: float | None
    verdict: HarmVerdict
    assumes: str


@dataclass(frozen=True, slots=True)
class Harm:
    """Whether the change does harm, and by which signs.

    Attributes:
        sentence: In plain words, with what would settle an unknown.
        labels: How many labelled answers it rests on.
    """

    verdict: HarmVerdict
    sentence: str
    signs: tuple[HarmSign, ...] = ()
    labels: int = 0


@dataclass(frozen=True, slots=True)
class Suspect:
    """One number of one column that moved.

    Attributes:
        column: Whose.
        statistic: Which, such as `shift` or `unseen`.
        value: In the window of the alarm.
        usual: Median of the past that it was held against; None for none.
        log_e: Natural logarithm of its evidence; None where there is none.
        is_claimed: Whether it is among those that e-BH names.
    """

    column: str
    statistic: str
    value: float
    usual: float | None
    log_e: float | None
    is_claimed: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a column's values that carries the change.

    Attributes:
        cell: In words: a range, a value, `missing`.
        share: Of the column's KL divergence, in [0, 1]; all cells of a column add up to 1 with the negative
            ones.
        before: Share of rows in the reference.
        now: Share of rows since the change began.
    """

    column: str
    cell: str
    share: float
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Word:
    """A token that comes more (z > 0) or less often than in the reference."""

    column: str
    token: str
    z: float
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Example:
    """A row that was seen since the change began.

    Attributes:
        arm: Why it was kept: `random`, `uncertain`, `drifted`.
        inclusion: The chance that it was kept, in (0, 1]; None where it was picked.
        score: Why it stands where it stands: larger is odder; None for random ones.
    """

    window_start_s: int
    values: tuple[tuple[str, str | float | None], ...]
    answer: str | None
    confidence: float | None
    arm: str
    inclusion: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What moved; made once, when the alarm is raised."""

    suspects: tuple[Suspect, ...] = ()
    slices: tuple[Slice, ...] = ()
    words: tuple[Word, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that e-BH names, most evidence first; where it names none, all that are suspected."""
        claimed = [suspect.column for suspect in self.suspects if suspect.is_claimed]
        return tuple(dict.fromkeys(claimed or [suspect.column for suspect in self.suspects]))

    def first_slices(self, most: int) -> tuple[Slice, ...]:
        """Some of the slices: the largest of each column, then the next of each.

        Args:
            most: How many.
        """
        met = Counter[str]()
        turns = []
        for place, part in enumerate(self.slices):
            turns.append((met[part.column], place))
            met[part.column] += 1
        return tuple(self.slices[place] for _, place in sorted(turns)[:most])


@dataclass(frozen=True, slots=True)
class Closing:
    """How an alarm ended.

    Attributes:
        by: A person, or `recovery`.
        ending: What it was about.
    """

    at_s: int
    by: str
    note: str = ""
    ending: Ending = Ending.FIXED


@dataclass(frozen=True, slots=True)
class Alarm:
    """A finding of the guardrail.

    Attributes:
        id: Such as `helpdesk@3/all/2026-11-03T14:00`; unique in a project.
        release: Which release was watched.
        segment: Which segment; `all` for none.
        opened_s: End of the window that raised it.
        began_s: Begin of the window since when it is likely to be so.
        budget: False alarms a month that the guardrail may raise.
        log_e: Natural logarithm of the evidence when it was raised; None from a detector with a rule alone.
        log_level: The level it had to reach.
        explanation: What moved.
        harm: Whether it does harm.
        review: Path of the batch of rows to label; None for none.
        told: Triggers that went through.
        again: How often the evidence reached the level again while it was open.
        last_s: End of the last window that did.
        closing: None while it is open.
    """

    id: str
    release: str
    segment: str
    opened_s: int
    began_s: int
    budget: float
    log_e: float | None
    log_level: float
    explanation: Explanation
    harm: Harm
    review: str | None = None
    told: tuple[str, ...] = ()
    again: int = 0
    last_s: int = 0
    closing: Closing | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has closed it."""
        return self.closing is None

    @property
    def sentence(self) -> str:
        """What it is about, in a line."""
        columns = self.explanation.columns
        moved = ", ".join(columns[:3]) + (f" and {len(columns) - 3} more" if len(columns) > 3 else "")
        return (
            f"{self.release}: {moved or 'the inputs'} moved; {self.harm.verdict.value}: {self.harm.sentence}"
        )


def raise_again(alarm: Alarm, *, at_s: int, found: Explanation | None = None) -> Alarm:
    """An open alarm that took in another crossing, with the columns that e-BH names by now too.

    Args:
        alarm: Open.
        at_s: When it was crossed.
        found: Of that crossing; None where no column is suspected.
    """
    _check_open(alarm)
    told = alarm.explanation if found is None else _with_more(alarm.explanation, found)
    return replace(alarm, again=alarm.again + 1, last_s=at_s, explanation=told)


def mark_told(alarm: Alarm, trigger: str) -> Alarm:
    """An alarm whose trigger went through; a second time changes nothing."""
    return alarm if trigger in alarm.told else replace(alarm, told=(*alarm.told, trigger))


def judge_again(alarm: Alarm, harm: Harm) -> Alarm:
    """An open alarm with more labels known."""
    _check_open(alarm)
    return replace(alarm, harm=harm)


def close(alarm: Alarm, closing: Closing) -> Alarm:
    """An alarm that is over.

    Raises:
        InvalidInputError: It is closed already, nobody closes it, or recovery says more than that it is over.
    """
    _check_open(alarm)
    if not closing.by.strip():
        raise InvalidInputError(f"alarm {alarm.id} is closed by somebody, got no name; say who")
    if closing.by == RECOVERY and closing.ending is not Ending.FIXED:
        raise InvalidInputError(
            f"alarm {alarm.id}: {RECOVERY} only says that it is over, got {closing.ending};"
            " a person may say so"
        )
    return replace(alarm, closing=closing)


def group_of(alarms: Sequence[Alarm], fresh: Alarm) -> Alarm | None:
    """The open alarm that a change belongs to; None for a new cause.

    It is the same one when it moves a column that the alarm suspects, or began before that was raised:
    segments and columns see one cause at about the same time. What began later in other columns is another
    one, and must not be hidden behind an alarm that nobody has closed yet.

    Args:
        alarms: Of inputs and answers.
        fresh: What was just raised.
    """
    moved = set(fresh.explanation.columns)
    for alarm in alarms:
        suspected = {suspect.column for suspect in alarm.explanation.suspects}
        is_same = fresh.began_s < alarm.opened_s or not moved.isdisjoint(suspected)
        if alarm.is_open and alarm.release == fresh.release and is_same:
            return alarm
    return None


def alarm_of_losses(alarms: Sequence[Alarm], *, release: str, at_s: int) -> Alarm | None:
    """The open alarm that losses are put down to: the latest that had begun; None for none.

    Args:
        alarms: In the order they were raised.
        release: Whose losses.
        at_s: When their labels came.
    """
    begun = [one for one in alarms if one.is_open and one.release == release and one.began_s <= at_s]
    return begun[-1] if begun else None


def _with_more(told: Explanation, found: Explanation) -> Explanation:
    named = {suspect.column for suspect in told.suspects if suspect.is_claimed}
    more = tuple(one for one in found.suspects if one.is_claimed and one.column not in named)
    columns = {suspect.column for suspect in more}
    kept = tuple(suspect for suspect in told.suspects if suspect.column not in columns)
    slices = (*told.slices, *(part for part in found.slices if part.column in columns))
    return replace(told, suspects=(*kept, *more), slices=tuple(dict.fromkeys(slices)))


def _check_open(alarm: Alarm) -> None:
    if alarm.closing is not None:
        raise InvalidInputError(
            f"alarm {alarm.id} was closed by {alarm.closing.by}; a closed alarm does not change"
        )
