"""How a rung of linear blocks is trained: no row's logits come from a head that saw it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.models.toys import MIXED, TABLE, TEXT, toy_rows, toy_workshop

from smallcraft.bundle.blocks.onehot import OnehotBlock
from smallcraft.bundle.inputs import read_inputs
from smallcraft.models.memory import Memory
from smallcraft.models.parts.linear import fit_logistic, linear_logits
from smallcraft.models.parts.vocabulary import fit_ngrams, train_tokenizer
from smallcraft.models.recipe import fit_features, quick_recipe, with_features


def recipe_of(workshop, fit=fit_logistic, name="toy"):
    return quick_recipe(name, workshop, (fit_features(workshop, beside_text=False),), fit)


def test_each_rows_logits_come_from_a_fit_on_the_other_folds(tmp_path):
    workshop = toy_workshop(tmp_path, TABLE)
    recipe = recipe_of(workshop)
    logits = recipe.out_of_fold()
    for fold in range(4):
        held = workshop.folds == fold
        weights = fit_logistic(recipe.matrix[~held], workshop.labels[~held], 3, workshop.seed)
        assert np.array_equal(logits[held], linear_logits(recipe.matrix[held], weights))


def test_a_rows_label_never_reaches_its_own_logits(tmp_path):
    workshop = toy_workshop(tmp_path / "a", TABLE)
    flipped = workshop.labels.copy()
    flipped[3] = (flipped[3] + 1) % 3
    other = replace(workshop, labels=flipped, memory=Memory(tmp_path / "b"))
    one, two = (recipe_of(each).out_of_fold() for each in (workshop, other))
    fold = workshop.folds == workshop.folds[3]
    assert np.array_equal(one[fold], two[fold])
    assert not np.array_equal(one[~fold], two[~fold])


def test_the_stage_is_fitted_on_every_row(tmp_path):
    workshop = toy_workshop(tmp_path, TABLE)
    recipe = recipe_of(workshop)
    weights = fit_logistic(recipe.matrix, workshop.labels, 3, workshop.seed)
    exact = linear_logits(recipe.matrix, weights)
    stage = recipe.stage()
    assert stage.name == "toy"
    logits = stage.logits(workshop.parts[0][1])
    assert np.abs(logits - exact).max() < 0.1
    assert np.mean(logits.argmax(axis=1) == exact.argmax(axis=1)) > 0.98


def test_a_second_recipe_fits_nothing_again(tmp_path):
    # On disk: folds that take long are fitted in other processes.
    told = tmp_path / "fits"

    def counting(matrix, labels, n_classes, seed):
        with told.open("a") as file:
            file.write(f"{len(labels)}\n")
        return fit_logistic(matrix, labels, n_classes, seed)

    results = []
    for _ in range(2):
        recipe = recipe_of(toy_workshop(tmp_path, TABLE), counting)
        results.append((recipe.out_of_fold(), recipe.stage().logits(recipe.workshop.parts[0][1])))
    fits = [int(line) for line in told.read_text().split()]
    assert len(fits) == 5
    assert max(fits) == 150
    for one, two in zip(*results, strict=True):
        assert np.array_equal(one, two)


def test_a_refit_on_more_rows_is_kept_apart_from_the_first_fit(tmp_path):
    workshop = toy_workshop(tmp_path, TABLE)
    first = recipe_of(workshop).stage()
    more = toy_rows(50, seed=3)
    refit = replace(
        workshop,
        parts=(*workshop.parts, ("dev", read_inputs(more.columns, TABLE))),
        labels=np.concatenate([workshop.labels, more.labels]),
        folds=np.concatenate([workshop.folds, np.zeros(50, np.int64)]),
    )
    second = recipe_of(refit).stage()
    inputs = workshop.parts[0][1]
    assert not np.array_equal(first.logits(inputs), second.logits(inputs))
    assert np.array_equal(recipe_of(workshop).stage().logits(inputs), first.logits(inputs))


def test_progress_names_the_rung_and_goes_forward(tmp_path):
    told = []
    workshop = replace(toy_workshop(tmp_path, TABLE), progress=lambda step, share: told.append((step, share)))
    recipe_of(workshop, name="linear").out_of_fold()
    assert told == [(f"fitting linear, fold {fold + 1} of 4", fold / 4) for fold in range(4)]


def test_feature_columns_stand_beside_text_where_there_are_any(tmp_path):
    for spec, names in ((TEXT, ["ngram"]), (MIXED, ["ngram", "onehot"])):
        workshop = toy_workshop(tmp_path, spec)
        ngrams = fit_ngrams(train_tokenizer(workshop.texts), [inputs for _, inputs in workshop.parts])
        blocks = with_features(workshop, [ngrams])
        assert [block.name for block in blocks] == names
    onehot = blocks[1]
    assert isinstance(onehot, OnehotBlock)
    assert onehot.gain == 1 / np.sqrt(2)
