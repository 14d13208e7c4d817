"""The distilled rung: nearly the teacher's answers from a part of its leaves, and no label leaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import TABLE, toy_rows, toy_workshop

from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.models.ladder import fit_rung
from smallcraft.models.memory import Memory
from smallcraft.models.rungs.distilled import Distilled
from smallcraft.models.rungs.trees import Trees


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return toy_workshop(tmp_path_factory.mktemp("distilled"), TABLE, n=400)


@pytest.fixture(scope="module")
def logits(workshop):
    return Distilled().out_of_fold(workshop)[0]


def test_two_folds_are_answered_and_the_others_left_open(workshop, logits):
    answered = np.isin(workshop.folds, np.unique(workshop.folds)[:2])
    assert np.isfinite(logits[answered]).all()
    assert np.isnan(logits[~answered]).all()


def test_answers_agree_with_the_teachers_and_are_about_as_often_right(workshop, logits):
    answered = np.isfinite(logits).all(axis=1)
    teacher = np.argmax(Trees().out_of_fold(workshop)[0], axis=1)[answered]
    found = np.argmax(logits[answered], axis=1)
    labels = workshop.labels[answered]
    assert np.mean(found == teacher) > 0.85
    assert np.mean(found == labels) > np.mean(teacher == labels) - 0.06


def test_neither_a_fold_nor_its_teacher_sees_the_folds_labels(workshop, logits, tmp_path):
    fold = workshop.folds == 1
    labels = workshop.labels.copy()
    labels[fold] = (labels[fold] + 1) % 3
    other = replace(workshop, labels=labels, memory=Memory(tmp_path), scratch=tmp_path, _made={})
    changed = Distilled().out_of_fold(other)[0]
    assert np.array_equal(changed[fold], logits[fold])
    assert not np.array_equal(changed[workshop.folds == 0], logits[workshop.folds == 0])


def test_the_bundle_is_smaller_than_the_teachers_and_answers(tmp_path):
    workshop = toy_workshop(tmp_path, TABLE, n=1200, n_classes=2)
    small, large = (fit_rung(name, workshop, tmp_path, about={}) for name in ("distilled", "trees"))
    sizes = [(a.bundle / "heads" / f"{a.rung}.onnx").stat().st_size for a in (small, large)]
    assert sizes[0] < 0.7 * sizes[1]
    rows = toy_rows(100, seed=3, n_classes=2)
    probs = open_bundle(small.bundle).predict_proba(rows.columns)
    assert np.mean(np.argmax(probs, axis=1) == rows.labels) > 0.6


def test_a_number_is_distilled_too(tmp_path):
    base = toy_workshop(tmp_path, TABLE, n=200)
    values = base.labels * 10.0 + 5
    workshop = replace(base, task="regression", classes=("amount",), labels=values)
    (stage,) = Distilled().stages(workshop)
    rows = toy_rows(80, seed=4)
    found = stage.logits(read_inputs(rows.columns, TABLE))[:, 0]
    assert np.abs(found - (rows.labels * 10.0 + 5)).mean() < np.abs(values - values.mean()).mean()
