"""Files become windows: each row once, whatever is added, changed or killed meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from tests.pipeline.watching.projects import (
    BEGIN,
    HOUR,
    LONG_AFTER,
    SECTION,
    rows_by_start,
    stored,
    visits,
    write_watched,
)
from tests.projects import change_project

from smallcraft.errors import ConfigError
from smallcraft.observe.store import WindowStore
from smallcraft.observe.window_rows import read_windows
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.watching.files import FilesRead, read_watched_files
from smallcraft.pipeline.watching.files_done import FilesDone
from smallcraft.pipeline.watching.project import WatchPlaces
from smallcraft.pipeline.watching.reference import reference_of_files


@pytest.fixture
def project(tmp_path):
    return write_watched(tmp_path / "p")


@pytest.fixture
def read(project):
    """A look at the files; what is done is remembered between two."""
    known = [FilesDone()]

    def look(*, now_s=LONG_AFTER, weighed_s=None):
        config = load_config(project)
        found = read_watched_files(
            config,
            reference_of_files(config, project).asked,
            WindowStore(WatchPlaces(project).store),
            done=known[0],
            now_s=now_s,
            weighed_s=weighed_s,
        )
        known[0] = found.done
        return found

    return look


def starts(folder):
    return {name.start_s: n for name, n in stored(folder).items()}


def test_every_row_is_in_the_window_of_its_time_once(project, read):
    rows = visits(range(5))
    rows.sample(fraction=1.0, shuffle=True, seed=1).write_csv(project / "in/a.csv")
    found = read()
    assert starts(project) == rows_by_start(rows)
    assert [name.start_s for name in found.windows] == [BEGIN + hour * HOUR for hour in range(5)]
    assert (found.notes, found.refused) == ((), ())
    assert read().windows == ()
    assert starts(project) == rows_by_start(rows)


def test_a_window_of_several_files_is_one_window(project, read):
    rows = visits(range(4))
    for name, part in (("z", rows[:30]), ("b", rows[30:100]), ("a", rows[100:])):
        part.write_csv(project / f"in/{name}.csv")
    read()
    windows = list(read_windows(WindowStore(WatchPlaces(project).store), with_late=False))
    assert {window.name.start_s: window.profile.n for window in windows} == rows_by_start(rows)
    assert all(window.late == 0 for window in windows)


def test_a_file_that_is_lost_in_memory_alone_is_read_again_and_nothing_counts_twice(project, read, tmp_path):
    visits(range(3)).write_csv(project / "in/a.csv")
    read()
    before = starts(project)
    config = load_config(project)
    again = read_watched_files(
        config,
        reference_of_files(config, project).asked,
        WindowStore(WatchPlaces(project).store),
        done=FilesDone(),
        now_s=LONG_AFTER,
        weighed_s=None,
    )
    assert again.windows == ()
    assert len(again.labelled) == 3 * 40
    assert starts(project) == before


def test_a_window_waits_until_it_is_over_and_its_file_is_not_read_before(project, read):
    rows = visits(range(3))
    rows.write_csv(project / "in/a.csv")
    end = BEGIN + 3 * HOUR
    assert len(read(now_s=end - 1).windows) == 2
    (done,) = read(now_s=end - 1).done.files.values()
    assert done.again_s == end
    # The same length and time of writing, so it is taken for the same file, and not opened.
    found = (project / "in/a.csv").stat()
    (project / "in/a.csv").write_bytes(b"x" * found.st_size)
    os.utime(project / "in/a.csv", ns=(found.st_mtime_ns, found.st_mtime_ns))
    assert read(now_s=end - 1).refused == ()
    rows.write_csv(project / "in/a.csv")
    assert [name.start_s for name in read(now_s=end).windows] == [BEGIN + 2 * HOUR]
    assert starts(project) == rows_by_start(rows)


def test_a_file_may_grow(project, read):
    rows = visits(range(6))
    for hours in (2, 4, 6):
        rows[: hours * 40].write_csv(project / "in/a.csv")
        assert len(read().windows) == 2
    assert starts(project) == rows_by_start(rows)


def test_a_file_whose_counted_rows_changed_is_refused_and_the_others_go_on(project, read):
    rows = visits(range(4))
    rows[:80].write_csv(project / "in/a.csv")
    read()
    rows[1:80].write_csv(project / "in/a.csv")
    rows[80:].write_csv(project / "in/b.csv")
    found = read()
    (message,) = found.refused
    assert "a.csv: its rows from 2026-01-01 00:00 UTC were counted and changed since" in message
    assert "put them back as they were" in message
    assert [name.start_s for name in found.windows] == [BEGIN + 2 * HOUR, BEGIN + 3 * HOUR]
    rows[:80].write_csv(project / "in/a.csv")
    assert read().refused == ()
    assert starts(project) == rows_by_start(rows)


def test_files_of_one_name_in_two_folders_are_two_files(project, read):
    change_project(project, "in/*.csv", "in/*/x.csv")
    rows = visits(range(2))
    for folder, part in (("a", rows[:40]), ("b", rows[40:])):
        (project / "in" / folder).mkdir()
        part.write_csv(project / f"in/{folder}/x.csv")
    assert read().refused == ()
    assert starts(project) == rows_by_start(rows)


def test_labels_that_come_later_into_a_file_are_losses_and_its_windows_are_not_counted_again(project, read):
    visits(range(2), unlabelled=True).write_csv(project / "in/a.csv")
    assert read().labelled == ()
    rows = visits(range(2))
    rows.write_csv(project / "in/a.csv")
    found = read()
    assert (found.windows, found.refused) == ((), ())
    assert len(found.labelled) == rows.height
    wrong = (rows["said"] != rows["bought"]).to_list()
    assert [row.loss for row in found.labelled] == [float(is_wrong) for is_wrong in wrong]
    assert [row.groups for row in found.labelled] == [(f"sex={value}",) for value in rows["sex"]]
    assert len({row.item for row in found.labelled}) == rows.height


def test_rows_without_a_time_are_told_and_left_out(project, read):
    rows = visits(range(2)).with_columns(
        pl.when(pl.int_range(pl.len()) % 8 == 0).then(None).otherwise("at").alias("at")
    )
    rows.write_csv(project / "in/a.csv")
    assert read().notes == ("10 of 80 rows of in/a.csv have no time; left out",)
    assert sum(starts(project).values()) == 70


def test_records_that_are_no_rows_are_told_and_the_others_counted(project, read):
    visits(range(2)).write_csv(project / "in/a.csv")
    with (project / "in/a.csv").open("a", encoding="utf-8") as stream:
        stream.write("one,two\n")
    (note,) = read().notes
    assert note.startswith("1 records of in/a.csv are no rows and were left out; the first: ")
    assert sum(starts(project).values()) == 80


def test_windows_that_come_after_later_ones_were_weighed_are_told(project, read):
    visits(range(3)).write_csv(project / "in/a.csv")
    (note,) = read(weighed_s=BEGIN + HOUR).notes
    assert note.startswith("2 windows came after the one from 2026-01-01 01:00 UTC was weighed")


def test_segments_are_windows_of_their_own(project, read):
    change_project(project, "[watch]", '[watch]\nsegment = "job"')
    rows = visits(range(2)).with_columns(
        pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise("job").alias("job")
    )
    rows.write_csv(project / "in/a.csv")
    read()
    found = {(name.start_s, name.segment): n for name, n in stored(project).items()}
    assert {segment for _, segment in found} == {"clerk", "cook", "nurse", "unknown"}
    counted = rows.with_columns(rows["job"].fill_null("unknown")).group_by(rows["at"] // HOUR, "job").len()
    assert found == {(at * HOUR, job): n for at, job, n in counted.iter_rows()}


def test_examples_are_kept_unless_they_may_not_be(project, read):
    visits(range(1)).write_csv(project / "in/a.csv")
    read()
    (window,) = read_windows(WindowStore(WatchPlaces(project).store))
    assert window.kept is not None
    assert {json.loads(row.record)["job"] for row in window.kept.random} <= {"clerk", "nurse", "cook"}
    change_project(project, "[watch]", "[watch]\nkeep_examples = false")
    visits(range(1, 2)).write_csv(project / "in/b.csv")
    read()
    *_, last = read_windows(WindowStore(WatchPlaces(project).store))
    assert last.kept is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.drop("said"), "column 'said' is not in in/bad.csv"),
        (lambda rows: rows.drop("age"), "column 'age' is not in in/bad.csv"),
        (lambda rows: rows.rename({"at": "att"}), "did you mean 'att'"),
        (lambda rows: rows.with_columns(at=pl.lit("soon")), "must hold times, such as 2026-01-31T14:05:00"),
        (lambda rows: rows.with_columns(at=pl.lit(7)), "got '7'; name another one as time in [watch]"),
    ],
    ids=["prediction", "input", "time", "words", "numbers"],
)
def test_a_file_that_cannot_be_used_is_told_with_the_remedy_and_the_others_go_on(change, said, project, read):
    visits(range(2)).write_csv(project / "in/a.csv")
    change(visits(range(2, 4))).write_csv(project / "in/bad.csv")
    found = read()
    (message,) = found.refused
    assert said in message
    assert len(found.windows) == 2
    assert "in/bad.csv" not in found.done.files


def test_an_hour_without_rows_is_no_error_and_may_be_filled_later(project, read):
    rows = visits(range(2))
    rows[:0].write_csv(project / "in/a.csv")
    assert read() == FilesRead(done=read().done)
    rows.write_csv(project / "in/a.csv")
    assert len(read().windows) == 2
    (project / "in/b.csv").write_bytes(b"")
    assert len(read().refused) == 1


def test_a_segment_of_too_many_values_is_refused(project, read):
    change_project(project, "[watch]", '[watch]\nsegment = "age"')
    visits(range(4)).write_csv(project / "in/a.csv")
    (message,) = read().refused
    assert "'age' of in/a.csv has" in message
    assert "name a column of at most 100 in [watch]" in message


def test_no_file_is_told(read):
    (message,) = read().refused
    assert "no file matches the glob" in message


def test_without_a_column_of_times_files_are_refused(project, read):
    change_project(project, 'time = "at"\n', "")
    with pytest.raises(ConfigError, match=r'add time = "<column>" there, or to \[data\]'):
        read()


# Looks as `smallcraft watch --once` does, killed before its n-th write, for one n after the other, each in a
# copy of its own; then looks again. Prints what each one ended with.
KILLED = """
import hashlib, json, os, shutil, signal, sys
from pathlib import Path
from tests.pipeline.watching.projects import LONG_AFTER, digest_of
from smallcraft.observe.journal import Journal
from smallcraft.pipeline.watching.watch import ProjectWatch

