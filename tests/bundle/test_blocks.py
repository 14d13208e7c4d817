"""What every kind of block must do, whatever it reads."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.toy_experts import toy_experts
from tests.models.toys import rows_for, toy_rows

from smallcraft.bundle import blocks
from smallcraft.bundle.encoded import Dense, Sparse
from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.runtime import open_bundle

MADE_IN = {
    "columns": "trees",
    "encoder": "cascade",
    "experts": "experts",
    "ngram": "ngram",
    "onehot": "mixed-ngram",
    "static": "fast",
    "linear": "linear",
}


@pytest.fixture(scope="module")
def paths(bundles, tmp_path_factory, tiny_backbone):
    """Every toy bundle; the one with experts is no toy of the ladder's, which would train it."""
    made = {name: attempt.bundle for name, attempt in bundles.items()}
    return made | {"experts": toy_experts(tmp_path_factory.mktemp("experts"), tiny_backbone).path}


@pytest.fixture(params=sorted(blocks.BUILTIN))
def block_and_inputs(request, paths):
    bundle = open_bundle(paths[MADE_IN[request.param]])
    found = [block for stage in bundle.stages for block in stage.blocks if block.name == request.param]
    return found[0], read_inputs(rows_for(bundle.inputs, toy_rows(12, seed=3)), bundle.spec)


def dense(encoded) -> np.ndarray:
    if isinstance(encoded, Dense):
        return encoded.values
    assert isinstance(encoded, Sparse)
    values = np.zeros((len(encoded.offsets) - 1, encoded.width), np.float32)
    for row in range(len(values)):
        span = slice(encoded.offsets[row], encoded.offsets[row + 1])
        assert (np.diff(encoded.columns[span]) > 0).all(), "columns ascend"
        values[row, encoded.columns[span]] = encoded.values[span]
    return values


def test_every_row_is_encoded_to_the_width_in_float32(block_and_inputs):
    block, inputs = block_and_inputs
    encoded = block.encode(inputs)
    assert encoded.values.dtype == np.float32
    assert dense(encoded).shape == (inputs.n, block.width)
    assert np.unique(dense(encoded), axis=0).shape[0] > 1


def test_a_row_is_encoded_the_same_alone(block_and_inputs):
    block, inputs = block_and_inputs
    together = dense(block.encode(inputs))
    for row in range(inputs.n):
        alone = dense(block.encode(inputs.take(np.array([row], dtype=np.intp))))
        assert np.array_equal(alone[0], together[row], equal_nan=True)


def test_no_rows_are_no_rows(block_and_inputs):
    block, inputs = block_and_inputs
    assert dense(block.encode(inputs.take(np.empty(0, dtype=np.intp)))).shape == (0, block.width)


def test_every_kind_is_made_by_some_bundle(paths):
    opened = [open_bundle(path) for path in paths.values()]
    stages = [stage for bundle in opened for stage in bundle.stages]
    assert {block.name for stage in stages for block in stage.blocks} == set(blocks.BUILTIN)
