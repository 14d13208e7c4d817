"""Embeddings that are kept on the way to an answer: the encoder's own rows, from its one run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.serve.task_bundles import some_inputs, write_task_bundles

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.runtime import answer_inputs, open_bundle
from smallcraft.bundle.trunk.once import Call
from smallcraft.models.text_memory import TextMemory
from smallcraft.serve.answering import bundle_answerer, facts_of
from smallcraft.serve.equal_lengths import Together
from smallcraft.serve.windows.embeddings import answer_and_keep, embed, find_encoder


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    paths = write_task_bundles(tmp_path_factory.mktemp("tasks"))
    return {name: open_bundle(paths[name]) for name in ("numbers", "words", "int8", "fp32", "cascade")}


def encoded(bundle, inputs):
    [block] = [b for stage in bundle.stages for b in stage.blocks if isinstance(b, EncoderBlock)]
    return block.encode(inputs).values


@pytest.mark.parametrize("name", ["numbers", "words"])
def test_a_model_without_an_encoder_has_no_embedding(opened, name):
    bundle = opened[name]
    inputs = some_inputs(bundle.spec, 3, np.random.default_rng(1))
    kept = answer_and_keep(bundle, inputs)
    assert kept.embedding is None
    assert find_encoder(bundle) is None
    assert embed(bundle, inputs) is None
    expected = answer_inputs(bundle.stages, bundle.decoder, inputs)
    assert kept.answers.probs.tobytes() == expected.probs.tobytes()


@pytest.mark.parametrize("name", ["int8", "fp32", "cascade"])
def test_the_answer_is_the_same_and_the_rows_are_the_encoders(opened, name):
    bundle = opened[name]
    inputs = some_inputs(bundle.spec, 12, np.random.default_rng(2))
    kept = answer_and_keep(bundle, inputs)
    expected = answer_inputs(bundle.stages, bundle.decoder, inputs)
    assert kept.answers.probs.tobytes() == expected.probs.tobytes()
    assert kept.answers.escalated.tobytes() == expected.escalated.tobytes()
    asked = expected.escalated if name == "cascade" else np.ones(12, np.bool_)
    assert kept.embedding is not None
    assert kept.embedding.dtype == np.float32
    assert np.array_equal(kept.embedding[asked], encoded(bundle, inputs)[asked])
    assert np.isnan(kept.embedding[~asked]).all()
    if name == "cascade":
        assert 0 < asked.sum() < 12


@pytest.mark.parametrize("name", ["fp32", "cascade"])
def test_an_encoder_may_be_asked_about_every_row(opened, name):
    bundle = opened[name]
    inputs = some_inputs(bundle.spec, 12, np.random.default_rng(2))
    found = embed(bundle, inputs)
    assert found.dtype == np.float32
    assert np.array_equal(found, encoded(bundle, inputs))


@pytest.mark.parametrize("way", ["remembered", "of equal length together", "once a call"])
def test_they_are_found_behind_what_stands_in_for_an_encoder(opened, tmp_path, way):
    bundle = opened["cascade"]
    stand_in = {
        "remembered": TextMemory(tmp_path).bind,
        "of equal length together": Together().bind,
        "once a call": lambda given: Call().bind(given, "trunk"),
    }
    bound = stand_in[way](bundle)
    inputs = some_inputs(bundle.spec, 12, np.random.default_rng(2))
    assert find_encoder(bound) == find_encoder(bundle) is not None
    assert np.array_equal(embed(bound, inputs), encoded(bundle, inputs))
    own, found = answer_and_keep(bundle, inputs), answer_and_keep(bound, inputs)
    assert found.answers.probs.tobytes() == own.answers.probs.tobytes()
    assert np.array_equal(found.embedding, own.embedding, equal_nan=True)


def test_an_answerer_gives_them_only_when_it_is_told_to(opened):
    bundle = opened["fp32"]
    inputs = some_inputs(bundle.spec, 4, np.random.default_rng(3))
    answerer = bundle_answerer(bundle, facts_of(bundle, "m", "1"))
    assert answerer.answer(inputs).embedding is None
    answerer.keep_embeddings()
    parts = [inputs.take(np.array(places)) for places in ([0], [1, 2], [3])]
    replies = answerer.answer_many("", parts)
    whole = np.concatenate([reply.embedding for reply in replies])
    assert np.array_equal(whole, encoded(bundle, inputs))


def test_the_encoder_runs_once(opened):
    bundle = opened["fp32"]
    runs = []

    class Counted:
        def __init__(self, session):
            self.session = session

        def run(self, names, feed):
            runs.append(feed["input_ids"].shape)
            return self.session.run(names, feed)

    [stage] = bundle.stages
    [block] = stage.blocks
    counted = replace(stage, blocks=(replace(block, session=Counted(block.session)),))
    answer_and_keep(replace(bundle, stages=(counted,)), some_inputs(bundle.spec, 5, np.random.default_rng(4)))
    assert len(runs) == 5
