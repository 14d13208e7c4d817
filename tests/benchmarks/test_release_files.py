"""The folders and edits that the registry's suite stores are sound files and change what they say."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.children.release_files import EDITS, edited, write_files
from safetensors.numpy import load, save

from smallcraft.registry.content.formats import check_file, check_format


@pytest.fixture(scope="module")
def weights() -> bytes:
    rng = np.random.default_rng(0)
    names = ("query.weight", "key.weight")
    layers = {f"encoder.layer.{n}.{name}": rng.normal(size=(8, 8)) for n in range(2) for name in names}
    words = {"embeddings.word_embeddings.weight": rng.normal(size=(40, 8))}
    return save({name: array.astype(np.float32) for name, array in (layers | words).items()})


def changed(before: bytes, after: bytes) -> set[str]:
    old, new = load(before), load(after)
    assert old.keys() == new.keys()
    return {name for name in old if not np.array_equal(old[name], new[name])}


@pytest.mark.parametrize(
    ("edit", "names"),
    [
        ("one changed matrix", {"encoder.layer.1.query.weight"}),
        ("last layer", {"encoder.layer.1.query.weight", "encoder.layer.1.key.weight"}),
        ("16 new vocabulary rows", {"embeddings.word_embeddings.weight"}),
        ("header edit", set()),
    ],
)
def test_an_edit_changes_the_tensors_it_names_and_no_others(weights, edit, names):
    after = edited(weights, edit)
    check_format("model.safetensors", after)
    assert after != weights
    assert changed(weights, after) == names
    assert after == edited(weights, edit)


def test_new_vocabulary_rows_stand_behind_the_old_ones(weights):
    name = "embeddings.word_embeddings.weight"
    old, new = load(weights)[name], load(edited(weights, EDITS[2]))[name]
    assert new.shape == (len(old) + 16, 8)
    assert np.array_equal(new[: len(old)], old)


def test_a_folder_holds_different_sound_files_of_the_size_asked_for(tmp_path):
    write_files(tmp_path / "a", count=30, total_bytes=30 * 1024)
    paths = sorted((tmp_path / "a").rglob("*.safetensors"))
    assert len({path.read_bytes() for path in paths}) == len(paths) == 30
    assert {path.stat().st_size for path in paths} == {1024}
    for path in paths:
        check_file(path)
