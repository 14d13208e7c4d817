"""Parts: kill -9 at any moment loses no closed window, and counts none twice."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from smallcraft.data.profiles import parts
from smallcraft.data.profiles.parts import (
    ClosedWindow,
    PartName,
    PartWriter,
    Span,
    acknowledge,
    list_closed,
    new_process,
    parse_name,
    read_part,
    set_aside,
    span_of,
)
from smallcraft.errors import IntegrityError, InvalidInputError

SPAN, NEXT = Span(3600, 60), Span(3660, 60)
AFTER_S = SPAN.end_s + 10

# Appends the next numbers to one window after the other, telling each number before and after it is noted.
WRITER = """
import sys
from pathlib import Path
from smallcraft.data.profiles.parts import PartWriter, Span, new_process
writer = PartWriter(Path(sys.argv[1]), new_process("test"))
for number in range(1_000_000):
    span = Span(number // 50 * 60, 60)
    print(number, flush=True)
    writer.append(span, b"%d" % number)
    print(-number, flush=True)
    if number % 50 == 49:
        writer.seal(span)
"""

# Moves closed windows into a store (a folder of files named by their parts), over and over.
COLLECTOR = """
import json, os, sys
from pathlib import Path
from smallcraft.data.profiles.parts import acknowledge, list_closed, read_part
folder, store = Path(sys.argv[1]), Path(sys.argv[2])
while True:
    for window in list_closed(folder, now_s=1e12):
        for name in window.parts:
            path = store / f"{name}.json"
            if not path.exists():
                aside = path.with_suffix(".new")
                aside.write_text(json.dumps([int(payload) for payload in read_part(folder, name)]))
                aside.rename(path)
                print(name, flush=True)
        acknowledge(folder, window.parts)
"""


def run(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def kill(process):
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    return output


@pytest.fixture
def writer(tmp_path):
    made = PartWriter(tmp_path, new_process("test"))
    yield made
    made.close()


def payloads(folder, window):
    return [payload for name in window.parts for payload in read_part(folder, name)]


def test_sealed_part_holds_what_was_appended(tmp_path, writer):
    writer.append(SPAN, b"one")
    writer.append(SPAN, b"two")
    writer.seal(SPAN)
    (window,) = list_closed(tmp_path, now_s=AFTER_S)
    assert window.span == SPAN
    assert payloads(tmp_path, window) == [b"one", b"two"]
    assert list_closed(tmp_path, now_s=AFTER_S) == (window,)


def test_acknowledged_parts_are_gone(tmp_path, writer):
    writer.append(SPAN, b"one")
    writer.seal(SPAN)
    (window,) = list_closed(tmp_path, now_s=AFTER_S)
    acknowledge(tmp_path, window.parts)
    acknowledge(tmp_path, window.parts)
    assert list_closed(tmp_path, now_s=AFTER_S) == ()
    assert list(tmp_path.iterdir()) == []


def test_parts_are_for_their_owner_alone(tmp_path):
    writer = PartWriter(tmp_path / "parts", new_process("test"))
    writer.append(SPAN, b"one")
    writer.close()
    (file,) = (tmp_path / "parts").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_window_that_is_not_over_is_not_listed_though_sealed(tmp_path, writer):
    writer.append(SPAN, b"one")
    writer.seal(SPAN)
    assert list_closed(tmp_path, now_s=SPAN.end_s + 4.9) == ()
    assert list_closed(tmp_path, now_s=SPAN.end_s + 5.0) != ()


def test_window_waits_for_a_living_writer_as_long_as_patience_lasts(tmp_path, writer):
    other = PartWriter(tmp_path, new_process("other"))
    for each in (writer, other):
        each.append(SPAN, b"one")
    other.seal(SPAN)
    assert list_closed(tmp_path, now_s=SPAN.end_s + 59) == ()
    (window,) = list_closed(tmp_path, now_s=SPAN.end_s + 61)
    assert len(window.parts) == 1


def test_late_part_appears_alone(tmp_path, writer):
    other = PartWriter(tmp_path, new_process("other"))
    writer.append(SPAN, b"early")
    other.append(SPAN, b"late")
    writer.seal(SPAN)
    (window,) = list_closed(tmp_path, now_s=SPAN.end_s + 61)
    acknowledge(tmp_path, window.parts)
    other.close()
    (again,) = list_closed(tmp_path, now_s=SPAN.end_s + 61)
    assert again.span == SPAN
    assert set(again.parts).isdisjoint(window.parts)
    assert payloads(tmp_path, again) == [b"late"]


def test_window_opened_again_gets_a_part_of_its_own(tmp_path, writer):
    for payload in (b"one", b"two"):
        writer.append(SPAN, payload)
        writer.seal(SPAN)
    (window,) = list_closed(tmp_path, now_s=AFTER_S)
    assert len(window.parts) == 2
    assert payloads(tmp_path, window) == [b"one", b"two"]


def test_windows_are_listed_oldest_first_each_with_its_parts(tmp_path, writer):
    for span in (NEXT, SPAN):
        writer.append(span, b"x")
    assert writer.spans == (SPAN, NEXT)
    writer.close()
    assert [window.span for window in list_closed(tmp_path, now_s=1e9)] == [SPAN, NEXT]


def test_sealing_what_was_never_opened_makes_nothing(tmp_path, writer):
    writer.seal(SPAN)
    assert list(tmp_path.iterdir()) == []


def test_refused_write_notes_nothing_and_may_be_tried_again(tmp_path, writer, monkeypatch):
    writer.append(SPAN, b"one")
    real = os.write

    def full(descriptor, data):
        monkeypatch.setattr(os, "write", refuse)
        return real(descriptor, data[:5])

    def refuse(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        writer.append(SPAN, b"two")
    monkeypatch.setattr(os, "write", real)
    writer.append(SPAN, b"two")
    writer.seal(SPAN)
    (window,) = list_closed(tmp_path, now_s=AFTER_S)
    assert payloads(tmp_path, window) == [b"one", b"two"]


def test_refused_first_write_leaves_no_file(tmp_path, writer, monkeypatch):
    real = os.write

    def refuse(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    for _ in range(3):
        with pytest.raises(OSError, match="No space left"):
            writer.append(SPAN, b"one")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(os, "write", real)
    writer.append(SPAN, b"one")
    writer.close()
    (window,) = list_closed(tmp_path, now_s=AFTER_S)
    assert payloads(tmp_path, window) == [b"one"]


def test_part_that_is_seen_under_both_names_is_listed_once(tmp_path, writer, monkeypatch):
    writer.append(SPAN, b"one")
    names = parts._names(tmp_path)
    writer.seal(SPAN)
    monkeypatch.setattr(parts, "_names", lambda folder: [*names, (names[0][0], ".part")])
    (window,) = list_closed(tmp_path, now_s=AFTER_S)
    assert window.parts == (names[0][0],)


def test_part_that_is_sealed_while_it_is_looked_at_is_listed(tmp_path, writer, monkeypatch):
    writer.append(SPAN, b"one")
    real = fcntl.flock

    def meanwhile(descriptor, how):
        monkeypatch.setattr(parts.fcntl, "flock", real)
        writer.seal(SPAN)
        raise BlockingIOError(11, "locked a moment ago")

    monkeypatch.setattr(parts.fcntl, "flock", meanwhile)
    (window,) = list_closed(tmp_path, now_s=AFTER_S)
    assert payloads(tmp_path, window) == [b"one"]


def test_collector_that_meets_a_file_before_its_lock_is_no_harm(tmp_path, writer, monkeypatch):
    real, stolen = fcntl.flock, []

    def late(descriptor, how):
        if not stolen:
            stolen.append(1)
            assert list_closed(tmp_path, now_s=AFTER_S) == ()
        real(descriptor, how)

    monkeypatch.setattr(parts.fcntl, "flock", late)
    writer.append(SPAN, b"one")
    writer.seal(SPAN)
    (window,) = list_closed(tmp_path, now_s=AFTER_S)
    assert stolen
    assert payloads(tmp_path, window) == [b"one"]


def test_torn_frame_of_a_dead_process_is_cut_off(tmp_path):
    name = PartName(SPAN, "dead", 0)
    whole = parts.HEADER + parts.frame(b"one")
    (tmp_path / f"{name}.open").write_bytes(whole + parts.frame(b"two")[:-1])
    (window,) = list_closed(tmp_path, now_s=AFTER_S)
    assert payloads(tmp_path, window) == [b"one"]
    assert (tmp_path / f"{name}.part").read_bytes() == whole


def test_dead_process_that_noted_nothing_leaves_nothing(tmp_path):
    (tmp_path / f"{PartName(SPAN, 'dead', 0)}.open").write_bytes(parts.HEADER[:4])
    assert list_closed(tmp_path, now_s=AFTER_S) == ()
    assert list(tmp_path.iterdir()) == []


def test_damaged_part_is_refused_and_set_aside_while_others_go_on(tmp_path, writer):
    writer.append(SPAN, b"sound")
    writer.close()
    name = PartName(SPAN, "dead", 0)
    data = bytearray(parts.HEADER + parts.frame(b"one") + parts.frame(b"two"))
    data[len(parts.HEADER) + 21] ^= 1
    (tmp_path / f"{name}.open").write_bytes(data)
    (window,) = list_closed(tmp_path, now_s=AFTER_S)
    assert name in window.parts
    with pytest.raises(IntegrityError, match="set it aside"):
        read_part(tmp_path, name)
    assert set_aside(tmp_path, name).read_bytes() == data
    (others,) = list_closed(tmp_path, now_s=AFTER_S)
    assert payloads(tmp_path, others) == [b"sound"]


def test_files_that_are_no_parts_are_left_alone(tmp_path):
    for name in ("README.open", "3600-60-x-0.damaged", "3600-60-x.part"):
        (tmp_path / name).write_text("other")
    assert list_closed(tmp_path, now_s=1e9) == ()
    assert len(list(tmp_path.iterdir())) == 3


def test_folder_that_is_not_there_has_no_windows(tmp_path):
    assert list_closed(tmp_path / "missing", now_s=1e9) == ()


def test_name_comes_back_from_its_text():
    name = PartName(Span(-3600, 3600), new_process("worker"), 7)
    assert parse_name(str(name)) == name
    with pytest.raises(InvalidInputError, match="take names from list_closed"):
        parse_name("3600-60-worker")


def test_process_with_a_dash_in_its_name_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="got 'a-b'; take one from new_process"):
        PartWriter(tmp_path, "a-b")


def test_no_two_starts_share_a_name():
    assert new_process("w") != new_process("w")


def test_window_of_a_time_begins_at_a_multiple_of_its_length():
    assert span_of(-0.5, 60) == Span(-60, 60)
    assert span_of(60.0, 60) == Span(60, 60)


def test_killed_writers_lose_no_frame_that_was_noted(tmp_path):
    noted, begun = set(), set()
    for _ in range(4):
        process = run(WRITER, tmp_path)
        wait_for(lambda: len(list(tmp_path.glob("*.part"))) >= 2)
        output = kill(process).split()
        told = {int(line) for line in output if line.lstrip("-").isdigit()}
        names = {window.span for window in list_closed(tmp_path, now_s=1e12)}
        found = [int(p) for window in list_closed(tmp_path, now_s=1e12) for p in payloads(tmp_path, window)]
        begun = {number for number in told if number >= 0}
        noted = {-number for number in told if number <= 0 and f"-{-number}" in output}
        assert not [number for number, count in Counter(found).items() if count > 1]
        assert noted <= set(found) <= begun | {max(begun) + 1}
        assert names == {Span(number // 50 * 60, 60) for number in found}
        for window in list_closed(tmp_path, now_s=1e12):
            acknowledge(tmp_path, window.parts)
    assert len(noted) > 50


def test_killed_collectors_lose_nothing_and_count_nothing_twice(tmp_path):
    folder, store = tmp_path / "parts", tmp_path / "store"
    store.mkdir()
    writer = run(WRITER, folder)
    try:
        for round_ in range(6):
            collector = run(COLLECTOR, folder, store)
            try:
                before = len(list(store.glob("*.json")))
                wanted = before + 3 + round_
                wait_for(lambda wanted=wanted: len(list(store.glob("*.json"))) >= wanted)
            finally:
                kill(collector)
    finally:
        told = kill(writer).split()
    for window in list_closed(folder, now_s=1e12):
        for name in window.parts:
            path = store / f"{name}.json"
            if not path.exists():
                path.write_text(json.dumps([int(payload) for payload in read_part(folder, name)]))
        acknowledge(folder, window.parts)
    found = sorted(number for path in store.glob("*.json") for number in json.loads(path.read_text()))
    assert found == list(range(len(found)))
    last_noted = max(-int(line) for line in told if line.startswith("-"))
    assert last_noted <= len(found) - 1 <= last_noted + 1
    assert not any(Path(folder).iterdir())


# Forks one process for each call that it makes of the system, which kills itself just before that call; then
# does the whole again in peace and says what is there. Of `write` half is done first.
DEATHS = """
import fcntl, json, os, shutil, signal, sys
from pathlib import Path
from smallcraft.data.profiles.framing import HEADER, frame
from smallcraft.data.profiles.parts import (
    PartName, PartWriter, Span, acknowledge, list_closed, new_process, read_part)
root, scene = Path(sys.argv[1]), sys.argv[2]
SPANS = Span(0, 60), Span(60, 60)

def write(folder, tell):
    writer = PartWriter(folder, new_process("test"))
    for number, span in enumerate((SPANS[0], SPANS[0], SPANS[1])):
        writer.append(span, b"%d" % number)
        tell(number)
    writer.seal(SPANS[0])
    writer.append(SPANS[1], b"3")
    tell(3)
    writer.close()

def collect(folder, tell):
    store = folder / "store"
    for window in list_closed(folder, now_s=1e12):
        for name in window.parts:
            path = store / f"{name}.json"
            if not path.exists():
                aside = path.with_suffix(".new")
                aside.write_text(json.dumps([payload.decode() for payload in read_part(folder, name)]))
                aside.rename(path)
        acknowledge(folder, window.parts)

def prepare(folder):
    (folder / "store").mkdir(parents=True)
    if scene == "collect":
        write(folder, lambda number: None)
        whole = HEADER + frame(b"4")
        (folder / f"{PartName(SPANS[0], 'dead', 0)}.open").write_bytes(whole + frame(b"5")[:-3])
        (folder / f"{PartName(SPANS[1], 'dead', 1)}.open").write_bytes(b"")

def die_at(last):
    calls = [0]
    def counted(name, real):
        def call(*arguments, **named):
            calls[0] += 1
            if calls[0] == last:
                if name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)
        return call
    for module, names in ((os, ("open", "write", "fsync", "close", "ftruncate")), (fcntl, ("flock",)),
                          (Path, ("rename", "unlink"))):
        for name in names:
            setattr(module, name, counted(name, getattr(module, name)))

