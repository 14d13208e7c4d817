"""Trainings on growing subsets: nested, stratified, judged on the same rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.toys import TABLE, TEXT, toy_rows, toy_workshop

from smallcraft.bundle.inputs import read_inputs
from smallcraft.errors import InvalidInputError
from smallcraft.models.curve import Judges, nested_order, train_on_subsets


def judges_of(spec, n=60) -> Judges:
    rows = toy_rows(n, seed=5)
    return Judges(read_inputs(rows.columns, spec), rows.labels)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), st.integers(0, 5))
def test_every_beginning_of_an_order_has_each_classs_share_as_far_as_rows_go(codes, seed):
    strata = np.array(codes)
    order = nested_order(strata, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(codes)))
    for stop in range(1, len(codes) + 1):
        share = np.bincount(strata[order[:stop]], minlength=4) - np.bincount(strata, minlength=4) * (
            stop / len(codes)
        )
        assert np.abs(share).max() <= 4


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    workshop = toy_workshop(tmp_path_factory.mktemp("curve"), TEXT, n=200)
    return train_on_subsets("ngram", workshop, judges_of(TEXT), shares=(0.1, 0.5, 1.0), repeats=2)


def test_each_share_is_trained_on_as_often_as_asked_and_all_rows_once(trained):
    assert [made.rows for made in trained] == [20, 100, 200]
    assert [made.losses.shape for made in trained] == [(2, 60), (2, 60), (1, 60)]
    assert all(made.train_cpu_s > 0 for made in trained)


def test_more_rows_make_fewer_errors_and_draws_differ(trained):
    few, _, every = (made.losses for made in trained)
    assert every.mean() < few.mean()
    assert not np.array_equal(few[0], few[1])
    assert set(np.unique(every)) <= {0.0, 1.0}


def test_all_rows_are_the_rung_as_it_is(trained, tmp_path):
    from smallcraft.models.rungs import BUILTIN

    workshop, judges = toy_workshop(tmp_path, TEXT, n=200), judges_of(TEXT)
    (stage,) = BUILTIN["ngram"].stages(workshop)
    wrong = np.argmax(stage.logits(judges.inputs), axis=1) != judges.labels
    assert trained[-1].losses[0].tolist() == wrong.astype(float).tolist()


def test_the_same_seed_gives_the_same_losses(trained, tmp_path):
    again = train_on_subsets(
        "ngram", toy_workshop(tmp_path, TEXT, n=200), judges_of(TEXT), shares=(0.1, 0.5), repeats=2
    )
    assert all(np.array_equal(a.losses, b.losses) for a, b in zip(again, trained[:2], strict=True))


def test_a_number_is_judged_by_its_distance_and_labels_one_by_one(tmp_path):
    workshop, judges = toy_workshop(tmp_path, TABLE, n=80), judges_of(TABLE)
    values = replace(workshop, task="regression", classes=("amount",), labels=workshop.labels * 2.0)
    (made,) = train_on_subsets(
        "linear", values, Judges(judges.inputs, judges.labels * 2.0), shares=(1.0,), repeats=2
    )
    assert 0 < made.losses.mean() < np.abs(judges.labels * 2.0 - values.labels.mean()).mean()
    tags = np.eye(3, dtype=np.int64)[judges.labels]
    several = replace(
        workshop, task="multilabel", labels=np.eye(3, dtype=np.int64)[workshop.labels], _made={}
    )
    several = replace(several, memory=type(workshop.memory)(tmp_path / "other"))
    (made,) = train_on_subsets("linear", several, Judges(judges.inputs, tags), shares=(1.0,), repeats=2)
    assert set(np.round(made.losses.ravel() * 3, 9)) <= {0.0, 1.0, 2.0, 3.0}


def test_a_rung_of_two_stages_is_refused(tmp_path, tiny_backbone):
    workshop = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=60)
    with pytest.raises(InvalidInputError, match="'cascade' has 2; take one of the rungs"):
        train_on_subsets("cascade", workshop, judges_of(TEXT), shares=(1.0,))


def test_too_few_rows_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="needs 2 rows at its smallest share, got 1 of 12"):
        train_on_subsets("ngram", toy_workshop(tmp_path, TEXT, n=12), judges_of(TEXT))