project, most = Path(sys.argv[1]), int(sys.argv[2])
kept, count = Journal.mark_weighed, 0

def note(limit):
    global count
    count += 1
    if count == limit:
        os.kill(os.getpid(), signal.SIGKILL)

def look(folder, limit):
    def audit(event, arguments):
        if event in ("os.rename", "os.remove") and ".smallcraft" in str(arguments[0]):
            note(limit)
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes and ".smallcraft" in str(arguments[0]):
            note(limit)
    def mark(self, *given):
        kept(self, *given)
        note(limit)
    if limit:
        sys.addaudithook(audit)
        Journal.mark_weighed = mark
    with ProjectWatch(folder, clock=lambda: LONG_AFTER) as watching:
        watching.look()

def told(folder):
    with ProjectWatch(folder, clock=lambda: LONG_AFTER) as watching:
        journal = watching.journal
        labelled = journal.labelled("visits@before")
        state = [digest_of(folder), *map(repr, journal.weighed()), *map(repr, labelled)]
    return hashlib.sha256("".join(state).encode()).hexdigest()

def child(work):
    number = os.fork()
    if not number:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])

for limit in range(most + 1):
    folder = project.parent / f"copy-{limit}"
    shutil.copytree(project, folder)
    code = child(lambda: look(folder, limit))
    if code:
        assert code == -9, code
        assert child(lambda: look(folder, 0)) == 0
    read, write = os.pipe()
    assert child(lambda: os.write(write, told(folder).encode())) == 0
    print(code, os.read(read, 100).decode(), flush=True)
    os.close(read), os.close(write)
    shutil.rmtree(folder)
    if limit and not code:
        break
