"""What is asked of the past: alarms by name, months beside the budget, a budget that is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.observe.conftest import alarm  # noqa: F401 - a fixture
from tests.pipeline.watching.projects import BEGIN, HOUR, LONG_AFTER, visits, write_watched
from tests.projects import copy_project

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.observe.journal import Journal
from smallcraft.pipeline.watching.past import (
    calibrate_release,
    digest_releases,
    find_alarm,
    find_release,
    whole_windows,
)
from smallcraft.pipeline.watching.watch import ProjectWatch
from smallcraft.records import Outcome

LABEL = "visits@before"
QUIET = 60


@pytest.fixture(scope="module")
def quiet_built(tmp_path_factory):
    """Sixty hours like those before, looked at once; not to be changed."""
    folder = write_watched(tmp_path_factory.mktemp("quiet") / "p")
    visits(range(QUIET), unlabelled=True).write_csv(folder / "in/a.csv")
    with ProjectWatch(folder, clock=lambda: LONG_AFTER) as watching:
        watching.look()
    return folder


@pytest.fixture
def quiet(quiet_built, tmp_path):
    folder = copy_project(quiet_built, tmp_path / "quiet")
    with ProjectWatch(folder, clock=lambda: LONG_AFTER) as watching:
        yield watching


def test_an_alarm_is_found_by_its_id_a_part_of_it_or_as_the_last(tmp_path, alarm):  # noqa: F811
    with Journal(tmp_path) as journal:
        with pytest.raises(NotFoundError, match="no alarm was raised yet"):
            find_alarm(journal, "last")
        for name in ("a@1/all/1970-01-01T05:00", "a@1/all/1970-01-01T05:00:30", "a@2/all/1970-01-02T05:00"):
            with journal.transaction():
                journal.add_alarm(replace(alarm, id=name))
        assert find_alarm(journal, "last").id == "a@2/all/1970-01-02T05:00"
        assert find_alarm(journal, "a@2").id == "a@2/all/1970-01-02T05:00"
        assert find_alarm(journal, "a@1/all/1970-01-01T05:00").id == "a@1/all/1970-01-01T05:00"
        with pytest.raises(InvalidInputError, match="stands in the ids of 2 alarms; name one of a@1"):
            find_alarm(journal, "a@1")
        with pytest.raises(NotFoundError, match="there is no alarm 'b@1'"):
            find_alarm(journal, "b@1")


def test_the_usual_release_is_the_one_whose_windows_came_last(quiet, tmp_path):
    assert find_release(quiet) == find_release(quiet, LABEL) == LABEL
    with pytest.raises(NotFoundError, match="no windows of 'visits@9'; there are those of visits@before"):
        find_release(quiet, "visits@9")
    nothing = pytest.raises(NotFoundError, match=r"serve a release with a \[watch\] section")
    with ProjectWatch(write_watched(tmp_path / "new")) as watching, nothing:
        find_release(watching)


def test_a_months_digest_counts_windows_and_the_undecided_among_them(quiet):
    (digest,) = digest_releases(quiet, now_s=LONG_AFTER, month="2026-01")
    assert (digest.windows, digest.alarms, digest.budget) == (QUIET, 0, 0.1)
    assert 0 < digest.undecided < QUIET
    assert digest_releases(quiet, now_s=LONG_AFTER) == ()
    assert digest_releases(quiet, now_s=BEGIN) == (digest,)
    for month in ("2026-13", "january", "2026-1"):
        with pytest.raises(InvalidInputError, match="a month is written like 2026-11"):
            digest_releases(quiet, now_s=LONG_AFTER, month=month)


def test_calibrating_counts_alarms_in_months_of_calm_windows(quiet):
    found = calibrate_release(quiet, LABEL, months=1, seed=3)
    assert (found.past, found.months, found.never_fires) == (QUIET, 1, 0.0)
    assert found.alarms < 3
    assert (found.outcome is Outcome.PASS) is (found.alarms == 0)
    assert found == calibrate_release(quiet, LABEL, months=1, seed=3)


def test_windows_since_a_change_are_no_past_to_draw_from(quiet):
    moved = visits(range(QUIET, QUIET + 12), shift=20, unlabelled=True)
    moved.write_csv(quiet.places.project / "in/b.csv")
    (alarm,) = quiet.look().raised  # noqa: F811
    found = calibrate_release(quiet, LABEL, months=1, seed=3)
    assert found.past == (alarm.began_s - BEGIN) // HOUR < QUIET + 3


def test_too_few_windows_are_refused_with_what_to_do(tmp_path):
    folder = write_watched(tmp_path / "p")
    visits(range(5), unlabelled=True).write_csv(folder / "in/a.csv")
    with ProjectWatch(folder, clock=lambda: LONG_AFTER) as watching:
        watching.look()
        with pytest.raises(InvalidInputError, match="at least 48 past windows and a month, got 5"):
            calibrate_release(watching, LABEL, months=1, seed=0)


def test_windows_of_segments_are_put_together(tmp_path):
    folder = write_watched(tmp_path / "p")
    project = folder / "smallcraft.toml"
    text = project.read_text(encoding="utf-8").replace("[watch]", '[watch]\nsegment = "sex"')
    project.write_text(text, encoding="utf-8")
    rows = visits(range(3), unlabelled=True)
    rows.write_csv(folder / "in/a.csv")
    with ProjectWatch(folder, clock=lambda: LONG_AFTER) as watching:
        watching.look()
        found = list(whole_windows(watching.store, LABEL, seconds=HOUR))
        assert list(whole_windows(watching.store, LABEL, seconds=60)) == []
    assert [window.profile.n for window in found] == [40, 40, 40]
