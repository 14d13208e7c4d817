"""The store of windows: nothing lost, nothing twice, wherever the writer was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.observe import store as store_module
from smallcraft.observe.store import Wanted, WindowStore, put_together
from smallcraft.observe.windows import StoredWindow, WindowName

HOUR = 3600


def window(hour: int, *, release: str = "a@1", segment: str = "all", part: str = "p") -> StoredWindow:
    name = WindowName(hour * HOUR, HOUR, release, segment)
    columns = {"age": bytes([hour % 256, 1]), "job": b"j" * 20}
    return StoredWindow(name, 10 + hour, columns, (f"{part}-{hour}",))


@pytest.fixture
def store(tmp_path):
    return WindowStore(tmp_path / "windows")


def all_of(store: WindowStore, wanted: Wanted | None = None) -> list[StoredWindow]:
    return [each for _, windows in store.read(wanted or Wanted()) for each in windows]


def test_what_is_written_is_read_back(store):
    given = [window(hour) for hour in (3, 1, 2)]
    assert [store.append(each) for each in given] == [True] * 3
    assert all_of(store) == sorted(given, key=lambda each: each.name)


def test_parts_count_once(store):
    assert store.append(window(1))
    assert not store.append(window(1))
    assert len(all_of(store)) == 1
    assert store.parts_of(window(1).name) == {"p-1"}


def test_late_parts_become_a_correction_that_is_read_last(store):
    late = replace(window(1, part="z"), n=1)
    later = replace(window(1, part="a"), n=2)
    for each in (window(1), late, later):
        store.append(each)
    ((_, found),) = store.read()
    assert found == (window(1), late, later)
    assert put_together(found) == ("a-1", "p-1", "z-1")


def test_parts_that_are_stored_are_not_merged_with_new_ones(store):
    store.append(window(1))
    with pytest.raises(InvalidInputError, match="merge the new ones alone"):
        store.append(replace(window(1), parts=("p-1", "q-1")))


def test_a_window_without_columns_or_parts_is_refused(store):
    with pytest.raises(InvalidInputError, match="nothing to keep"):
        store.append(replace(window(1), columns={}))


def test_only_what_is_wanted_is_read(store):
    for hour in range(4):
        for release in ("a@1", "a@2"):
            store.append(window(hour, release=release))
    store.append(window(1, segment="north"))
    wanted = Wanted(release="a@1", segment="all", since_s=HOUR, until_s=3 * HOUR, columns=("age",))
    assert all_of(store, wanted) == [
        replace(window(hour), columns={"age": bytes([hour, 1])}) for hour in (1, 2)
    ]


def test_windows_of_several_months_are_read_in_order(store):
    hours = [0, 24 * 31, 24 * 70]
    for hour in reversed(hours):
        store.append(window(hour))
    assert store.months() == ("1970-01", "1970-02", "1970-03")
    assert [name.start_s for name, _ in store.read()] == [hour * HOUR for hour in hours]
    assert [each.name.start_s for each in all_of(store, Wanted(since_s=HOUR))] == [
        hour * HOUR for hour in hours[1:]
    ]


def test_compacting_changes_nothing_that_is_read(store):
    for hour in range(5):
        store.append(window(hour))
    store.append(window(2, part="late"))
    before = all_of(store)
    assert store.compact("1970-01", at_least=2)
    assert len(list((store.folder / "1970-01").iterdir())) == 1
    assert all_of(store) == before
    assert not store.append(window(3))
    store.append(window(9))
    assert store.compact("1970-01", at_least=1)
    assert len(all_of(store)) == len(before) + 1


def test_few_files_are_left_alone(store):
    store.append(window(1))
    assert not store.compact("1970-01")


def test_a_file_that_was_put_together_and_not_deleted_counts_once(store):
    for hour in range(3):
        store.append(window(hour))
    folder = store.folder / "1970-01"
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    store.compact("1970-01", at_least=1)
    for name, data in kept.items():
        (folder / name).write_bytes(data)
    assert len(all_of(store)) == 3
    assert not store.compact("1970-01", at_least=1)
    assert len(list(folder.glob("w-*"))) == 0


def test_rows_of_each_window_are_counted_with_corrections_and_segments(store):
    given = [window(1), replace(window(1, part="z"), n=5), window(2)]
    for each in given:
        store.append(each)
    other = replace(window(2), name=replace(window(2).name, segment="north"), n=3)
    store.append(other)
    first, second = (window(hour).name.start_s for hour in (1, 2))
    counted = {first: window(1).n + 5, second: window(2).n + 3}
    assert store.rows_by_start(window(1).name.release) == counted
    store.compact(window(1).name.month, at_least=2)
    assert store.rows_by_start(window(1).name.release) == counted
    assert store.rows_by_start("nobody@1") == {}


def test_a_damaged_file_is_named(store):
    store.append(window(1))
    (file,) = (store.folder / "1970-01").iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(IntegrityError, match=file.name):
        all_of(store)


def test_an_empty_store_has_no_windows(store):
    assert (all_of(store), store.months()) == ([], ())


def test_files_that_were_put_together_are_put_together_again(store, monkeypatch):
    monkeypatch.setattr(store_module, "COMPACT_AGAIN", 3)
    given = [window(hour) for hour in range(9)]
    counts = []
    for each in given:
        store.append(each)
        store.compact("1970-01", at_least=1)
        assert all_of(store) == given[: len(all_of(store))]
        counts.append(len(list((store.folder / "1970-01").iterdir())))
    assert counts == [1, 2, 1, 2, 1, 2, 1, 2, 1]
    monkeypatch.setattr(store_module, "_LARGE_BYTES", 1)
    for hour in range(9, 13):
        store.append(window(hour))
        store.compact("1970-01", at_least=1)
    assert len(list((store.folder / "1970-01").iterdir())) == 5
    assert all_of(store) == [window(hour) for hour in range(13)]


@given(
    hours=st.lists(st.integers(0, 6), max_size=12),
    compacts=st.sets(st.integers(0, 11)),
    twice=st.sets(st.integers(0, 11)),
)
@settings(max_examples=12, deadline=None)
def test_whatever_is_compacted_when_what_is_read_is_what_was_written(hours, compacts, twice):
    """Windows and late parts in any order, some written twice."""
    with tempfile.TemporaryDirectory() as folder:
        store, written = WindowStore(Path(folder)), {}
        for step, hour in enumerate(hours):
            part = replace(window(hour), n=step, parts=(f"p-{step}",))
            for _ in range(1 + (step in twice)):
                store.append(part)
            written.setdefault(part.name, []).append(part)
            if step in compacts:
                store.compact("1970-01", at_least=1)
        assert dict(store.read()) == {name: tuple(parts) for name, parts in sorted(written.items())}


# A process for each call that the store makes of the system: it kills itself just before that call (of the
# rows' bytes half are written first). Then others read, do the same again in peace, and read again.
DEATHS = """
import io, json, os, shutil, signal, sys
from pathlib import Path
import polars
from smallcraft.observe import store as module
from smallcraft.observe.store import WindowStore
from smallcraft.observe.windows import StoredWindow, WindowName
module.COMPACT_AGAIN = 2

