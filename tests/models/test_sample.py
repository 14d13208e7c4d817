"""Some rows of a workshop: they cover the others, keep every class, and are the same every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.toys import MIXED, TABLE, TEXT, toy_workshop

from smallcraft.bundle.inputs import Inputs
from smallcraft.errors import InvalidInputError
from smallcraft.models.sample import cover_rows, embed_rows, sample_workshop, strata_of, take_rows


@settings(max_examples=40)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=40), st.integers(0, 40), st.integers(0, 3))
def test_a_sample_has_its_size_no_row_twice_and_every_class(codes, more, seed):
    strata = np.array(codes)
    size = min(len(np.unique(strata)) + more, len(strata))
    points = np.random.default_rng(seed).integers(0, 3, (len(strata), 2)).astype(float)
    rows = cover_rows(points, strata, size, seed=seed)
    assert len(rows) == len(set(rows.tolist())) == size
    assert set(strata[rows]) == set(strata)
    assert rows.tolist() == sorted(rows.tolist())
    assert cover_rows(points, strata, size, seed=seed).tolist() == rows.tolist()


def test_classes_keep_their_shares():
    strata = np.repeat([0, 1, 2], [100, 50, 10])
    points = np.random.default_rng(0).normal(size=(160, 3))
    assert np.bincount(strata[cover_rows(points, strata, 32, seed=0)]).tolist() == [20, 10, 2]


def test_every_clump_of_rows_is_covered_where_random_rows_would_miss_some():
    rng = np.random.default_rng(0)
    sizes = [200, *[3] * 9]
    clump = np.repeat(np.arange(10), sizes)
    points = rng.normal(0, 0.05, (len(clump), 4)) + rng.normal(0, 10, (10, 4))[clump]
    rows = cover_rows(points, np.zeros(len(clump), int), 10, seed=0)
    assert len(set(clump[rows])) >= 8
    assert len(set(clump[rng.permutation(len(clump))[:10]])) < 6


def test_copies_do_not_take_the_place_of_rows_that_differ():
    points = np.array([[0.0]] * 20 + [[1.0], [2.0]])
    rows = cover_rows(points, np.zeros(22, int), 4, seed=0)
    assert {20, 21} <= set(rows.tolist())


@pytest.mark.parametrize("size", [1, 7])
def test_a_size_that_cannot_be_is_refused(size):
    with pytest.raises(InvalidInputError, match="from 2 rows, one a class, to 6, got"):
        cover_rows(np.zeros((6, 1)), np.array([0, 0, 0, 1, 1, 1]), size, seed=0)


@pytest.mark.parametrize("spec", [TEXT, TABLE, MIXED])
def test_a_workshop_of_any_columns_is_sampled(tmp_path, spec):
    workshop = toy_workshop(tmp_path, spec, n=80)
    small = sample_workshop(workshop, 20)
    ((name, inputs),) = small.parts
    assert (name, inputs.n) == ("sample20", 20)
    assert len(small.labels) == len(small.folds) == 20
    assert small.name != workshop.name
    assert embed_rows(workshop).shape[0] == 80


def test_with_an_encoder_rows_are_told_apart_by_their_tokens_meaning(tmp_path, tiny_backbone):
    workshop = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=60)
    assert embed_rows(workshop).shape == (60, 16)
    assert sample_workshop(workshop, 12).parts[0][1].n == 12


@pytest.mark.parametrize("rows", [None, 80, 200])
def test_no_more_rows_than_there_are_is_no_sample(tmp_path, rows):
    workshop = toy_workshop(tmp_path, TEXT, n=80)
    assert sample_workshop(workshop, rows) is workshop


def test_rows_taken_are_the_rows_with_all_that_belongs_to_them(tmp_path):
    workshop = toy_workshop(tmp_path, MIXED, n=40)
    ((_, inputs),) = workshop.parts
    halves = (("train", inputs.take(np.arange(25))), ("dev", inputs.take(np.arange(25, 40))))
    teacher = np.arange(120, dtype=float).reshape(40, 3)
    rows = np.array([3, 30, 12])
    taken = take_rows(replace(workshop, parts=halves, teacher=teacher), rows, name="some")
    ((_, found),) = taken.parts
    whole: Inputs = inputs.take(rows)
    assert found.texts == whole.texts
    assert np.array_equal(found.numbers, whole.numbers, equal_nan=True)
    assert found.categories == whole.categories
    assert taken.labels.tolist() == workshop.labels[rows].tolist()
    assert taken.folds.tolist() == workshop.folds[rows].tolist()
    assert taken.teacher.tolist() == teacher[rows].tolist()


def test_strata_of_other_tasks_are_combinations_and_bins(tmp_path):
    workshop = toy_workshop(tmp_path, TEXT, n=40)
    several = replace(workshop, task="multilabel", labels=np.array([[0, 1], [1, 1], [0, 1], [0, 0]] * 10))
    codes = strata_of(several)
    assert codes[0] == codes[2]
    assert len(set(codes.tolist())) == 3
    numbers = replace(workshop, task="regression", labels=np.arange(40.0))
    assert np.bincount(strata_of(numbers)).max() <= 5
