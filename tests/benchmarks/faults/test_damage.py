"""The damage is what it says: one bit, half a file, a pickle that runs, a header with a tensor twice."""

from __future__ import annotations

import json
import pickle
import sqlite3
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from benchmarks.faults import damage
from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.formats import check_format


@given(st.binary(min_size=1, max_size=300))
def test_a_flipped_bit_is_one_bit_in_the_middle(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damage") / "file"
    path.write_bytes(data)
    damage.flip_bit(path)
    changed = path.read_bytes()
    different = [at for at, (old, new) in enumerate(zip(data, changed, strict=True)) if old != new]
    assert different == [len(data) // 2]
    assert (data[different[0]] ^ changed[different[0]]).bit_count() == 1


def test_a_damaged_file_keeps_its_mode_and_its_place(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"eight by")
    path.chmod(0o444)
    before = path.stat()
    damage.cut_to_half(path)
    after = path.stat()
    assert path.read_bytes() == b"eigh"
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)


def test_weights_are_sound_and_differ_by_seed():
    tensors = load(damage.weights(1, 64))
    assert tensors["w"].dtype == np.float32
    assert tensors["w"].shape == (64,)
    check_format("weights.safetensors", damage.weights(1, 64))
    assert damage.weights(1, 64) == damage.weights(1, 64) != damage.weights(2, 64)


def test_two_readers_take_twice_named_weights_for_two_things():
    data = damage.twice_named_weights(64)
    (length,) = struct.unpack("<Q", data[:8])
    named = json.loads(data[8 : 8 + length], object_pairs_hook=lambda pairs: pairs)
    assert [name for name, _ in named] == ["w", "w"]
    assert load(data)["w"].dtype == np.int32
    with pytest.raises(InvalidInputError, match="stands there twice"):
        check_format("weights.safetensors", data)


def test_the_pickle_runs_code_when_it_is_read(tmp_path):
    pickle.loads(damage.running_pickle(tmp_path / "ran"))
    assert (tmp_path / "ran").is_dir()


def test_a_spoiled_database_cannot_be_read(tmp_path):
    path = tmp_path / "x.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE t (x TEXT)")
    database.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 200)
    database.commit()
    database.close()
    size = path.stat().st_size
    damage.spoil_pages(path)
    assert path.stat().st_size == size
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        sqlite3.connect(path).execute("SELECT count(x) FROM t WHERE x > ''").fetchall()


def start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_a_writer_is_killed_after_its_first_byte_and_not_before(tmp_path):
    write = f"import time; open({str(tmp_path / 'file')!r}, 'w').write('x'); time.sleep(60)"
    assert damage.kill_during(lambda: start(write), tmp_path, moment=0, lasts_s=1)
    assert (tmp_path / "file").exists()


def test_a_writer_that_has_ended_was_not_killed(tmp_path):
    write = f"open({str(tmp_path / 'file')!r}, 'w').write('x')"
    assert not damage.kill_during(lambda: start(write), tmp_path, moment=1, lasts_s=30)