def append(store, hours):
    for hour in hours:
        name = WindowName(hour * 3600, 3600, "a@1")
        store.append(StoredWindow(name, hour, {"x": b"b" * 99}, (f"p-{hour}",)))

def prepare(store):
    append(store, range(3))
    store.compact("1970-01", at_least=1)
    append(store, range(3, 6))

def act(store):
    append(store, (5, 6)) if sys.argv[2] == "append" else store.compact("1970-01", at_least=1)

def tell(store):
    files = sorted(file.suffix for file in (store.folder / "1970-01").iterdir())
    print(json.dumps([[[each.n for each in rows] for _, rows in store.read()], files]), flush=True)

def die_at(last):
    calls = [0]
    def counted(name, real):
        def call(*arguments, **named):
            calls[0] += 1
            if calls[0] == last:
                if name == "write_parquet":
                    whole = io.BytesIO()
                    real(arguments[0], whole)
                    arguments[1].write(whole.getvalue()[: whole.tell() // 2])
                    arguments[1].flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)
        return call
    for owner, names in ((os, ("open", "fsync", "close")), (polars.DataFrame, ("write_parquet",)),
                         (Path, ("open", "replace", "unlink", "mkdir"))):
        for name in names:
            setattr(owner, name, counted(name, getattr(owner, name)))

def apart(work, *arguments):
    # The one who forks never touches a table: threads of polars do not live on in a child.
    child = os.fork()
    if child == 0:
        work(*arguments)
        sys.stdout.flush()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])

def dying(store, last):
    die_at(last)
    act(store)

for last in range(1, 1000):
    store = WindowStore(Path(sys.argv[1]) / str(last))
    apart(prepare, store)
    died = apart(dying, store, last)
    apart(tell, store)
    apart(act, store)
    apart(tell, store)
    shutil.rmtree(store.folder)
    if not died:
        break
"""


@pytest.mark.parametrize("scene", ["append", "compact"])
def test_a_writer_that_dies_at_any_call_loses_nothing_and_counts_nothing_twice(tmp_path, scene):
    arguments = [sys.executable, "-W", "error", "-c", DEATHS, str(tmp_path), scene]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(told) > 14
    before, after = [[[hour] for hour in range(hours)] for hours in (6, 7)]
    for (found, _), (again, files) in zip(told[::2], told[1::2], strict=True):
        assert found in (before, after if scene == "append" else before)
        assert again == (after if scene == "append" else before)
        assert files == [".parquet"] * (5 if scene == "append" else 1)


WRITE_UNTIL_KILLED = """
import itertools, sys
from pathlib import Path
from smallcraft.observe.store import WindowStore
from smallcraft.observe.windows import StoredWindow, WindowName
store = WindowStore(Path(sys.argv[1]))
for hour in itertools.count():
    store.append(StoredWindow(WindowName(hour * 3600, 3600, "a@1"), hour, {"x": b"b" * 500}, (f"p-{hour}",)))
    print(hour, flush=True)
    store.compact("1970-01", at_least=5)
"""


def test_a_killed_writer_loses_no_window_and_counts_none_twice(store):
    child = subprocess.Popen(
        [sys.executable, "-c", WRITE_UNTIL_KILLED, str(store.folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        written = [int(child.stdout.readline()) for _ in range(23)]
    finally:
        os.kill(child.pid, signal.SIGKILL)
        written += [int(line) for line in child.stdout.read().split()]
        child.stdout.close()
        child.wait()
    found = [each.n for each in all_of(store)]
    assert found[: len(written)] == written
    assert found in (written, [*written, len(written)])
