"""Low-rank inputs change nothing while no adapter is on, and what merging does while one is."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.tinybert import CONFIG

from smallcraft.bundle.runtimes.onnxruntime import open_session
from smallcraft.bundle.trunk.adapter import adapt_session
from smallcraft.errors import InvalidInputError
from smallcraft.models.adapters import (
    QUERY_AND_VALUE,
    Adapter,
    LowRank,
    adapter_bytes,
    build_adaptable_graph,
    merge,
)
from smallcraft.models.encoders import source_of
from smallcraft.models.graph import build_encoder_graph
from smallcraft.models.quantize import quantize_encoder

EVERY_MODULE = (
    *QUERY_AND_VALUE,
    "attention.self.key",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
SHAPES = ((1, 1), (1, 7), (2, 33), (5, 20))


@pytest.fixture(scope="module")
def source(tiny_backbone):
    return source_of(tiny_backbone)


def random_adapter(source, modules, *, rank=2, seed=0) -> Adapter:
    rng = np.random.default_rng(seed)
    places = [f"encoder.layer.{layer}.{module}" for layer in range(source.layers) for module in modules]
    changes = {}
    for place in places:
        width, outer = source.weights[f"{place}.weight"].T.shape
        down, up = rng.normal(0, 0.2, (width, rank)), rng.normal(0, 0.2, (rank, outer))
        changes[place] = LowRank(down.astype(np.float32), up.astype(np.float32))
    return Adapter(changes)


def feed(batch, tokens):
    rng = np.random.default_rng(batch * 100 + tokens)
    ids = rng.integers(4, CONFIG["vocab_size"], (batch, tokens)).astype(np.int32)
    mask = np.ones_like(ids)
    mask[1:, tokens // 2 :] = 0
    return {"input_ids": ids, "mask": mask}


def plain_session(source, form="fp32"):
    graph = build_encoder_graph(source.weights, source.config, pooling=source.pooling)
    graph = quantize_encoder(graph) if form == "int8" else graph
    return open_session(graph.SerializeToString(), {})


@pytest.fixture(scope="module")
def adaptable(source):
    found = build_adaptable_graph(source, form="fp32", modules=EVERY_MODULE)
    return found, open_session(found.model.SerializeToString(), {})


@pytest.mark.parametrize("shape", SHAPES)
def test_without_an_adapter_the_fp32_graph_computes_what_the_plain_one_does(source, adaptable, shape):
    found = adaptable[1].run(None, feed(*shape))[0]
    assert np.abs(found - plain_session(source).run(None, feed(*shape))[0]).max() <= 1e-5


def test_without_an_adapter_the_int8_graph_is_the_plain_one_to_the_bit(source):
    plain = plain_session(source, "int8")
    graph = build_adaptable_graph(source, modules=EVERY_MODULE).model
    adaptable = open_session(graph.SerializeToString(), {})
    for shape in SHAPES:
        assert np.array_equal(adaptable.run(None, feed(*shape))[0], plain.run(None, feed(*shape))[0])


@pytest.mark.parametrize("module", EVERY_MODULE)
def test_an_adapter_switched_on_is_the_merged_encoder(source, adaptable, module):
    adapter = random_adapter(source, [module])
    merged = plain_session(merge(source, adapter))
    found, session = adaptable
    adapted = adapt_session(session, adapter_bytes(adapter), found.places, path="x")
    for shape in SHAPES:
        before, after = session.run(None, feed(*shape))[0], adapted.run(None, feed(*shape))[0]
        assert np.abs(after - merged.run(None, feed(*shape))[0]).max() <= 1e-5
        # A token alone attends to itself whatever its query.
        assert shape == (1, 1) or np.abs(after - before).max() > 1e-3


@settings(max_examples=8)
@given(ranks=st.lists(st.integers(1, 6), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_adapters_of_any_rank_take_turns_and_leave_nothing_behind(source, adaptable, ranks, seed):
    found, session = adaptable
    plain = session.run(None, feed(1, 7))[0]
    for rank in ranks:
        adapter = random_adapter(source, EVERY_MODULE, rank=rank, seed=seed)
        adapted = adapt_session(session, adapter_bytes(adapter), found.places, path="x")
        merged = plain_session(merge(source, adapter)).run(None, feed(1, 7))[0]
        assert np.abs(adapted.run(None, feed(1, 7))[0] - merged).max() <= 1e-5
        assert np.array_equal(session.run(None, feed(1, 7))[0], plain)


def test_the_same_adapter_gives_the_same_bytes_in_another_process():
    code = (
        "import sys, hashlib, numpy as np; from smallcraft.models.adapters import *;"
        "one = {n: np.full((3, 1), ord(n), np.float32) for n in 'bac'};"
        "made = {n: LowRank(one[n], one[n].T) for n in one};"
        "print(hashlib.sha256(adapter_bytes(Adapter(made))).hexdigest())"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first == second


# --- refused ---------------------------------------------------------------------------


def test_a_module_that_no_layer_has_is_refused_with_the_nearest(source):
    with pytest.raises(InvalidInputError, match=r"got 'output\.dens' - did you mean 'output\.dense'\?"):
        build_adaptable_graph(source, modules=["output.dens"])


def test_an_adapter_of_other_widths_is_not_merged(source):
    change = LowRank(np.ones((3, 1), np.float32), np.ones((1, 16), np.float32))
    for place in ("encoder.layer.0.attention.self.query", "encoder.layer.9.attention.self.query"):
        with pytest.raises(InvalidInputError, match=r"which encoder .* has not, or in other widths"):
            merge(source, Adapter({place: change}))