for last in range(1, 1000):
    folder = root / str(last)
    prepare(folder)
    noted, told = os.pipe()
    out = os.fdopen(told, "wb", buffering=0)
    child = os.fork()
    if child == 0:
        die_at(last)
        {"write": write, "collect": collect}[scene](folder, lambda number: out.write(b"%d" % number))
        os._exit(0)
    died = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    out.close()
    collect(folder, None)
    stored = [json.loads(path.read_text()) for path in sorted((folder / "store").glob("*.json"))]
    found = sum(stored, [])
    left = sorted(path.name for path in folder.iterdir())
    print(json.dumps([last, list(os.read(noted, 99).decode()), found, left]))
    os.close(noted)
    shutil.rmtree(folder)
    if not died:
        break
"""


def deaths(folder, scene):
    arguments = [sys.executable, "-W", "error", "-c", DEATHS, str(folder), scene]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_writer_that_dies_at_any_call_loses_nothing_it_noted(tmp_path):
    told = deaths(tmp_path, "write")
    assert len(told) > 20
    for _, noted, found, left in told:
        assert len(found) == len(set(found))
        assert noted == sorted(found)[: len(noted)]
        assert len(found) <= len(noted) + 1
        assert left == ["store"]
    assert sorted(told[-1][2]) == ["0", "1", "2", "3"]


def test_collector_that_dies_at_any_call_counts_all_and_none_twice(tmp_path):
    told = deaths(tmp_path, "collect")
    assert len(told) > 15
    for _, _, found, left in told:
        assert sorted(found) == ["0", "1", "2", "3", "4"]
        assert left == ["store"]


def test_closed_windows_compare_by_what_they_hold():
    name = PartName(SPAN, "x", 0)
    assert ClosedWindow(SPAN, (name,)) == ClosedWindow(Span(3600, 60), (parse_name("3600-60-x-0"),))
