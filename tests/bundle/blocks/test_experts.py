"""Laws of the block of experts: routed rows, experts opened when taken, and what a row's columns hold."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tests.models.toy_experts import ToyExperts, toy_experts

from smallcraft.bundle.blocks.experts import cluster_masses
from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.selfcheck import run_selfcheck
from smallcraft.canonical import canonical_json
from smallcraft.errors import BundleFormatError, IntegrityError


@pytest.fixture(scope="module")
def toy(tmp_path_factory, tiny_backbone) -> ToyExperts:
    return toy_experts(tmp_path_factory.mktemp("experts"), tiny_backbone)


def test_the_router_is_the_first_stage_itself_not_a_copy(toy):
    bundle = toy.open()
    assert bundle.stages[1].blocks[0].router is bundle.stages[0]


def test_no_expert_is_opened_before_it_is_taken(toy):
    bundle = toy.open()
    block = bundle.stages[1].blocks[0]
    assert block.opened == {}
    taken = block.route(toy.inputs)
    row = int(np.flatnonzero(taken == 1)[0])
    bundle.predict([toy.workshop.texts[row]])
    assert set(block.opened) == {1}


def test_a_row_has_the_taken_experts_columns_and_no_others(toy):
    block = toy.open().stages[1].blocks[0]
    encoded, taken = block.encode(toy.inputs), block.route(toy.inputs)
    width = block.width // block.n_experts
    assert set(np.diff(encoded.offsets)) == {width}
    assert (encoded.columns.reshape(-1, width) // width == taken[:, None]).all()
    values = encoded.values.reshape(-1, width)
    assert np.linalg.norm(values[:, :-1], axis=1) == pytest.approx(4.0, abs=1e-4)
    assert (values[:, -1] == 1).all()
    assert set(taken) == {0, 1}


def test_a_rows_answer_does_not_depend_on_the_rows_beside_it(toy):
    bundle = toy.open()
    texts = toy.workshop.texts[:12]
    together = bundle.predict_proba(texts)
    assert np.array_equal(together, np.vstack([bundle.predict_proba([text]) for text in texts]))


def test_what_was_written_answers_as_what_was_made(toy):
    made = toy.stages[1].logits(toy.inputs)
    assert np.array_equal(toy.open().stages[1].logits(toy.inputs), made)
    check = run_selfcheck(toy.open())
    assert (check.agreeing, check.largest_difference) == (check.rows, 0.0)


def test_an_expert_whose_file_was_changed_is_refused_when_it_is_taken(toy, tmp_path):
    folder = shutil.copytree(toy.path, tmp_path / "bundle")
    target = folder / "expert1.onnx"
    target.write_bytes(target.read_bytes() + b"\0")
    bundle = open_bundle(folder)
    taken = bundle.stages[1].blocks[0].route(toy.inputs)
    texts = np.array(toy.workshop.texts)
    bundle.predict(texts[taken == 0].tolist())
    with pytest.raises(IntegrityError, match=r"expert1\.onnx does not match its record"):
        bundle.predict(texts[taken == 1].tolist())


def test_a_tie_between_clusters_goes_to_the_first():
    masses = cluster_masses(np.zeros((1, 4)), np.array([1, 0, 1, 0]), scale=1.0)
    assert masses == pytest.approx(np.array([[0.5, 0.5]]))
    assert masses.argmax() == 0


def test_a_rows_masses_are_the_same_bits_alone_and_among_others():
    logits = np.random.default_rng(3).normal(size=(9, 150))
    clusters = np.arange(150) % 5
    alone = [cluster_masses(logits[row : row + 1], clusters, scale=1.3) for row in range(9)]
    together = cluster_masses(logits, clusters, scale=1.3)
    assert together.tobytes() == b"".join(row.tobytes() for row in alone)
    assert cluster_masses(logits[:0], clusters, scale=1.3).shape == (0, 5)


def test_a_description_that_names_fewer_experts_than_clusters_is_refused(toy, tmp_path):
    folder = shutil.copytree(toy.path, tmp_path / "bundle")
    description = json.loads((folder / DESCRIPTION).read_bytes())
    description["stages"][1]["blocks"][0]["experts"].pop()
    (folder / DESCRIPTION).write_bytes(canonical_json(description))

    with pytest.raises(BundleFormatError, match="an expert for each cluster"):
        open_bundle(folder)
