"""Perturbed copies: they keep the label and the fold, stand behind the real rows, and are never judged by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.toys import MIXED, TABLE, TEXT, toy_workshop

from smallcraft.errors import InvalidInputError
from smallcraft.models.augment import (
    PERTURBATIONS,
    augment_workshop,
    blank_copies,
    perturb_text,
    real_rows,
)
from smallcraft.models.rungs import BUILTIN

TEXTS = st.text("abc XY.", max_size=30)


@settings(max_examples=100)
@given(TEXTS, st.integers(0, 200))
def test_a_perturbed_text_is_close_to_its_own_and_the_same_each_time(text, seed):
    made = perturb_text(text, np.random.default_rng(seed))
    assert made == perturb_text(text, np.random.default_rng(seed))
    assert bool(made.strip()) == bool(text.strip())
    assert abs(len(made.split()) - len(text.split())) <= len(text.split())


@pytest.mark.parametrize("name", PERTURBATIONS)
@pytest.mark.parametrize("words", [["a"], ["lost", "card"], ["my", "card", "is", "lost", "again"]])
def test_each_perturbation_does_what_its_name_says(name, words):
    rng = np.random.default_rng(0)
    found = [PERTURBATIONS[name](list(words), rng) for _ in range(60)]
    assert all(made and all(made) for made in found)
    if name == "swap_words":
        assert all(sorted(made) == sorted(words) for made in found)
    if name == "drop_words":
        assert all(set(made) <= set(words) for made in found)
    if name == "change_case":
        assert all([word.lower() for word in made] == words for made in found)
    if name == "mistype":
        changed = [sum(a != b for a, b in zip(made, words, strict=True)) for made in found]
        assert max(changed) == 1


def test_copies_follow_their_rows_label_fold_and_columns(tmp_path):
    workshop = toy_workshop(tmp_path, MIXED, n=30)
    teacher = np.arange(90, dtype=float).reshape(30, 3)
    more = augment_workshop(replace(workshop, teacher=teacher), 2)
    assert [name for name, _ in more.parts] == ["train", "copies1-train", "copies2-train"]
    assert more.labels.tolist() == workshop.labels.tolist() * 3
    assert more.folds.tolist() == workshop.folds.tolist() * 3
    assert more.teacher.tolist() == teacher.tolist() * 3
    for _, inputs in more.parts[1:]:
        assert inputs.categories == workshop.parts[0][1].categories
        assert inputs.texts != workshop.parts[0][1].texts
    assert more.parts[1][1].texts != more.parts[2][1].texts
    assert real_rows(more).tolist() == [True] * 30 + [False] * 60
    assert more.originals == [workshop.parts[0][1]]


def test_the_same_seed_gives_the_same_copies_and_another_one_others(tmp_path):
    workshop = toy_workshop(tmp_path, TEXT, n=20)
    texts = [augment_workshop(w, 1).texts for w in (workshop, workshop, replace(workshop, seed=8))]
    assert texts[0] == texts[1] != texts[2]


def test_nobody_is_judged_by_copies(tmp_path):
    workshop = augment_workshop(toy_workshop(tmp_path, TEXT, n=60), 1)
    (logits,) = blank_copies(BUILTIN["ngram"].out_of_fold(workshop), workshop)
    assert np.isnan(logits[60:]).all()
    assert np.isfinite(logits[:60]).all()


def test_without_copies_logits_stay_as_they_are(tmp_path):
    workshop = toy_workshop(tmp_path, TEXT, n=20)
    assert augment_workshop(workshop, 0) is workshop
    logits = (np.ones((20, 3)),)
    assert blank_copies(logits, workshop)[0] is logits[0]


def test_without_text_there_is_nothing_to_perturb(tmp_path):
    with pytest.raises(InvalidInputError, match="take `augment` out of"):
        augment_workshop(toy_workshop(tmp_path, TABLE, n=20), 1)


def test_a_negative_number_of_copies_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="0 or more, got -1"):
        augment_workshop(toy_workshop(tmp_path, TEXT, n=20), -1)
