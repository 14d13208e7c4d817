"""A twin is what the ladder would train from those rows, and never mixes with the candidate's memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.tinybert import write_backbone
from tests.models.toys import MIXED, TABLE, TEXT, ToyRows, rows_for, toy_rows, toy_workshop

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import InvalidInputError
from smallcraft.models.backbone import Backbone, find_backbone
from smallcraft.models.ladder import fit_rung
from smallcraft.models.memory import Memory
from smallcraft.pipeline.stages import twin as twin_module
from smallcraft.pipeline.stages.twin import WorkshopTwin

ONE_STAGE = Decoder(1.0)
TWO_STAGES = Decoder(2.0, threshold=0.9, mix=(1.0, 1.0))
RUNGS = [
    ("ngram", TEXT, ONE_STAGE),
    ("cascade", TEXT, TWO_STAGES),
    ("cascade", MIXED, TWO_STAGES),
    ("linear", TABLE, ONE_STAGE),
    ("trees", TABLE, ONE_STAGE),
    ("majority", TEXT, ONE_STAGE),
]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory) -> Backbone:
    return find_backbone(str(write_backbone(tmp_path_factory.mktemp("weights") / "tiny")))


def extra_rows(spec, n: int = 12) -> ToyRows:
    found = toy_rows(n, seed=5)
    return ToyRows(rows_for(spec.names, found), found.labels)


@pytest.mark.parametrize(("rung", "spec", "decoder"), RUNGS)
def test_a_twin_answers_as_a_candidate_trained_from_the_same_rows(tmp_path, backbone, rung, spec, decoder):
    workshop = toy_workshop(tmp_path / "a", spec, backbone=backbone)
    extra = extra_rows(spec)
    answer = WorkshopTwin(workshop, rung, decoder).train_with(extra.columns, extra.labels)
    both = replace(
        workshop,
        parts=(*workshop.parts, ("more", read_inputs(extra.columns, spec))),
        labels=np.concatenate([workshop.labels, extra.labels]),
        folds=np.concatenate([workshop.folds, np.zeros(12, dtype=np.int64)]),
        memory=Memory(tmp_path / "another"),
        _made={},
    )
    attempt = fit_rung(rung, both, tmp_path / "bundles", about={}, decoder=decoder)
    asked = rows_for(spec.names, toy_rows(40, seed=9))
    np.testing.assert_allclose(answer(asked), open_bundle(attempt.bundle).predict_proba(asked), atol=1e-6)


def test_without_more_rows_the_twin_is_the_candidate_and_nothing_is_trained_again(tmp_path, monkeypatch):
    workshop = toy_workshop(tmp_path)
    attempt = fit_rung("ngram", workshop, tmp_path / "bundles", about={})
    monkeypatch.setattr(Memory, "recall", only_recalled(Memory.recall))
    again = replace(workshop, _made={})
    answer = WorkshopTwin(again, "ngram", attempt.decoder).train_with({"message": []}, np.empty(0, np.int64))
    asked = rows_for(TEXT.names, toy_rows(20, seed=9))
    np.testing.assert_allclose(answer(asked), open_bundle(attempt.bundle).predict_proba(asked), atol=1e-6)


def only_recalled(recall):
    def refuse():
        raise AssertionError("this was remembered already")

    return lambda memory, name, compute: recall(memory, name, refuse)


def test_other_labels_teach_the_twin_and_leave_the_candidate_alone(tmp_path):
    workshop = toy_workshop(tmp_path)
    twin = WorkshopTwin(workshop, "ngram", ONE_STAGE)
    asked = rows_for(TEXT.names, toy_rows(100, seed=9))
    none = np.empty(0, np.int64)
    before = twin.train_with({"message": []}, none)(asked)
    turned = twin.train_on_labels((workshop.labels + 1) % 3)(asked)
    assert (np.argmax(turned, axis=1) == (np.argmax(before, axis=1) + 1) % 3).mean() > 0.95
    np.testing.assert_array_equal(twin.train_with({"message": []}, none)(asked), before)
    # Read back from disk, by a workshop that holds nothing yet.
    fresh = replace(workshop, memory=Memory(workshop.memory.folder), _made={})
    np.testing.assert_array_equal(
        WorkshopTwin(fresh, "ngram", ONE_STAGE).train_with({"message": []}, none)(asked), before
    )


def test_equal_rows_with_other_labels_are_not_mixed_up_in_memory(tmp_path):
    twin = WorkshopTwin(toy_workshop(tmp_path), "ngram", ONE_STAGE)
    rows = {"message": ["zebra zebra zebra", "zebra zebra"] * 10}
    for code in (0, 2):
        answer = twin.train_with(rows, np.full(20, code, dtype=np.int64))
        assert np.argmax(answer({"message": ["zebra zebra"]})) == code


@pytest.mark.parametrize("spec", [TEXT, TABLE, MIXED])
def test_the_rows_of_a_twin_read_back_as_those_of_its_workshop(tmp_path, spec):
    workshop = toy_workshop(tmp_path, spec)
    twin = WorkshopTwin(workshop, "majority", ONE_STAGE)
    given, found = workshop.parts[0][1], read_inputs(twin.rows, spec)
    assert found.texts == given.texts
    assert found.categories == given.categories
    np.testing.assert_array_equal(found.numbers, given.numbers)
    np.testing.assert_array_equal(twin.labels, workshop.labels)


def test_embeddings_of_the_train_rows_are_made_once_for_all_twins(tmp_path, backbone, monkeypatch):
    workshop = toy_workshop(tmp_path, TEXT, backbone=backbone, n=60)
    fit_rung("frozen", workshop, tmp_path / "bundles", about={})
    encoded: list[str] = []
    recall = Memory.recall

    def listening(memory, name, compute):
        return recall(memory, name, lambda: (encoded.append(name), compute())[1])

    monkeypatch.setattr(Memory, "recall", listening)
    extra = extra_rows(TEXT)
    WorkshopTwin(workshop, "frozen", ONE_STAGE).train_with(extra.columns, extra.labels)
    made = [name for name in encoded if name.startswith("encoder/")]
    assert len(made) == 1
    assert "extra-" in made[0]


@pytest.mark.parametrize("labels", [[0, 3], [0, -1], [0]])
def test_labels_that_are_no_classes_or_too_few_are_refused(tmp_path, labels):
    twin = WorkshopTwin(toy_workshop(tmp_path, n=20), "majority", ONE_STAGE)
    with pytest.raises(InvalidInputError, match=r"one label code in \[0, 3\) for each of 2 rows"):
        twin.train_with({"message": ["a", "b"]}, np.array(labels))


def test_no_bundle_is_written(tmp_path, monkeypatch):
    assert not hasattr(twin_module, "write_bundle")
    workshop = toy_workshop(tmp_path)
    extra = extra_rows(TEXT)
    WorkshopTwin(workshop, "ngram", ONE_STAGE).train_with(extra.columns, extra.labels)
    assert list(tmp_path.rglob("bundle.json")) == []
