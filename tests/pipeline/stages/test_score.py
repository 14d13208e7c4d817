from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.projects import message_rows, person_rows

from smallcraft.data.table import Table, make_table
from smallcraft.errors import InvalidInputError
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.stages.score import (
    embed_rows,
    predictions_beside,
    predictions_of,
    rows_to_learn,
    score_table,
    train_scorer,
)
from smallcraft.pipeline.stages.train import open_workshop_of_rows
from smallcraft.records import Predictions, Roles

ROLES = Roles(label="intent", text="message")


def open_rows(table: Table, folder, *, frame: pl.DataFrame | None = None, backbone: str = "none") -> Workshop:
    return open_workshop_of_rows(
        table.ref,
        table.frame if frame is None else frame,
        seed=0,
        cache=folder,
        backbone=backbone,
        progress=lambda step, share: None,
    )


@pytest.fixture(scope="module")
def messages() -> Table:
    return make_table(pl.DataFrame(message_rows(240)), ROLES, source="rows")


def test_every_row_is_judged_by_a_model_that_did_not_see_it(messages, tmp_path):
    """A label that only its own row could teach is never learned."""
    labels = messages.frame["intent"].to_list()
    wrong = [3, 50, 101]
    for row in wrong:
        labels[row] = "login" if labels[row] != "login" else "billing"
    table = make_table(messages.frame.with_columns(pl.Series("intent", labels)), ROLES, source="rows")
    scorer = train_scorer(open_rows(table, tmp_path))
    found = score_table(table.frame, ROLES, scorer, np.arange(table.frame.height))
    right = np.argmax(found.probs, axis=1) == found.truth
    assert not right[wrong].any()
    assert np.delete(right, wrong).mean() > 0.95
    np.testing.assert_allclose(found.probs.sum(axis=1), 1)


def test_rows_that_were_not_learned_from_are_judged_too(messages, tmp_path):
    learned = np.arange(0, 240, 2)
    scorer = train_scorer(open_rows(messages, tmp_path, frame=messages.frame[learned]))
    found = score_table(messages.frame, ROLES, scorer, learned)
    assert found.probs.shape == (240, 3)
    assert (np.argmax(found.probs, axis=1) == found.truth)[1::2].mean() > 0.9
    np.testing.assert_allclose(found.probs[1::2], scorer.judge(messages.frame[1::2]))


def test_columns_alone_are_judged_by_trees_or_a_linear_model(tmp_path):
    rows = pl.DataFrame(person_rows(300))
    table = make_table(rows, Roles(label="bought", features=("age", "job", "insured")), source="rows")
    scorer = train_scorer(open_rows(table, tmp_path))
    assert scorer.rung in ("trees", "linear")
    found = score_table(table.frame, table.roles, scorer, np.arange(300))
    assert (np.argmax(found.probs, axis=1) == found.truth).mean() > 0.8


def test_of_the_rungs_trained_anyway_the_cheap_ones_are_taken(messages, tmp_path):
    assert train_scorer(open_rows(messages, tmp_path), rungs=["majority", "ngram"]).rung == "ngram"
    assert train_scorer(open_rows(messages, tmp_path), rungs=["majority"]).rung == "ngram"


@pytest.mark.backbone
def test_the_scorer_is_the_cheap_rung_with_the_lowest_loss(messages, tmp_path):
    work = open_rows(messages, tmp_path, backbone="auto")
    best = train_scorer(work)
    losses = {}
    for name in ("fast", "ngram"):
        alone = train_scorer(work, rungs=[name])
        losses[name] = -np.log(alone.held_out[np.arange(240), work.labels]).mean()
    assert best.rung == min(losses, key=losses.get)


@pytest.mark.backbone
def test_embeddings_are_one_row_a_text_and_equal_for_equal_texts(messages, tmp_path):
    frames = {"all": messages.frame, "again": messages.frame.head(5)}
    found = embed_rows(open_rows(messages, tmp_path, backbone="auto"), frames)
    assert found["all"].shape[0] == 240
    assert found["all"].dtype == np.float32
    np.testing.assert_array_equal(found["all"][:5], found["again"])


def test_without_a_backbone_there_are_no_embeddings(messages, tmp_path):
    assert embed_rows(open_rows(messages, tmp_path), {"all": messages.frame}) == {}


@given(
    sizes=st.lists(st.integers(1, 400), min_size=2, max_size=5),
    most=st.integers(60, 500),
    seed=st.integers(0, 9),
)
def test_a_part_keeps_copies_together_and_every_class(sizes, most, seed):
    labels = pl.Series([f"c{code}" for code, size in enumerate(sizes) for _ in range(size)])
    copies = np.arange(len(labels)) // 2
    rows = rows_to_learn(labels, copies, most=most, seed=seed)
    assert np.array_equal(rows, np.unique(rows))
    if len(labels) <= most:
        assert len(rows) == len(labels)
    taken = np.isin(np.arange(len(labels)), rows)
    for group in np.unique(copies[rows]):
        assert taken[copies == group].all()
    assert set(labels.gather(rows)) == set(labels)


def test_a_part_is_about_as_large_as_asked_and_depends_on_the_seed():
    labels = pl.Series(["a", "b"] * 5000)
    copies = np.arange(10_000)
    first, again, other = (rows_to_learn(labels, copies, most=1000, seed=seed) for seed in (1, 1, 2))
    assert len(first) == 1000
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_label_that_is_no_class_has_no_code():
    frame = pl.DataFrame({"message": ["a", "b"], "intent": ["x", "?"]})
    found = predictions_of(np.array([[1.0, 0.0], [0.5, 0.5]]), frame, ROLES, ("x", "y"))
    assert found.truth.tolist() == [0, -1]
    assert found.clusters is None
    keyed = predictions_of(found.probs, frame, replace(ROLES, key="message"), ("x", "y"))
    assert len(set(keyed.clusters.tolist())) == 2


def test_splits_stand_one_after_the_other():
    part = Predictions(("x", "y"), np.array([0, 1]), np.array([[1.0, 0.0], [0.2, 0.8]]))
    both = predictions_beside([part, part])
    assert both.truth.tolist() == [0, 1, 0, 1]
    assert both.probs.shape == (4, 2)
    assert predictions_beside([]) is None
    with pytest.raises(InvalidInputError, match="same classes"):
        predictions_beside([part, replace(part, classes=("y", "x"))])
