"""Watching a release: closed windows are weighed in order, alarms raised, told, judged again and closed.

1. windows that were not weighed yet are read, those of all segments of a time slice together;
2. each is measured against the reference of its place in the season and weighed by its guardrail;
3. an alarm is explained and judged; the guardrail, the mark and the alarm are written in one transaction;
4. triggers of open alarms that have not gone through are set off.
Leaves to others: when to look (`pipeline`), parts (`observe.collecting`), what triggers do.
Always: killed anywhere it goes on as if nothing had been; one cause is one alarm; windows are weighed as they
were closed, so a replay of the store says the same.
Not covered: windows shorter than the collector's patience, which may be closed out of order: those that come
after a later one are stored and not weighed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from smallcraft.data.profiles.profile import Profile, merge_profiles
from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import (
    RECOVERY,
    Alarm,
    Closing,
    HarmVerdict,
    alarm_of_losses,
    close,
    group_of,
    judge_again,
    raise_again,
)
from smallcraft.observe.attribution import usual_values
from smallcraft.observe.group_risk import Labelled, count_by_group
from smallcraft.observe.guard_form import guard_bytes, loss_bytes, parse_guard, parse_losses
from smallcraft.observe.guardrail import (
    GuardOutcome,
    GuardState,
    Turn,
    begin_guard,
    close_guard,
    weigh_window,
)
from smallcraft.observe.harm import HarmBaseline
from smallcraft.observe.harm_guard import LossState, begin_losses, weigh_losses
from smallcraft.observe.journal import Journal, Weighed
from smallcraft.observe.judging import (
    LOSSES,
    AtAlarm,
    WatchedRelease,
    drift_alarm,
    judge_since,
    loss_alarm,
    loss_harm,
)
from smallcraft.observe.quantities import Detector, Quantity, Reading
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.statistics import PreparedReference, measure_window, prepare_reference
from smallcraft.observe.store import Wanted, WindowStore
from smallcraft.observe.triggers import Action, fire
from smallcraft.observe.weighting import PastRow, find_past
from smallcraft.observe.window_rows import Window, over_segments, read_windows
from smallcraft.observe.windows import EVERYTHING, season_bucket

_PAST_WINDOWS = 200


@dataclass(frozen=True)
class Watched:
    """What a look at a release led to.

    Attributes:
        weighed: Of each window that was weighed.
        raised: Alarms that are new.
        closed: Alarms that recovery closed.
        failed: Trigger to the reason that it did not go through.
    """

    weighed: tuple[Weighed, ...] = ()
    raised: tuple[Alarm, ...] = ()
    closed: tuple[Alarm, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


class Watcher:
    """Watches one release; the durable state is the journal's."""

    def __init__(
        self,
        release: WatchedRelease,
        journal: Journal,
        store: WindowStore,
        *,
        settings: WatchSettings,
        detector: Detector,
        actions: Mapping[str, Action],
    ) -> None:
        """Take up where the journal stands.

        Args:
            release: What to watch.
            journal: Open.
            store: Of closed windows.
            settings: As declared.
            detector: Of the settings' name.
            actions: What each trigger does.
        """
        self.release = release
        self._journal, self._store = journal, store
        self._settings, self._detector, self._actions = settings, detector, actions
        self._prepared: dict[int, PreparedReference] = {}

    def look(self) -> Watched:
        """Weigh what was closed since the last look.

        Raises:
            IntegrityError: Stored bytes are damaged.
            OSError: The disk refused; look again.
        """
        weighed: list[Weighed] = []
        raised: list[Alarm] = []
        closed: list[Alarm] = []
        for window in self._fresh_windows():
            done = self._weigh(window)
            weighed += done.weighed
            raised += done.raised
            closed += done.closed
        return Watched(tuple(weighed), tuple(raised), tuple(closed), self.tell())

    def take_labels(self, rows: tuple[Labelled, ...], *, at_s: int, judges: bool = True) -> Watched:
        """Take in labels of answers, weigh the losses, and judge open alarms again.

        Args:
            rows: Those that were taken in before are passed over.
            at_s: When they came, seconds since 1970; once a window is enough, and what comes more often
                waits.
            judges: Whether open alarms are judged again; of several calls in a row only the last one need.

        Raises:
            InvalidInputError: The release has no baseline.
        """
        if self.release.baseline is None:
            raise InvalidInputError(
                f"{self.release.label} has no baseline to hold losses against; certify it anew"
            )
        raised: list[Alarm] = []
        with self._journal.transaction():
            self._journal.add_labelled(self.release.label, rows)
            alarm = self._weigh_losses(at_s)
            raised += [] if alarm is None else [alarm]
            for each in self._open_alarms() if judges else ():
                self._journal.save_alarm(self._judge_again(each))
        return Watched(raised=tuple(raised), failed=self.tell())

    def close_alarm(self, name: str, closing: Closing) -> Alarm:
        """Close an alarm by a person.

        Raises:
            NotFoundError: There is no such alarm.
            InvalidInputError: It is closed already.
        """
        alarm = close(self._journal.alarm(name), closing)
        with self._journal.transaction():
            self._journal.save_alarm(alarm)
            for release, segment in self._journal.guards():
                if release == alarm.release and segment != LOSSES:
                    state = close_guard(self._guard(segment), self._detector, ending=closing.ending)
                    self._save(segment, state)
        return alarm

    def tell(self) -> Mapping[str, str]:
        """Set off triggers that are due; gives those that did not go through, with the reason."""
        failed: dict[str, str] = {}
        for alarm in self._open_alarms():
            fired = fire(alarm, self._settings.triggers, self._actions)
            failed.update(fired.failed)
            if fired.alarm != alarm:
                with self._journal.transaction():
                    self._journal.save_alarm(fired.alarm)
        return failed

    def reading(self, window: Window) -> Reading:
        """The numbers of a window."""
        bucket = season_bucket(window.name.start_s, self._settings.season)
        values = measure_window(
            window.profile,
            self._reference(bucket),
            tolerance_sd=self._settings.tolerance_sd,
            wanted=self._detector.statistics,
        )
        return Reading(window.name.start_s, bucket, window.profile.n, values)

    def _fresh_windows(self) -> Iterator[Window]:
        """Windows of all segments together, and of each segment where these are watched, in order."""
        last = self._journal.last_weighed(self.release.label, EVERYTHING)
        since = None if last is None else last + 1
        wanted = Wanted(release=self.release.label, since_s=since)
        stored = read_windows(self._store, wanted, with_late=False)
        mine = (each for each in stored if each.name.seconds == self._settings.window_s)
        for _, several in groupby(mine, key=lambda each: each.name.start_s):
            segments = list(several)
            if self._settings.has_segments:
                yield from (each for each in segments if each.name.segment != EVERYTHING)
            # Last, since its mark says that the time slice is done.
            yield over_segments(segments)

    def _weigh(self, window: Window) -> Watched:
        name = window.name
        if self._journal.is_weighed(name.release, name.segment, name.start_s):
            return Watched()
        reading = self.reading(window)
        turn = weigh_window(self._guard(name.segment), reading, self._detector, self._settings)
        outcome = Weighed(
            name.release, name.segment, name.start_s, turn.outcome.value, turn.log_e, turn.needs
        )
        fresh = self._alarm(window, reading, turn) if turn.raised is not None else None
        with self._journal.transaction():
            self._save(name.segment, turn.state)
            self._journal.mark_weighed(outcome)
            raised, closed = self._write(turn, name.segment, fresh, at_s=name.end_s)
        return Watched((outcome,), raised, closed)

    def _write(
        self, turn: Turn, segment: str, fresh: Alarm | None, *, at_s: int
    ) -> tuple[tuple[Alarm, ...], tuple[Alarm, ...]]:
        """Alarms that are new, and those that recovery closed."""
        is_open = self._open_alarms()
        if fresh is not None:
            # An alarm of losses says nothing of the inputs, so it does not take one of these in.
            of_inputs = [alarm for alarm in is_open if alarm.explanation.suspects]
            known = group_of(of_inputs, fresh)
            if known is None:
                self._journal.add_alarm(fresh)
                return (fresh,), ()
            again = raise_again(known, at_s=at_s, found=fresh.explanation)
            self._journal.save_alarm(again)
        if turn.outcome is GuardOutcome.RECOVERED:
            # What did harm is for a person to close.
            closed = tuple(
                close(alarm, Closing(at_s, RECOVERY))
                for alarm in is_open
                if alarm.segment == segment and alarm.harm.verdict is not HarmVerdict.HARMFUL
            )
            for alarm in closed:
                self._journal.save_alarm(alarm)
            return (), closed
        return (), ()

    def _alarm(self, window: Window, reading: Reading, turn: Turn) -> Alarm:
        assert turn.raised is not None
        began_s = turn.raised.began_s
        known = AtAlarm(
            *(window, reading, turn, self._windows_since(began_s, window), self._usual(began_s)),
            labelled=self._journal.labelled(self.release.label, since_s=began_s),
            past=self._past(began_s),
            has_evidence=self._detector.has_evidence,
        )
        return drift_alarm(self.release, known, self._reference(reading.bucket), self._settings)

    def _weigh_losses(self, at_s: int) -> Alarm | None:
        """A new alarm of losses; an open one takes it in."""
        baseline, label = self.release.baseline, self.release.label
        assert baseline is not None
        state, at = self._loss_state(baseline), at_s // self._settings.window_s
        rows = self._journal.labelled(label, only_new=True)
        if not rows or (state.last_at is not None and at <= state.last_at):
            return None
        turn = weigh_losses(state, count_by_group(rows), at=at)
        self._journal.save_guard(label, LOSSES, loss_bytes(turn.state))
        self._journal.mark_labelled_weighed(label)
        if turn.began_at is None:
            return None
        began_s = min(turn.began_at * self._settings.window_s, *(row.start_s for row in rows))
        losses = count_by_group(self._journal.labelled(label, since_s=began_s))
        harm = loss_harm(turn, losses, baseline)
        known = alarm_of_losses(self._open_alarms(), release=label, at_s=at_s)
        if known is not None:
            self._journal.save_alarm(judge_again(raise_again(known, at_s=at_s), harm))
            return None
        alarm = loss_alarm(self.release, turn, harm, at_s=at_s, began_s=began_s, settings=self._settings)
        self._journal.add_alarm(alarm)
        return alarm

    def _judge_again(self, alarm: Alarm) -> Alarm:
        """What was shown to be harmful stays so until somebody closes it."""
        if alarm.harm.verdict is HarmVerdict.HARMFUL:
            return alarm
        windows = self._windows_since(alarm.began_s, None)
        profile = merge_profiles([each.profile for each in windows]) if windows else Profile(0)
        labelled = self._journal.labelled(self.release.label, since_s=alarm.began_s)
        harm = judge_since(
            *(self.release, profile, labelled),
            reference=self._reference(0),
            past=self._past(alarm.began_s),
            seed=self._settings.seed,
        )
        return judge_again(alarm, harm)

    def _past(self, before_s: int) -> tuple[PastRow, ...]:
        """Labelled rows from before a change, where a classifier can say how often their like comes now."""
        if self.release.reference.measures.domain is None or self.release.baseline is None:
            return ()
        rows = self._journal.labelled(self.release.label)
        return find_past(self._store, self.release.label, [row for row in rows if row.start_s < before_s])

    def _windows_since(self, since_s: int, last: Window | None) -> tuple[Window, ...]:
        until = None if last is None else last.name.start_s + 1
        wanted = Wanted(release=self.release.label, since_s=since_s, until_s=until)
        found = tuple(read_windows(self._store, wanted))
        if last is not None and last.name.segment != EVERYTHING:
            found = tuple(each for each in found if each.name.segment == last.name.segment)
        return found

    def _usual(self, before_s: int) -> Mapping[Quantity, float]:
        since = before_s - _PAST_WINDOWS * self._settings.window_s
        wanted = Wanted(release=self.release.label, since_s=since, until_s=before_s)
        return usual_values([self.reading(each).values for each in read_windows(self._store, wanted)])

    def _reference(self, bucket: int) -> PreparedReference:
        if bucket not in self._prepared:
            self._prepared[bucket] = prepare_reference(
                self.release.reference.profile(bucket),
                left_out=[name for name, weight in self._settings.columns.items() if not weight],
            )
        return self._prepared[bucket]

    def _guard(self, segment: str) -> GuardState:
        saved = self._journal.guard(self.release.label, segment)
        return parse_guard(saved) if saved is not None else self._new_guard(segment)

    def _new_guard(self, segment: str) -> GuardState:
        quantities = self._reference(0).quantities
        return begin_guard(quantities, self._detector, self._settings, share=self._share(segment))

    def _share(self, segment: str) -> float:
        """Of the budget: half for losses where these are watched; half of the rest for all segments."""
        drift = 1.0 if self.release.baseline is None else 0.5
        if not self._settings.has_segments:
            return drift
        if segment == EVERYTHING:
            return drift / 2
        # The k-th segment ever seen gets 1 / (k (k + 1)) of a half; these add up to less than all of it.
        k = sum(each not in (EVERYTHING, LOSSES) for _, each in self._journal.guards()) + 1
        return drift / 2 / (k * (k + 1))

    def _loss_state(self, baseline: HarmBaseline) -> LossState:
        saved = self._journal.guard(self.release.label, LOSSES)
        if saved is not None:
            return parse_losses(saved)
        return begin_losses(
            baseline,
            log_level=self._settings.log_level + float(np.log(2)),
            horizon=round(self._settings.windows_per_month),
        )

    def _save(self, segment: str, state: GuardState) -> None:
        self._journal.save_guard(self.release.label, segment, guard_bytes(state))

    def _open_alarms(self) -> tuple[Alarm, ...]:
        return tuple(
            alarm for alarm in self._journal.alarms() if alarm.is_open and alarm.release == self.release.label
        )
