"""The rows that rungs learn from: as asked for, and told where they come from."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.toys import TEXT, toy_rows, toy_workshop

from smallcraft.bundle.runtime import open_bundle
from smallcraft.models.augment import real_rows
from smallcraft.models.ladder import fit_rung
from smallcraft.models.learning_rows import learning_rows


@pytest.fixture
def workshop(tmp_path):
    return toy_workshop(tmp_path, TEXT, n=90)


def test_with_nothing_asked_for_the_workshop_is_the_one_given(workshop):
    found = learning_rows(workshop)
    assert found.workshop is workshop
    assert found.positions.tolist() == list(range(90))


def test_copies_are_made_of_the_sample_and_positions_name_its_rows(workshop):
    found = learning_rows(workshop, sample=30, copies=1)
    assert real_rows(found.workshop).sum() == 30
    assert len(found.workshop.labels) == 60
    assert found.workshop.labels[:30].tolist() == workshop.labels[found.positions].tolist()
    texts = workshop.texts
    assert found.workshop.texts[:30] == [texts[at] for at in found.positions]


def test_a_sample_of_all_rows_is_all_rows(workshop):
    assert learning_rows(workshop, sample=90).workshop is workshop


def test_what_was_learnt_from_a_sample_and_copies_answers(workshop, tmp_path):
    some = learning_rows(workshop, sample=60, copies=1).workshop
    bundle = open_bundle(fit_rung("ngram", some, tmp_path / "b", about={}).bundle)
    rows = toy_rows(100, seed=9)
    found = np.argmax(bundle.predict_proba(rows.columns["message"]), axis=1)
    assert np.mean(found == rows.labels) > 0.6
