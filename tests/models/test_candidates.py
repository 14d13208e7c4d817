"""Candidates in a form: the exact one has the weights and decoder of the other, and nothing is rounded."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.toys import TABLE, TEXT, rows_for, toy_rows, toy_workshop

from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import InvalidInputError
from smallcraft.models import candidates
from smallcraft.models.candidates import find_rung, place_of
from smallcraft.models.exact import list_rounded
from smallcraft.models.ladder import check_rungs, climb, fit_rung, rungs_for
from smallcraft.models.rungs import BUILTIN
from smallcraft.records import CandidateStatus

PAIRS = ("ngram", "fast", "frozen", "cascade")


@pytest.fixture(scope="module")
def workshop(tiny_backbone, tmp_path_factory):
    return toy_workshop(tmp_path_factory.mktemp("forms"), TEXT, backbone=tiny_backbone)


@pytest.fixture(scope="module")
def attempts(workshop):
    names = rungs_for(workshop, [f"{name}{form}" for name in PAIRS for form in (":fp32", "")])
    assert names == tuple(f"{name}{form}" for name in PAIRS for form in ("", ":fp32"))
    return {attempt.rung: attempt for attempt in climb(names, workshop, workshop.scratch / "b", about={})}


@pytest.mark.parametrize("rung", PAIRS)
def test_both_forms_have_one_decoder_and_the_same_classes(attempts, rung):
    rounded, exact = attempts[rung], attempts[f"{rung}:fp32"]
    assert rounded.status is exact.status is CandidateStatus.MEASURED
    assert rounded.decoder == exact.decoder
    assert rounded.digest != exact.digest


@pytest.mark.parametrize("rung", PAIRS)
def test_the_exact_form_rounds_nothing_and_answers_nearly_the_same(attempts, rung):
    rounded, exact = (open_bundle(attempts[name].bundle) for name in (rung, f"{rung}:fp32"))
    assert list_rounded(rounded.stages)
    assert list_rounded(exact.stages) == ()
    rows = rows_for(rounded.inputs, toy_rows(80, seed=5))
    one, two = rounded.predict_proba(rows), exact.predict_proba(rows)
    assert np.mean(one.argmax(axis=1) == two.argmax(axis=1)) >= 0.98
    assert 0 < np.abs(one - two).max() < 0.1


def test_a_bundle_says_in_which_form_it_is_and_its_folder_has_no_colon(attempts):
    exact = attempts["frozen:fp32"]
    assert open_bundle(exact.bundle).description["about"]["rung"] == "frozen:fp32"
    assert exact.bundle.name.startswith("frozen-fp32-")


def test_the_exact_form_trains_nothing(workshop, attempts, monkeypatch):
    """Whatever is fitted anew would be found: fitting is forbidden."""

    def refuse(*_):
        raise AssertionError("trained again")

    for name in ("fit_logistic", "fit_margin"):
        monkeypatch.setattr(f"smallcraft.models.parts.linear.{name}", refuse)
    monkeypatch.setattr("smallcraft.models.recipe.LinearRecipe._fit_rows", refuse)
    for rung in PAIRS:
        again = fit_rung(f"{rung}:fp32", workshop, workshop.scratch / "again", about={})
        assert again.digest == attempts[f"{rung}:fp32"].digest


def test_a_table_of_one_encoder_is_stored_once_in_the_exact_cascade_too(attempts):
    files = open_bundle(attempts["cascade:fp32"].bundle).description["files"]
    assert [path for path in files if path.endswith("embeddings.bin")] == ["embeddings.bin"]


@pytest.mark.parametrize("name", ["majority:fp32", "trees:fp32"])
def test_a_rung_without_an_exact_form_is_refused_before_anything_is_trained(name):
    rung = name.partition(":")[0]
    with pytest.raises(InvalidInputError, match=f"'{rung}' rounds nothing .*; write '{rung}'"):
        check_rungs([name])


def test_a_rung_that_ignores_the_form_is_refused_by_what_it_writes(tmp_path, monkeypatch):
    class Ignoring(type(BUILTIN["linear"])):
        def stages(self, workshop):
            return super().stages(workshop.in_form("int8"))

    linear = BUILTIN["linear"]
    ignoring = Ignoring("ignoring", linear.needs, linear.make_recipe)
    monkeypatch.setattr(candidates, "BUILTIN", {"ignoring": ignoring})
    with pytest.raises(
        InvalidInputError, match=r"must write its form 'fp32' unrounded, but linear/head is INT8"
    ):
        find_rung("ignoring:fp32").stages(toy_workshop(tmp_path, TABLE, n=40))


def test_the_ladder_puts_the_exact_form_behind_the_rounded_one():
    names = ["frozen:fp32", "plugin", "majority", "frozen", "ngram:fp32"]
    assert sorted(names, key=place_of) == ["majority", "ngram:fp32", "frozen", "frozen:fp32", "plugin"]


def test_what_the_ladder_asks_of_a_rung_is_that_of_its_rounded_form(workshop):
    rounded, exact = find_rung("frozen"), find_rung("frozen:fp32")
    assert (exact.needs, exact.tasks, exact.is_raced) == (rounded.needs, rounded.tasks, rounded.is_raced)
    assert exact.no_cheaper_than == rounded.no_cheaper_than
    assert exact.name == "frozen:fp32"
    logits = [rung.out_of_fold(workshop)[0] for rung in (rounded, exact)]
    assert np.array_equal(*logits)
