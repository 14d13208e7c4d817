"""Watching a project: what is over is weighed once, alarms are raised, told, judged by labels, and closed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.pipeline.paged import receiving
from tests.pipeline.watching.projects import BEGIN, HOUR, LONG_AFTER, visits, write_watched
from tests.projects import change_project, copy_project

from smallcraft.data.profiles.measuring import measure_rows
from smallcraft.data.profiles.packing import Seen, pack_seen
from smallcraft.data.profiles.parts import PartWriter, new_process, span_of
from smallcraft.data.profiles.profile import SliceName
from smallcraft.errors import ConfigError, InvalidInputError, NotFoundError
from smallcraft.observe.alarms import Ending, HarmVerdict
from smallcraft.observe.group_risk import Labelled
from smallcraft.pipeline.profiled_rows import answered_rows, typed_frame
from smallcraft.pipeline.watching.past import find_alarm
from smallcraft.pipeline.watching.project import watched_release
from smallcraft.pipeline.watching.watch import ProjectWatch
from smallcraft.pipeline.workspace import Workspace, open_registry, open_released

QUIET, MOVED = 50, 12
LABEL = "visits@before"


@pytest.fixture(scope="module")
def moved_files(tmp_path_factory):
    """Files of ages that jump after hour 50, unlabelled; looked at once. Not to be changed."""
    folder = write_watched(tmp_path_factory.mktemp("moved") / "p")
    quiet = visits(range(QUIET), unlabelled=True)
    moved = visits(range(QUIET, QUIET + MOVED), shift=15, unlabelled=True)
    pl.concat([quiet, moved]).write_csv(folder / "in/a.csv")
    with watch(folder) as watching:
        watching.look()
    return folder


@pytest.fixture
def moved(moved_files, tmp_path):
    return copy_project(moved_files, tmp_path / "moved")


def watch(folder: Path, now_s: float = LONG_AFTER) -> ProjectWatch:
    return ProjectWatch(folder, clock=lambda: now_s)


def append(folder: Path, name: str, rows: pl.DataFrame) -> None:
    rows.write_csv(folder / f"in/{name}.csv")


def test_a_shift_is_one_alarm_that_says_which_column_and_asks_for_labels(moved):
    with watch(moved) as watching:
        (alarm,) = watching.journal.alarms()
        assert watching.look().raised == ()
    assert alarm.explanation.columns == ("age",)
    assert abs(alarm.began_s - (BEGIN + QUIET * HOUR)) <= HOUR
    assert alarm.harm.verdict is HarmVerdict.UNKNOWN
    batch = [json.loads(line) for line in Path(alarm.review).read_text(encoding="utf-8").splitlines()]
    assert len(batch) > 20
    assert alarm.told == ("review",)


def test_every_window_is_weighed_once_and_none_twice(moved):
    with watch(moved) as watching:
        watching.look()
        weighed = [one.start_s for one in watching.journal.weighed(release=LABEL)]
    assert weighed == [BEGIN + hour * HOUR for hour in range(QUIET + MOVED)]


def test_labels_in_files_make_an_alarm_harmful_or_benign(moved, tmp_path):
    after = range(QUIET + MOVED, QUIET + MOVED + 4)
    right = copy_project(moved, tmp_path / "right")
    for folder, wrong in ((moved, 0.6), (right, 0.02)):
        append(folder, "b", visits(after, shift=15, wrong=wrong, rows=150))
        with watch(folder) as watching:
            watching.look()
            (first, *more) = watching.journal.alarms()
        assert first.harm.verdict is (HarmVerdict.HARMFUL if wrong > 0.5 else HarmVerdict.BENIGN)
        assert more == []
        assert first.harm.labels >= 150


def test_losses_alone_raise_an_alarm_where_no_input_moves(tmp_path):
    folder = write_watched(tmp_path / "p")
    append(folder, "a", visits(range(30)))
    append(folder, "b", visits(range(30, 44), wrong=0.5))
    with watch(folder) as watching:
        looked = watching.look()
        (alarm,) = looked.raised
    assert alarm.harm.verdict is HarmVerdict.HARMFUL
    assert alarm.explanation.suspects == ()
    assert alarm.began_s >= BEGIN + 28 * HOUR


def test_labels_that_come_by_hand_judge_the_open_alarm_and_count_once(moved):
    rows = tuple(
        Labelled(f"row-{row}", BEGIN + (QUIET + 2) * HOUR, float(row % 10 < 6)) for row in range(300)
    )
    with watch(moved) as watching:
        watching.take_labels(LABEL, rows)
        watching.take_labels(LABEL, rows)
        (alarm,) = watching.journal.alarms()
        assert (alarm.harm.verdict, alarm.harm.labels) == (HarmVerdict.HARMFUL, 300)
        assert len(watching.journal.labelled(LABEL)) == 300


def test_a_person_closes_an_alarm_once_with_a_name_and_a_reason(moved):
    with watch(moved) as watching:
        alarm = find_alarm(watching.journal, "last")
        watching.close_alarm(alarm, by="Ada", because="a new shop opened", ending=Ending.ACCEPTED)
        (closed,) = watching.journal.alarms()
        assert (closed.closing.by, closed.closing.note, closed.closing.ending) == (
            *("Ada", "a new shop opened"),
            Ending.ACCEPTED,
        )
        with pytest.raises(InvalidInputError, match="was closed by Ada"):
            watching.close_alarm(closed, by="Bob", because="me too", ending=Ending.FIXED)


def test_what_is_new_normal_is_quiet_afterwards(moved):
    with watch(moved) as watching:
        alarm = find_alarm(watching.journal, "last")
        watching.close_alarm(alarm, by="Ada", because="new shop", ending=Ending.ACCEPTED)
    append(moved, "b", visits(range(QUIET + MOVED, QUIET + MOVED + 40), shift=15, unlabelled=True))
    with watch(moved) as watching:
        assert watching.look().raised == ()


def test_segments_are_watched_each_by_itself_and_one_cause_is_one_alarm(tmp_path):
    folder = write_watched(tmp_path / "p")
    change_project(folder, "[watch]", '[watch]\nsegment = "sex"')
    quiet = visits(range(QUIET), unlabelled=True)
    moved = visits(range(QUIET, QUIET + 10), unlabelled=True).with_columns(
        pl.when(pl.col("sex") == "f").then(pl.col("age") + 40).otherwise("age").alias("age")
    )
    append(folder, "a", pl.concat([quiet, moved]))
    with watch(folder) as watching:
        (alarm,) = watching.look().raised
        segments = {one.segment for one in watching.journal.weighed(release=LABEL)}
    assert segments == {"all", "f", "m"}
    assert alarm.segment in ("f", "all")
    assert alarm.explanation.columns == ("age",)


def test_a_season_is_no_change(tmp_path):
    """Ages follow the hour of the day by three standard deviations; nothing else happens."""
    folder = write_watched(tmp_path / "p")
    change_project(folder, "[watch]", '[watch]\nseason = "hour_of_day"\nwindow = "1h"')

    def seasonal(hours):
        rows = visits(hours, rows=30, unlabelled=True)
        wave = np.sin(np.array(rows["at"] // HOUR % 24) / 24 * 2 * np.pi)
        return rows.with_columns(age=rows["age"] + pl.Series(30 * wave))

    seasonal(range(-72, 0)).write_csv(folder / "before.csv")
    append(folder, "a", seasonal(range(24 * 6)))
    with watch(folder) as watching:
        assert watching.look().raised == ()
        outcomes = {one.outcome for one in watching.journal.weighed(release=LABEL)}
    assert "quiet" in outcomes
    assert "alarm" not in outcomes


def test_settings_that_changed_hold_from_then_on_and_what_was_raised_stays(moved):
    change_project(moved, "[watch]", "[watch]\nrows_for_review = 7")
    with watch(moved) as watching:
        assert watching.look().notes == ()
    change_project(moved, "[watch]", "[watch]\nfalse_alarms_per_month = 5")
    append(moved, "b", visits(range(QUIET + MOVED, QUIET + MOVED + 3), unlabelled=True))
    with watch(moved) as watching:
        looked = watching.look()
        assert [one.outcome for one in looked.releases[LABEL].weighed] == ["undecided"] * 3
        assert len(watching.journal.alarms()) == 1
        assert watching.look().notes == ()
    assert looked.notes == ("[watch] was changed, so guardrails begin anew; windows, alarms and labels stay",)


def test_a_file_that_cannot_be_used_does_not_stop_the_watching(moved):
    append(moved, "b", visits(range(70, 72), unlabelled=True).drop("age"))
    append(moved, "c", visits(range(72, 74), unlabelled=True))
    with watch(moved) as watching:
        looked = watching.look()
    assert "column 'age' is not in in/b.csv" in looked.refused[0]
    assert looked.windows == 2


def test_another_reference_than_before_is_refused_with_the_way_out(moved):
    visits(range(-80, -40)).write_csv(moved / "before.csv")
    with watch(moved) as watching, pytest.raises(ConfigError, match="put the old file back, or delete"):
        watching.look()


def test_a_project_that_says_nothing_of_watching_is_told_how(tmp_path):
    folder = write_watched(tmp_path / "p", section="")
    with watch(folder) as watching, pytest.raises(ConfigError, match=r"no \[watch\] section.*add one"):
        watching.look()


def test_a_page_arrives_once_also_over_several_looks_and_is_signed(moved, monkeypatch):
    monkeypatch.setenv("SMALLCRAFT_WEBHOOK_SECRET", "between us")
    with receiving() as receiver:
        change_project(
            moved, "[watch]", f'[watch]\ntriggers = ["review", "page"]\nwebhook = "{receiver.url}"'
        )
        for _ in range(3):
            with watch(moved) as watching:
                watching.look()
                assert watching.settle() == {}
                (alarm,) = watching.journal.alarms()
    assert set(alarm.told) == {"review", "page"}
    (post,) = receiver.got
    assert post.is_signed_by(b"between us")
    assert not post.is_signed_by(b"another")
    assert post.headers["webhook-id"] == alarm.id
    assert json.loads(post.body)["id"] == alarm.id


def test_a_receiver_that_refuses_is_told_and_the_page_is_tried_again(moved):
    with receiving(status=503) as receiver:
        change_project(moved, "[watch]", f'[watch]\ntriggers = ["page"]\nwebhook = "{receiver.url}"')
        with watch(moved) as watching:
            watching.look()
            failed = watching.settle(within_s=0.2)
            (alarm,) = watching.journal.alarms()
    assert "page" in failed
    assert "page" not in alarm.told


# --- releases, and what a server wrote ----------------------------------------------------------------


@pytest.fixture
def served(people_built, own_keys, tmp_path):
    """A project with a release that a server feeds windows of."""
    folder = copy_project(people_built, tmp_path / "served")
    with (folder / "smallcraft.toml").open("a", encoding="utf-8") as stream:
        stream.write("\n[watch]\n")
    return folder


def feed(folder: Path, hours: range, *, older: float = 0.0, label: str = "rows@1") -> None:
    """What a server would have written of some hours."""
    registry = open_registry(folder)
    stored = registry.find("rows@1")
    bundle = open_released(Workspace(folder), registry, stored.release)
    measures = watched_release(stored, tolerance=0.02, season=None).reference.measures
    with watch(folder) as watching:
        writer = PartWriter(watching.places.parts, new_process("router"))
    for hour in hours:
        rng = np.random.default_rng(hour)
        frame = pl.DataFrame(
            {
                "age": rng.uniform(18, 80, 40) + older,
                "job": rng.choice(["clerk", "nurse", "cook"], 40),
                "insured": rng.choice(["true", "false"], 40),
            }
        )
        rows = answered_rows(bundle, typed_frame(frame, bundle.spec), source="made up")
        seen = Seen(measure_rows(replace(rows, embedding=None), measures).profile)
        span = span_of(BEGIN + hour * HOUR, HOUR)
        writer.append(span, pack_seen({SliceName(label): seen}))
    writer.close()


def test_windows_of_a_server_are_collected_weighed_and_told(served):
    feed(served, range(60))
    feed(served, range(60, 72), older=40.0)
    with watch(served) as watching:
        looked = watching.look()
        assert looked.windows == 72
        assert looked.unwatched == {}
        assert list(watching.places.parts.iterdir()) == []
    assert [alarm.release for alarm in looked.raised] == ["rows@1"]
    assert "age" in looked.raised[0].explanation.columns


def test_a_window_that_is_not_over_waits_for_its_writer(served):
    feed(served, range(2))
    with watch(served, now_s=BEGIN + 2 * HOUR - 1) as watching:
        assert watching.look().windows == 1
    with watch(served, now_s=BEGIN + 2 * HOUR + 61) as watching:
        assert watching.look().windows == 1


def test_windows_of_a_release_that_is_not_there_are_told_and_kept(served):
    feed(served, range(2), label="rows@9")
    with watch(served) as watching:
        looked = watching.look()
        assert watching.store.releases() == ("rows@9",)
        with pytest.raises(NotFoundError):
            watching.baseline("rows@9")
    assert list(looked.unwatched) == ["rows@9"]


def test_a_release_answers_files_that_have_no_answers(served):
    change_project(served, "[watch]", '[watch]\nfiles = "in/*.csv"\ntime = "at"')
    (served / "in").mkdir()
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "at": BEGIN + np.arange(120) * 60,
            "age": rng.uniform(18, 80, 120),
            "job": rng.choice(["clerk", "nurse", "cook"], 120),
            "insured": rng.choice(["True", "False"], 120),
        }
    ).with_columns(bought=(pl.col("age") > 45).cast(pl.Int64))
    append(served, "a", frame)
    with watch(served) as watching:
        looked = watching.look()
        (window, _) = watching.store.read()
        losses = [row.loss for row in watching.journal.labelled("rows@1")]
    assert (looked.windows, looked.refused) == (2, ())
    assert {"answer/class", "answer/confidence", "age", "job", "insured"} <= set(window[1][0].columns)
    assert len(losses) == 120
    assert np.mean(losses) < 0.3
