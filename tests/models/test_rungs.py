"""What every rung must do: say what it needs, train stages on all rows, answer each row out of its fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import MIXED, TABLE, TEXT, toy_rows, toy_workshop

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.models.memory import Memory
from smallcraft.models.rungs import BUILTIN

NEEDS = {
    "majority": set(),
    "linear": {"features"},
    "ngram": {"text"},
    "tiny": {"text", "backbone"},
    "fast": {"text", "backbone"},
    "trees": {"features"},
    "distilled": {"features"},
    "frozen": {"text", "backbone"},
    "cascade": {"text", "backbone"},
    **dict.fromkeys(
        ("lora", "tuned", "student", "pruned", "experts", "cascade_tuned", "cascade_student"),
        frozenset({"text", "backbone", "train"}),
    ),
}
# Rungs that train with torch, and those that answer for some folds only, have tests of their own in `rungs/`.
CASES = [
    (name, spec)
    for name, needs in NEEDS.items()
    for spec in (TEXT, TABLE, MIXED)
    if "train" not in needs
    and name != "distilled"
    and not ("text" in needs and spec is TABLE)
    and not ("features" in needs and spec is TEXT)
]


def test_the_table_is_the_ladder_in_order_of_cost():
    assert list(BUILTIN) == list(NEEDS)


@pytest.mark.parametrize("name", NEEDS)
def test_a_rung_declares_what_it_needs(name):
    assert BUILTIN[name].needs == NEEDS[name]


@pytest.mark.parametrize(("name", "spec"), CASES)
def test_stages_and_logits_have_their_shapes_and_fit_each_other(tmp_path, tiny_backbone, name, spec):
    workshop = toy_workshop(tmp_path, spec, backbone=tiny_backbone)
    logits = BUILTIN[name].out_of_fold(workshop)
    stages = BUILTIN[name].stages(workshop)
    assert len(stages) == len(logits) == (2 if name == "cascade" else 1)
    ((_, inputs),) = workshop.parts
    for stage, held_out in zip(stages, logits, strict=True):
        assert held_out.shape == (150, 3)
        assert np.isfinite(held_out).all()
        assert np.isfinite(stage.logits(inputs)).all()


@pytest.mark.parametrize(("name", "spec"), CASES)
def test_a_rows_label_never_reaches_its_own_logits(tmp_path, tiny_backbone, name, spec):
    """Nor do the labels of its fold; in `trees` the first fold says when to stop, and only that."""
    workshop = toy_workshop(tmp_path / "a", spec, backbone=tiny_backbone, n=100)
    fold = workshop.folds == 2
    labels = workshop.labels.copy()
    labels[fold] = (labels[fold] + 1) % 3
    other = replace(workshop, labels=labels, memory=Memory(tmp_path / "b"), scratch=tmp_path / "b", _made={})
    if name == "trees":
        for each in (workshop, other):
            each.memory.recall("trees/train-rounds", lambda: {"rounds": np.array(12)})
    for one, two in zip(BUILTIN[name].out_of_fold(workshop), BUILTIN[name].out_of_fold(other), strict=True):
        assert np.array_equal(one[fold], two[fold])
        assert not np.array_equal(one[~fold], two[~fold])


@pytest.mark.parametrize(("name", "spec"), CASES)
def test_a_class_that_one_row_alone_has_breaks_nothing(tmp_path, tiny_backbone, name, spec):
    workshop = toy_workshop(tmp_path, spec, backbone=tiny_backbone, n=80)
    labels = np.where(workshop.labels == 2, 0, workshop.labels)
    labels[7] = 2
    workshop = replace(workshop, labels=labels)
    for logits in BUILTIN[name].out_of_fold(workshop):
        assert np.isfinite(logits).all()
    for stage in BUILTIN[name].stages(workshop):
        assert np.isfinite(stage.logits(workshop.parts[0][1])).all()


@pytest.mark.parametrize(("name", "spec"), CASES)
def test_empty_texts_missing_numbers_and_unseen_categories_break_nothing(tmp_path, tiny_backbone, name, spec):
    rows = toy_rows(60)
    n = len(rows.labels)
    columns = {
        "message": ["" if row % 3 else text for row, text in enumerate(rows.columns["message"])],
        "amount": [None] * n,
        "age": [5.0] * n,
        "plan": [None] * n,
        "city": [f"only{row}" for row in range(n)],
    }
    workshop = toy_workshop(tmp_path, spec, backbone=tiny_backbone, n=60)
    workshop = replace(workshop, parts=(("train", read_inputs(columns, spec)),))
    for logits in BUILTIN[name].out_of_fold(workshop):
        assert np.isfinite(logits).all()
    for stage in BUILTIN[name].stages(workshop):
        assert np.isfinite(stage.logits(read_inputs(rows.columns, spec))).all()


def test_majority_answers_the_shares_of_the_classes_outside_the_fold(tmp_path):
    workshop = toy_workshop(tmp_path, TEXT)
    (logits,) = BUILTIN["majority"].out_of_fold(workshop)
    (stage,) = BUILTIN["majority"].stages(workshop)
    for row in range(10):
        others = workshop.labels[workshop.folds != workshop.folds[row]]
        counts = np.bincount(others, minlength=3) + 1
        assert np.allclose(np.exp(logits[row]), counts / counts.sum())
    counts = np.bincount(workshop.labels, minlength=3) + 1
    found = np.exp(stage.logits(workshop.parts[0][1]))
    assert np.allclose(found, counts / counts.sum(), atol=1e-6)


def test_numbers_alone_or_categories_alone_are_enough_for_a_table(tmp_path):
    for spec in (InputSpec(numbers=("amount",)), InputSpec(categories=("plan",))):
        for name in ("linear", "trees"):
            workshop = toy_workshop(tmp_path / spec.names[0], spec)
            (logits,) = BUILTIN[name].out_of_fold(workshop)
            (stage,) = BUILTIN[name].stages(workshop)
            assert np.mean(logits.argmax(axis=1) == workshop.labels) > 0.5
            assert stage.logits(workshop.parts[0][1]).shape == (150, 3)