"""


@pytest.mark.slow
def test_killed_before_any_write_no_window_is_lost_and_none_is_there_twice(project):
    rows = visits(range(4))
    rows[:50].write_csv(project / "in/a.csv")
    rows[50:].write_csv(project / "in/b.csv")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(project), "60"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    codes, states = zip(*(line.split() for line in done.stdout.splitlines()), strict=True)
    killed = [code for code in codes if code == "-9"]
    assert len(killed) > 12
    assert codes == ("0", *killed, "0")
    assert len(set(states)) == 1


def test_growing_and_killing_leave_what_one_look_would_have(project, read, tmp_path):
    rows = visits(range(6))
    for end in (70, 150, 240):
        rows[:end].write_csv(project / "in/a.csv")
        read(now_s=float(rows["at"][: end - 1].max() // HOUR * HOUR))
    read()
    other = write_watched(tmp_path / "other", section=SECTION)
    rows.write_csv(other / "in/a.csv")
    config = load_config(other)
    read_watched_files(
        config,
        reference_of_files(config, other).asked,
        WindowStore(WatchPlaces(other).store),
        done=FilesDone(),
        now_s=LONG_AFTER,
        weighed_s=None,
    )
    one, two = (
        [window.profile for window in read_windows(WindowStore(WatchPlaces(folder).store))]
        for folder in (project, other)
    )
    assert one == two
    assert np.sum([profile.n for profile in one]) == 240
