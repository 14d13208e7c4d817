"""What is remembered: whole or not at all, and charged its cost once in every piece of work that uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.jobs import burn

import smallcraft
from smallcraft.engine import engines
from smallcraft.engine.engines import Engine
from smallcraft.models import memory as memory_module
from smallcraft.models.memory import CpuMeter, Memory


class Clock:
    """Process time that passes only when work says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def process_time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(memory_module.time, "process_time", clock.process_time)
    return clock


class Work:
    """Makes arrays, takes its time, and counts how often."""

    def __init__(self, clock: Clock, seconds: float, value: float = 1.0) -> None:
        self.clock, self.seconds, self.value, self.done = clock, seconds, value, 0

    def __call__(self):
        self.done += 1
        self.clock.now += self.seconds
        return {"value": np.array([self.value])}


def test_what_was_computed_is_computed_once_and_read_back(tmp_path, clock):
    work, memory = Work(clock, 2), Memory(tmp_path)
    for store in (memory, memory, Memory(tmp_path)):
        assert store.recall("deep/er/name", work)["value"].tolist() == [1.0]
    assert work.done == 1
    assert [path.name for path in (tmp_path / "deep" / "er").iterdir()] == ["name.npz"]


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {
        "floats": np.array([[1.5, np.nan]], dtype=np.float32),
        "bytes": np.frombuffer(b"\x00\xff", dtype=np.uint8),
        "scalar": np.array(7),
        "empty": np.empty((0, 3)),
    }
    Memory(tmp_path).recall("x", lambda: arrays)
    found = Memory(tmp_path).recall("x", lambda: pytest.fail("it is there"))
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(found[name], array, equal_nan=array.dtype.kind == "f")


def test_nothing_at_all_can_be_remembered(tmp_path):
    Memory(tmp_path).recall("x", dict)
    assert Memory(tmp_path).recall("x", lambda: pytest.fail("it is there")) == {}


# --- cost --------------------------------------------------------------------------------


def test_cost_is_charged_again_on_replay(tmp_path, clock):
    work = Work(clock, 3)
    for store in (memory := Memory(tmp_path), memory, Memory(tmp_path)):
        meter = CpuMeter(store)
        store.recall("x", work)
        clock.now += 0.5
        assert meter.seconds() == pytest.approx(3.5)


def test_cost_is_charged_once_however_often_one_piece_of_work_asks(tmp_path, clock):
    for store in (Memory(tmp_path), Memory(tmp_path)):
        meter = CpuMeter(store)
        for _ in range(3):
            store.recall("x", Work(clock, 3))
        assert meter.seconds() == pytest.approx(3)


def fold_work(store: Memory, clock: Clock) -> None:
    """Five folds that share a search, as boosted trees do."""

    def fold():
        store.recall("rounds", Work(clock, 10))
        return Work(clock, 1)()

    for number in range(5):
        store.recall(f"fold{number}", fold)


def test_shared_work_inside_remembered_work_is_charged_once(tmp_path, clock):
    for store in (memory := Memory(tmp_path), memory, Memory(tmp_path)):
        meter = CpuMeter(store)
        fold_work(store, clock)
        assert meter.seconds() == pytest.approx(15)


def test_a_part_read_back_alone_brings_the_cost_of_what_it_used(tmp_path, clock):
    fold_work(Memory(tmp_path), clock)
    store = Memory(tmp_path)
    meter = CpuMeter(store)
    store.recall("fold3", Work(clock, 99))
    assert meter.seconds() == pytest.approx(11)


def test_a_resumed_build_costs_what_a_fresh_one_does(tmp_path, clock):
    fold_work(Memory(tmp_path), clock)
    for name in ("fold0", "fold4"):
        (tmp_path / f"{name}.npz").unlink()
    store = Memory(tmp_path)
    meter = CpuMeter(store)
    fold_work(store, clock)
    assert meter.seconds() == pytest.approx(15)


def test_tracked_work_is_charged_with_all_it_used(tmp_path, clock):
    store = Memory(tmp_path)
    outer = CpuMeter(store)

    def stage():
        store.recall("encoding", Work(clock, 4))
        clock.now += 2
        return "stage"

    store.recall("encoding", Work(clock, 4))
    tracked = store.track("stage", stage)
    store.charges.append(tracked.cpu_s)
    assert (tracked.value, sum(tracked.cpu_s.values())) == ("stage", pytest.approx(6))
    assert outer.seconds() == pytest.approx(6)
    later = CpuMeter(store)
    store.charges.append(tracked.cpu_s)
    assert later.seconds() == pytest.approx(6)


