"""The collector: closed windows are lost nowhere and counted once, whoever is killed when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from smallcraft.data.profiles.categories import profile_categories
from smallcraft.data.profiles.kept import KeepLimits, KeptRow, keep_rows
from smallcraft.data.profiles.numeric import profile_numbers
from smallcraft.data.profiles.packing import Seen, pack_seen
from smallcraft.data.profiles.parts import PartWriter, Span, new_process
from smallcraft.data.profiles.profile import Profile, SliceName
from smallcraft.observe import collecting
from smallcraft.observe.collecting import collect
from smallcraft.observe.store import WindowStore
from smallcraft.observe.window_rows import over_segments, read_windows

HOUR = 3600
SPAN = Span(0, HOUR)
LATER_S = 2 * HOUR


def payload(values: list[float], *, release: str = "a@1", segment: str = "all", seed: int = 0) -> bytes:
    columns = {
        "age": profile_numbers(np.array(values)),
        "job": profile_categories(["x" if value > 1 else None for value in values]),
    }
    rows = [KeptRow(seed + draw, f'{{"age": {value}}}') for draw, value in enumerate(values)]
    seen = Seen(Profile(len(values), 0, columns), keep_rows(rows, n=len(rows), limits=KeepLimits(3, 1, 1)))
    return pack_seen({SliceName(release, segment): seen})


def write_part(folder, payloads, *, span: Span = SPAN) -> None:
    writer = PartWriter(folder, new_process("worker"))
    for each in payloads:
        writer.append(span, each)
    writer.seal(span)


@pytest.fixture
def parts(tmp_path):
    return tmp_path / "parts"


@pytest.fixture
def store(tmp_path):
    return WindowStore(tmp_path / "windows")


def test_parts_of_several_processes_become_one_window(parts, store):
    write_part(parts, [payload([1.0, 2.0]), payload([3.0], seed=10)])
    write_part(parts, [payload([4.0], seed=20)])
    assert len(collect(parts, store, now_s=LATER_S).windows) == 1
    (window,) = read_windows(store)
    assert (window.profile.n, window.profile.columns["age"].mean, window.late) == (4, 2.5, 0)
    assert window.profile.columns["job"].as_mapping() == {"x": 3}
    assert [row.draw for row in window.kept.random] == [0, 1, 10]
    assert list(parts.iterdir()) == []


def test_an_open_window_is_left_alone(parts, store):
    write_part(parts, [payload([1.0])])
    assert collect(parts, store, now_s=HOUR - 1).windows == ()
    assert len(list(parts.iterdir())) == 1


def test_late_parts_are_added_and_told(parts, store):
    write_part(parts, [payload([1.0])])
    collect(parts, store, now_s=LATER_S)
    write_part(parts, [payload([5.0, 6.0], seed=5)])
    assert len(collect(parts, store, now_s=LATER_S).windows) == 1
    ((closed,), (corrected,)) = (list(read_windows(store, with_late=late)) for late in (False, True))
    assert (closed.profile.n, closed.late) == (1, 0)
    assert (corrected.profile.n, corrected.late) == (3, 1)


def test_releases_and_segments_are_windows_of_their_own(parts, store):
    write_part(parts, [payload([1.0], segment="north"), payload([2.0, 3.0], segment="south", seed=9)])
    write_part(parts, [payload([9.0], release="a@2")])
    collect(parts, store, now_s=LATER_S)
    found = {(window.name.release, window.name.segment): window for window in read_windows(store)}
    assert {name: window.profile.n for name, window in found.items()} == {
        ("a@1", "north"): 1,
        ("a@1", "south"): 2,
        ("a@2", "all"): 1,
    }
    both = over_segments([found["a@1", "north"], found["a@1", "south"]])
    assert (both.name.segment, both.profile.n, both.profile.columns["age"].mean) == ("all", 3, 2.0)


def test_a_damaged_part_is_set_aside_and_the_others_go_on(parts, store):
    write_part(parts, [payload([1.0])])
    (damaged,) = parts.iterdir()
    damaged.write_bytes(damaged.read_bytes()[:-3])
    write_part(parts, [payload([2.0])])
    found = collect(parts, store, now_s=LATER_S)
    assert len(found.damaged) == 1
    assert [window.profile.n for window in read_windows(store)] == [1]
    assert [file.suffix for file in parts.iterdir()] == [".damaged"]


@pytest.mark.parametrize("dies_at", ["append", "acknowledge", "compact"])
def test_a_collector_that_dies_and_runs_again_counts_once(parts, store, monkeypatch, dies_at):
    write_part(parts, [payload([1.0, 2.0], segment="north"), payload([3.0], segment="south", seed=7)])

    def die(*args, **kwargs):
        raise OSError("killed here")

    with monkeypatch.context() as patched:
        target = collecting if dies_at == "acknowledge" else WindowStore
        kept = WindowStore.append
        if dies_at == "append":
            calls = iter([kept])
            patched.setattr(target, "append", lambda *args: next(calls, die)(*args))
        else:
            patched.setattr(target, dies_at, die)
        with pytest.raises(OSError, match="killed here"):
            collect(parts, store, now_s=LATER_S)
    write_part(parts, [payload([4.0], segment="south", seed=70)])
    collect(parts, store, now_s=LATER_S)
    assert {window.name.segment: window.profile.n for window in read_windows(store)} == {
        "north": 2,
        "south": 2,
    }


WRITE_AND_COLLECT = """
import sys
from pathlib import Path
import numpy as np
from smallcraft.data.profiles.numeric import profile_numbers
from smallcraft.data.profiles.packing import Seen, pack_seen
from smallcraft.data.profiles.parts import PartWriter, Span, new_process
from smallcraft.data.profiles.profile import Profile, SliceName
from smallcraft.observe.collecting import collect
from smallcraft.observe.store import WindowStore
root = Path(sys.argv[1])
store, writer = WindowStore(root / "windows"), PartWriter(root / "parts", new_process("worker"))
seen = Seen(Profile(2, 0, {"age": profile_numbers(np.array([1.0, 2.0]))}))
for hour in range(int(sys.argv[2]), 10_000):
    span = Span(hour * 3600, 3600)
    writer.append(span, pack_seen({SliceName("a@1"): seen}))
    writer.seal(span)
    print(hour, flush=True)
    collect(root / "parts", store, now_s=span.end_s + 100)
"""


def test_killing_while_windows_are_written_loses_none_and_counts_none_twice(tmp_path, parts, store):
    first = 0
    for rounds in (9, 14):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITE_AND_COLLECT, str(tmp_path), str(first)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            closed = [int(child.stdout.readline()) for _ in range(rounds)]
        finally:
            os.kill(child.pid, signal.SIGKILL)
            closed += [int(line) for line in child.stdout.read().split()]
            child.stdout.close()
            child.wait()
        collect(parts, store, now_s=(closed[-1] + 2) * HOUR + 100)
        found = {window.name.start_s // HOUR: window.profile.n for window in read_windows(store)}
        # A window that was sealed and not yet told is there too, and whole.
        assert set(found) >= set(range(closed[-1] + 1))
        assert set(found.values()) == {2}
        first = max(found) + 1
