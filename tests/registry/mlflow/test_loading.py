"""How MLflow loads a release: what is not as recorded is not loaded."""

from __future__ import annotations

import polars as pl
import pytest
from tests.models.toys import toy_rows

from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.mlflow.loading import _load_pyfunc
from smallcraft.registry.mlflow.packing import write_folder
from smallcraft.registry.proving import prove_release


@pytest.fixture
def folder(released, name, tmp_path):
    proof = prove_release(released, f"{name}@1")
    return write_folder(released.find(f"{name}@1"), proof, tmp_path / "model")


def test_it_answers_what_the_bundle_answers_for_lists_columns_and_frames(folder, toy_bundle):
    texts = list(toy_rows(20, seed=9).columns["message"])
    wanted = open_bundle(toy_bundle).predict(texts)
    model = _load_pyfunc(str(folder))
    assert model.predict(texts) == wanted
    assert model.predict({"message": texts}) == wanted
    assert model.predict(pl.DataFrame({"other": range(20), "message": texts})) == wanted


def test_a_column_that_is_not_there_is_named(folder):
    with pytest.raises(InvalidInputError, match="reads the column 'message', got body"):
        _load_pyfunc(str(folder)).predict({"body": ["a"]})


def test_one_altered_byte_of_the_weights_is_not_loaded(folder):
    weights = max((folder / "release/bundle").rglob("*.npz"), key=lambda path: path.stat().st_size)
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(IntegrityError, match=weights.name):
        _load_pyfunc(str(folder))