def test_work_that_fails_costs_time_and_leaves_nothing(tmp_path, clock):
    store = Memory(tmp_path)
    meter = CpuMeter(store)

    def fail():
        clock.now += 2
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        store.recall("x", fail)
    assert meter.seconds() == pytest.approx(2)
    assert list(tmp_path.iterdir()) == []
    store.recall("x", work := Work(clock, 1))
    assert work.done == 1


# --- torn files and killed processes -------------------------------------------------------


@given(st.floats(0, 1, exclude_max=True))
def test_a_torn_file_is_computed_again(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("memory")
    Memory(folder).recall("x", lambda: {"value": np.arange(50)})
    data = (folder / "x.npz").read_bytes()
    (folder / "x.npz").write_bytes(data[: int(share * len(data))])
    assert Memory(folder).recall("x", lambda: {"value": np.arange(3)})["value"].tolist() == [0, 1, 2]
    assert Memory(folder).recall("x", lambda: pytest.fail("it is there"))["value"].tolist() == [0, 1, 2]


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_never_gives_other_arrays(tmp_path_factory, place, flip):
    folder = tmp_path_factory.mktemp("memory")
    Memory(folder).recall("x", lambda: {"value": np.arange(50)})
    data = bytearray((folder / "x.npz").read_bytes())
    data[place % len(data)] ^= flip
    (folder / "x.npz").write_bytes(data)
    found = Memory(folder).recall("x", lambda: {"value": np.arange(50)})
    assert found["value"].tolist() == list(range(50))


def test_a_file_of_another_kind_is_computed_again(tmp_path):
    np.savez(tmp_path / "x.npz", value=np.arange(3))
    np.savez(tmp_path / "y.npz", value=np.array([{}], dtype=object))
    (tmp_path / "z.npz").write_bytes(b"garbage")
    for name in "xyz":
        assert Memory(tmp_path).recall(name, lambda: {"value": np.array([9])})["value"].tolist() == [9]


KILL = """
import os, signal, sys
from pathlib import Path
import numpy as np
from smallcraft.models import memory
def dying(path, *args, **kwargs):
    path.write(b"half a file")
    path.flush()
    os.kill(os.getpid(), signal.SIGKILL)
memory.np.savez = dying
memory.Memory(Path(sys.argv[1])).recall("x", lambda: {"value": np.arange(3)})
"""


def test_a_kill_in_the_middle_of_writing_leaves_no_half_file(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", KILL, str(tmp_path)],
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(smallcraft.__file__).parents[1])},
    )
    assert run.returncode == -9
    assert [path.suffix for path in tmp_path.iterdir()] == [".tmp"]
    assert Memory(tmp_path).recall("x", lambda: {"value": np.array([9])})["value"].tolist() == [9]


def powers_of(exponent: int, number: int) -> dict:
    burn(0.02)
    return {"x": np.full(3, number**exponent)}


@pytest.mark.parametrize("workers", [1, 2])
def test_arrays_of_several_names_are_computed_once_on_an_engine_and_charged(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(engines, "_WORTH_S", 0.0)
    names = {f"fold{number}": number for number in range(5)}
    with Engine(workers=workers) as engine:
        memory = Memory(tmp_path)
        meter, told = CpuMeter(memory), []
        found = memory.recall_each(names, 2, powers_of, engine, done=told.append)
        assert [arrays["x"][0] for arrays in found] == [0, 1, 4, 9, 16]
        assert meter.seconds() >= 5 * 0.02
        assert told == [0, 1, 2, 3, 4]
        again, fresh = Memory(tmp_path), CpuMeter(memory)
        meter = CpuMeter(again)
        assert [arrays["x"][0] for arrays in again.recall_each(names, 2, never, engine)] == [0, 1, 4, 9, 16]
        assert meter.seconds() >= 5 * 0.02
        assert fresh.seconds() < 0.02


def never(_: int, number: int) -> dict:
    raise AssertionError(f"{number} was remembered")


def test_names_that_are_there_already_are_not_computed_again(tmp_path):
    memory = Memory(tmp_path)
    memory.recall("fold1", lambda: powers_of(2, 1))
    told = []
    with Engine(workers=1) as engine:
        memory.recall_each({"fold0": 0, "fold1": 1, "fold2": 2}, 2, powers_of, engine, done=told.append)
    assert told == [1, 2]
    assert {path.name for path in tmp_path.glob("*.npz")} == {"fold0.npz", "fold1.npz", "fold2.npz"}
