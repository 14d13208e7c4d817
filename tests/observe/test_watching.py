"""Watching a release: alarms are told once, survive a crash, and turn harmful with labels."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smallcraft.data.profiles.domain import DomainScore
from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import RECOVERY, Closing, Ending, HarmVerdict
from smallcraft.observe.attribution import find_examples
from smallcraft.observe.detectors import BUILTIN
from smallcraft.observe.group_risk import Labelled
from smallcraft.observe.guardrail import begin_guard, replay
from smallcraft.observe.harm import HarmBaseline
from smallcraft.observe.journal import Journal
from smallcraft.observe.judging import WatchedRelease
from smallcraft.observe.review import item_of
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.store import Wanted, WindowStore
from smallcraft.observe.watching import Watcher
from smallcraft.observe.window_rows import read_windows

HOUR = 3600
QUIET, MOVED = 72, 14
GROUPS = ((), ("sex=f",))
BASELINE = HarmBaseline(loss_bound=0.1, group_bounds={"sex=f": 0.12})


@pytest.fixture(scope="module")
def shifted(tmp_path_factory, store_window):
    """A store of windows of which the last ones moved in one column."""
    store = WindowStore(tmp_path_factory.mktemp("shifted"))
    for hour in range(QUIET + MOVED):
        store.append(store_window(hour, shift=1.0 * (hour >= QUIET)))
    store.compact("1970-01")
    return store


@pytest.fixture
def store(tmp_path, shifted):
    return WindowStore(Path(shutil.copytree(shifted.folder, tmp_path / "windows")))


@pytest.fixture
def make(tmp_path, reference, store):
    """A watcher of a journal in a folder; what its triggers were told is noted."""
    opened = []

    def open_watcher(*, baseline=None, folder="journal", actions=None, **settings):
        journal = Journal(tmp_path / folder)
        opened.append(journal)
        told = []
        given = actions or {"review": lambda alarm: told.append(alarm) or "batch.jsonl"}
        watcher = Watcher(
            WatchedRelease("a@1", reference, baseline),
            journal,
            store,
            settings=WatchSettings(**settings),
            detector=BUILTIN["conformal"],
            actions=given,
        )
        return watcher, journal, told

    yield open_watcher
    for journal in opened:
        journal.close()


def test_a_change_is_one_alarm_that_is_told_once_and_says_what_moved(make):
    watcher, journal, told = make()
    found = watcher.look()
    (alarm,) = found.raised
    assert len(found.weighed) == QUIET + MOVED
    assert alarm.explanation.columns == ("age",)
    assert abs(alarm.began_s // HOUR - QUIET) <= 1
    assert alarm.explanation.slices[0].column == "age"
    assert len(alarm.explanation.examples) > 0
    assert [each.id for each in told] == [alarm.id]
    (kept,) = journal.alarms()
    assert (kept.review, kept.told) == ("batch.jsonl", ("review",))
    assert kept.harm.verdict is HarmVerdict.UNKNOWN
    again = watcher.look()
    assert (again.weighed, again.raised, len(told)) == ((), (), 1)


def test_live_and_replayed_are_the_same(make, store):
    watcher, journal, _ = make()
    watcher.look()
    readings = [watcher.reading(window) for window in read_windows(store, with_late=False)]
    begun = begin_guard(watcher._reference(0).quantities, BUILTIN["conformal"], WatchSettings())
    turns = replay(readings, BUILTIN["conformal"], WatchSettings(), begun=begun)
    assert [(turn.outcome.value, turn.log_e) for turn in turns] == [
        (each.outcome, each.log_e) for each in journal.weighed()
    ]


def test_killed_between_windows_it_goes_on_as_if_nothing_had_been(make, monkeypatch):
    whole, journal, _ = make(folder="whole")
    whole.look()
    expected = journal.weighed()
    broken, second, _ = make(folder="broken")
    for round_ in range(4):
        with monkeypatch.context() as patched:
            count = iter(range(25))

            def die(*args, count=count, kept=Journal.mark_weighed):
                kept(*args)
                if next(count) == 24:
                    raise OSError("killed here")

            patched.setattr(Journal, "mark_weighed", die)
            if round_ < 3:
                with pytest.raises(OSError, match="killed here"):
                    broken.look()
        broken, second, _ = make(folder="broken")
    broken.look()
    assert second.weighed() == expected
    assert [alarm.id for alarm in second.alarms()] == [alarm.id for alarm in journal.alarms()]


def test_late_rows_do_not_change_what_was_weighed(make, store, store_window):
    watcher, journal, _ = make()
    watcher.look()
    before = journal.weighed()
    store.append(replace(store_window(3), parts=("late",)))
    assert watcher.look().weighed == ()
    assert journal.weighed() == before
    ((_, rows),) = store.read(Wanted(since_s=3 * HOUR, until_s=4 * HOUR))
    assert len(rows) == 2


def test_an_alarm_that_goes_away_recovers(make, store, store_window):
    watcher, journal, _ = make()
    watcher.look()
    for hour in range(QUIET + MOVED, QUIET + MOVED + 40):
        store.append(store_window(hour))
    (closed,) = watcher.look().closed
    assert closed.closing.by == RECOVERY
    assert not journal.alarms()[0].is_open


def test_a_person_closes_an_alarm_and_a_new_normal_is_quiet(make, store, store_window):
    watcher, journal, _ = make()
    (alarm,) = watcher.look().raised
    for hour in range(QUIET + MOVED, QUIET + MOVED + 26):
        store.append(store_window(hour, shift=1.0))
    watcher.look()
    watcher.close_alarm(alarm.id, Closing(10**6, "Ada", ending=Ending.ACCEPTED))
    for hour in range(QUIET + MOVED + 26, QUIET + MOVED + 50):
        store.append(store_window(hour, shift=1.0))
    found = watcher.look()
    assert (found.raised, len(journal.alarms())) == ((), 1)


def test_a_trigger_that_fails_is_told_and_set_off_again(make):
    calls = []

    def page(alarm):
        calls.append(alarm.id)
        if len(calls) == 1:
            raise OSError("no route")
        return "sent"

    watcher, journal, _ = make(actions={"page": page}, triggers=("page",))
    assert "no route" in watcher.look().failed["page"]
    assert journal.alarms()[0].told == ()
    assert watcher.look().failed == {}
    assert (len(calls), journal.alarms()[0].told) == (2, ("page",))


def labels(losses: float, *, n: int = 300, start_hour: int = QUIET, seed: int = 0) -> tuple[Labelled, ...]:
    rng = np.random.default_rng(seed)
    return tuple(
        Labelled(
            f"{seed}-{at}", start_hour * HOUR, float(rng.random() < losses), ("sex=f",) if at % 2 else ()
        )
        for at in range(n)
    )


def test_labels_without_harm_make_an_alarm_benign(make):
    watcher, journal, _ = make(baseline=BASELINE)
    watcher.look()
    watcher.take_labels(labels(0.02, n=600), at_s=160 * HOUR)
    (alarm,) = journal.alarms()
    assert (alarm.harm.verdict, alarm.harm.labels) == (HarmVerdict.BENIGN, 600)


def test_labels_with_harm_make_an_alarm_harmful_and_it_stays_so(make):
    watcher, journal, _ = make(baseline=BASELINE)
    watcher.look()
    watcher.take_labels(labels(0.6), at_s=160 * HOUR)
    watcher.take_labels(labels(0.0, n=900, seed=1), at_s=170 * HOUR)
    (alarm,) = journal.alarms()
    assert (alarm.harm.verdict, alarm.again) == (HarmVerdict.HARMFUL, alarm.again)


def test_labelled_rows_of_the_past_are_found_where_a_classifier_can_weigh_them(make, store, reference):
    kept = find_examples(tuple(read_windows(store, Wanted(until_s=20 * HOUR))))
    items = {item_of(row): row.window_start_s for row in kept}
    rows = tuple(Labelled(item, start_s, 0.0) for item, start_s in items.items())
    for domain, found in ((None, 0), (DomainScore(0.0), len(items))):
        watcher, journal, _ = make(baseline=BASELINE, folder=f"past-{found}")
        measures = replace(reference.measures, domain=domain)
        watcher.release = replace(watcher.release, reference=replace(reference, measures=measures))
        journal.add_labelled("a@1", rows)
        assert len(watcher._past(20 * HOUR)) == found
        assert watcher._past(0) == ()
    assert len(items) > 100


def test_losses_raise_an_alarm_of_their_own_where_no_input_moved(make, store):
    watcher, journal, told = make(baseline=BASELINE, columns={"age": 0.0})
    watcher.look()
    assert journal.alarms() == ()
    assert watcher.take_labels(labels(0.05), at_s=150 * HOUR).raised == ()
    (alarm,) = watcher.take_labels(labels(0.5, seed=1, start_hour=40), at_s=160 * HOUR).raised
    assert alarm.harm.verdict is HarmVerdict.HARMFUL
    assert "all" in alarm.harm.sentence
    assert len(told) == 1
    assert journal.alarms()[0].id == alarm.id


def test_a_harmful_alarm_is_not_closed_by_recovery(make, store, store_window):
    watcher, journal, _ = make(baseline=BASELINE)
    watcher.look()
    watcher.take_labels(labels(0.6), at_s=160 * HOUR)
    for hour in range(QUIET + MOVED, QUIET + MOVED + 40):
        store.append(store_window(hour))
    found = watcher.look()
    assert "recovered" in {each.outcome for each in found.weighed}
    assert (found.closed, journal.alarms()[0].is_open) == ((), True)


def test_labels_of_a_release_without_a_promise_are_refused(make):
    watcher, _, _ = make()
    with pytest.raises(InvalidInputError, match="baseline"):
        watcher.take_labels(labels(0.1), at_s=0)


def test_segments_are_watched_each_by_itself_and_are_one_cause(make, tmp_path, reference, store_window):
    store = WindowStore(tmp_path / "segments")
    for hour in range(QUIET + MOVED):
        store.append(store_window(hour, segment="north", shift=1.5 * (hour >= QUIET)))
        store.append(store_window(hour, segment="south"))
    with Journal(tmp_path / "segmented") as journal:
        watcher = Watcher(
            WatchedRelease("a@1", reference),
            journal,
            store,
            settings=WatchSettings(has_segments=True),
            detector=BUILTIN["conformal"],
            actions={"review": lambda alarm: "x"},
        )
        found = watcher.look()
        (alarm,) = found.raised
        assert {each.segment for each in found.weighed} == {"north", "south", "all"}
        assert alarm.segment in {"north", "all"}
