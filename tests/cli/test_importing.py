"""`import`: one command from other people's files to a folder that works."""

from __future__ import annotations

import numpy as np
import polars as pl
from tests.projects import person_rows

from smallcraft.pipeline.config import load_config


def test_cleanlabs_arrays_become_a_project_and_the_next_command_is_said(told, told_json, tmp_path):
    np.save(tmp_path / "labels.npy", np.arange(90) % 3)
    np.save(tmp_path / "probs.npy", np.eye(3)[np.arange(90) % 3] * 0.7 + 0.1)
    words = ("import", "cleanlab", "--labels", tmp_path / "labels.npy", "--probs", tmp_path / "probs.npy")
    out = told(*words, "--classes", "a,b,c", "--output", tmp_path / "out")
    assert f"{tmp_path}/labels.npy: the column 'label' of rows.parquet: 90 rows" in out
    assert out.splitlines()[-1] == (
        f"next  smallcraft check {tmp_path}/out/rows.parquet --label label "
        f"--probs {tmp_path}/out/probs.parquet"
    )
    assert load_config(tmp_path / "out").data.label == "label"
    message = told(*words, "--output", tmp_path / "out", code=1)
    assert "is there already; name another folder with --output" in message
    assert told_json(*words, "--output", tmp_path / "other")["folder"] == str(tmp_path / "other")


def test_options_say_more_than_the_mapping(told, tmp_path):
    pl.DataFrame(person_rows(200), strict=False).write_csv(tmp_path / "reference.csv")
    pl.DataFrame(person_rows(200, seed=5), strict=False).write_csv(tmp_path / "current.csv")
    (tmp_path / "mapping.json").write_text('{"target": "nothing", "numerical_features": ["age"]}')
    words = ("--reference", tmp_path / "reference.csv", "--current", tmp_path / "current.csv")
    out = told(
        *("import", "evidently", *words, "--mapping", tmp_path / "mapping.json"),
        *("--target", "bought", "--output", tmp_path / "out"),
    )
    assert "target 'bought': the label" in out
    assert out.splitlines()[-1].startswith(f"next  smallcraft drift {tmp_path}/reference.csv")
    assert load_config(tmp_path / "out").data.features == ("age",)
