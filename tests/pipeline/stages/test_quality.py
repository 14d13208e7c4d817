from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.projects import message_rows, write_messages

from smallcraft.data.checks import run_checks
from smallcraft.data.table import make_table
from smallcraft.errors import DataError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.partitions.longvotes import open_votes
from smallcraft.pipeline.stages import quality
from smallcraft.pipeline.stages.longvotes import LongVotes, all_votes
from smallcraft.pipeline.stages.prepare import prepare_data, with_positions
from smallcraft.pipeline.stages.quality import (
    gather_material,
    judge_project,
    judge_table,
    own_judgement,
    votes_of_rows,
)
from smallcraft.records import Roles

ROLES = Roles(label="intent", text="message")


def quiet(step: str, share: float) -> None:
    """Nobody watches."""


def bare(rows: int = 200):
    table = with_positions(make_table(pl.DataFrame(message_rows(rows)), ROLES, source="rows"))
    names = ["row_counts", "integrity", "duplicates"]
    return table, run_checks({"all": table.frame}, ROLES, names=names)


def test_a_bare_table_is_one_split_judged_out_of_fold(tmp_path):
    table, checks = bare()
    judged = judge_table(table, checks, cache=tmp_path, backbone="none", seed=0, progress=quiet)
    assert set(judged.predictions) == {"all"}
    assert judged.predictions["all"].probs.shape == (200, 3)
    assert judged.history["all"].margins.shape == (10, 200)
    assert "did not see it" in judged.about


def test_a_table_too_large_to_learn_whole_is_learned_from_a_part_and_says_so(tmp_path, monkeypatch):
    table, checks = bare()
    monkeypatch.setattr(quality, "LEARN_FROM", 120)
    judged = judge_table(table, checks, cache=tmp_path, backbone="none", seed=0, progress=quiet)
    assert "of 200 rows, drawn by seed" in judged.about
    found = judged.predictions["all"]
    assert (found.predicted == found.truth).mean() > 0.9
    assert judged.history == {}


def test_a_project_judges_train_out_of_fold_and_the_rest_by_the_model_of_train(tmp_path):
    config = load_config(write_messages(tmp_path / "p"))
    prepared = prepare_data(config, SilentListener())
    judged = judge_project(config, prepared, progress=quiet)
    for name, frame in prepared.splits.frames.items():
        assert len(judged.predictions[name].truth) == frame.height
        assert judged.predictions[name].classes == judged.predictions["train"].classes
    assert set(judged.history) == {"train"}


def test_own_probabilities_follow_their_rows_into_the_splits(tmp_path):
    config = load_config(write_messages(tmp_path / "p"))
    prepared = prepare_data(config, SilentListener())
    frame = prepared.table.frame
    names = frame["intent"].unique().sort().to_list()
    probs = np.eye(3)[[names.index(label) for label in frame["intent"]]]
    np.save(tmp_path / "probs.npy", probs)
    frames = {str(name): part for name, part in prepared.splits.frames.items()}
    judged = own_judgement(tmp_path / "probs.npy", prepared.table, frames)
    for found in judged.predictions.values():
        assert np.array_equal(found.predicted, found.truth)


def test_votes_of_all_open_splits_stand_one_after_the_other():
    frames = {
        name: pl.DataFrame(
            {"message": ["m"] * rows, "intent": ["x"] * rows, "a": ["x"] * rows, "b": ["y"] * rows}
        )
        for name, rows in (("train", 3), ("dev", 2), ("cert", 4))
    }
    roles = Roles(label="intent", text="message", votes=("a", "b"))
    assert votes_of_rows(frames, roles, None).n_items == 5
    assert votes_of_rows(frames, ROLES, None) is None


def test_long_votes_find_their_rows_wherever_they_stand(tmp_path):
    pl.DataFrame({"item": ["b", "a", "b"], "annotator": ["p", "p", "q"], "label": ["x", "y", "x"]}).write_csv(
        tmp_path / "votes.csv"
    )
    file = open_votes(tmp_path / "votes.csv")
    long = LongVotes(all_votes(file), file.columns.item, file.source)
    frames = {"train": pl.DataFrame({"item": ["a", "b"]}), "cert": pl.DataFrame({"item": ["c"]})}
    assert votes_of_rows(frames, ROLES, long).votes_of_item.tolist() == [1, 2]


def test_the_sealed_split_is_what_is_tested_where_there_is_one():
    table, checks = bare(60)
    judged = quality.Judged({}, "none", {}, {})
    alone = gather_material({"all": table.frame}, ROLES, checks, judged, confidence=0.95, seed=0)
    sealed = gather_material(
        {"train": table.frame, "cert": table.frame}, ROLES, checks, judged, confidence=0.95, seed=0
    )
    assert (alone.tested, sealed.tested) == ("all", "cert")


def test_probabilities_of_another_file_are_refused(tmp_path):
    table, _ = bare(60)
    np.save(tmp_path / "probs.npy", np.full((59, 3), 1 / 3))
    with pytest.raises(DataError, match="60 rows of the data, got 59"):
        own_judgement(tmp_path / "probs.npy", table, {"all": table.frame})
