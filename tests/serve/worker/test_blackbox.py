"""The black box: what a process was at outlives kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from smallcraft.serve.worker.blackbox import MOST_IN_A_BATCH, BlackBox, UnderWay, read_under_way

DIES = """
import os, signal, sys
from pathlib import Path
from smallcraft.serve.worker.blackbox import BlackBox
box = BlackBox(Path(sys.argv[1]))
box.begin((1, 2), now=1.0)
box.end()
box.begin((2**64 - 1, 7, 0), now=2.5)
os.kill(os.getpid(), signal.SIGKILL)
"""
IDLE = UnderWay(0.0, ())


def test_a_process_that_is_killed_leaves_what_it_was_at(tmp_path):
    done = subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "box")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert read_under_way(tmp_path / "box") == UnderWay(2.5, (2**64 - 1, 7, 0))


def test_what_was_answered_is_not_under_way(tmp_path):
    box = BlackBox(tmp_path / "box")
    assert read_under_way(tmp_path / "box") == IDLE
    box.begin((5,), now=1.0)
    box.end()
    assert read_under_way(tmp_path / "box") == IDLE


def test_of_a_large_batch_the_first_are_kept(tmp_path):
    box = BlackBox(tmp_path / "box")
    box.begin(range(1, 100), now=1.0)
    assert read_under_way(tmp_path / "box").fingerprints == tuple(range(1, MOST_IN_A_BATCH + 1))


@pytest.mark.parametrize(
    "content",
    [b"", b"\1", os.urandom(40), b"\xff" * (16 + 8 * MOST_IN_A_BATCH)],
    ids=["empty", "short", "random", "full of ones"],
)
def test_a_file_that_is_none_tells_nothing(tmp_path, content):
    (tmp_path / "box").write_bytes(content)
    assert read_under_way(tmp_path / "box") == IDLE
    assert read_under_way(tmp_path / "absent") == IDLE
