"""Checkpoints: whole or not there, replaced, and gone once the result is kept."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.models.memory import Memory
from smallcraft.models.tuning.checkpoints import Checkpoints, recall_trained

pytestmark = pytest.mark.torch


def test_the_last_state_written_is_read_and_no_other_file_stays(tmp_path):
    checkpoints = Checkpoints(Memory(tmp_path), "deep/er")
    assert checkpoints.read() is None
    for value in (1, 2):
        checkpoints.write({"weight/a": np.full(3, value, np.float32), "step": np.array(value)})
    found = checkpoints.read()
    assert found is not None
    assert found["weight/a"].tolist() == [2, 2, 2]
    assert found["weight/a"].dtype == np.float32
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["er.checkpoint.npz"]


def test_a_damaged_checkpoint_is_none(tmp_path):
    checkpoints = Checkpoints(Memory(tmp_path), "x")
    checkpoints.write({"a": np.arange(100)})
    path = tmp_path / "x.checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-30])
    assert checkpoints.read() is None


def test_a_checkpoint_goes_once_the_result_is_kept(tmp_path):
    def compute(checkpoints):
        checkpoints.write({"a": np.arange(3)})
        checkpoints.memory.recall(checkpoints.record(0), dict)
        return {"result": np.array(7)}

    assert recall_trained(Memory(tmp_path), "x", compute)["result"] == 7
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]
    again = recall_trained(Memory(tmp_path), "x", lambda checkpoints: pytest.fail("it is there"))
    assert again["result"] == 7
