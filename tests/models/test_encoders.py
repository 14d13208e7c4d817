"""Encoders as arrays and as files: a digest over all of it, names apart, a table shared where it is equal."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.models.tinybert import CONFIG, make_weights, pool, reference_states, write_backbone
from tests.models.toys import TEXT, toy_workshop

from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description
from smallcraft.models.backbone import find_backbone
from smallcraft.models.encoders import source_of, write_encoder
from smallcraft.models.parts.encoder import make_encoder

TEXTS = ["lost my card", "late fee", "help the bill", ""]


@pytest.fixture(scope="module")
def source(tiny_backbone):
    return source_of(tiny_backbone)


def changed(source, name="tuned", by=0.05):
    """The top layer as if it had been trained."""
    at = "encoder.layer.1.output.dense.weight"
    weights = {**source.weights, at: source.weights[at] + np.float32(by)}
    return replace(source, name=name, weights=weights)


def files_in(folder):
    return BundleFiles(folder, listed_digests(read_description(folder)[0]))


def test_a_source_has_what_the_backbone_has_and_no_more(tmp_path):
    folder = write_backbone(tmp_path / "b")
    weights = {f"bert.{name}": array for name, array in make_weights().items()}
    weights["bert.pooler.dense.weight"] = np.zeros((16, 16), np.float32)
    weights["cls.bias"] = np.zeros(3, np.float32)
    save_file(weights, folder / "model.safetensors")
    source = source_of(find_backbone(str(folder)))
    assert set(source.weights) == set(make_weights())
    assert (source.layers, source.width, source.pooling) == (2, 16, "mean")
    assert source.token_table.shape == (CONFIG["vocab_size"], 16)


def test_the_digest_is_over_everything_but_the_name(source):
    assert replace(source, name="other").digest == source.digest
    others = [
        changed(source),
        replace(source, pooling="first"),
        replace(source, config={**source.config, "layer_norm_eps": 1e-6}),
        replace(source, tokenizer=source.tokenizer + b" "),
    ]
    assert len({source.digest, *(other.digest for other in others)}) == 5


def test_the_exact_form_computes_what_bert_computes(source, tmp_path):
    write_encoder(source, tmp_path / "e", form="fp32")
    block = make_encoder(files_in(tmp_path / "e"))
    assert block.spec["form"] == "fp32"
    found = block.encode(read_inputs(TEXTS, TEXT)).values
    for text, row in zip(TEXTS, found, strict=True):
        (tokens,) = block.tokenizer.encode([text])
        ids = np.array([[block.spec["first"], *tokens, block.spec["last"]]], dtype=np.int32)
        mask = np.ones_like(ids)
        states = reference_states(source.weights, dict(source.config), ids, mask)
        wanted = pool(states[-1], mask, "mean")[0]
        assert np.abs(row - 4 * wanted / np.linalg.norm(wanted)).max() <= 1e-5


def test_the_exact_token_table_is_the_encoders_own(source, tmp_path):
    write_encoder(source, tmp_path / "e", form="fp32")
    table = np.frombuffer(files_in(tmp_path / "e").read("embeddings.bin"), np.float32)
    assert np.array_equal(table.reshape(source.token_table.shape), source.token_table)


def test_files_of_an_encoder_begin_with_its_name_and_share_an_equal_table(source, tiny_backbone, tmp_path):
    workshop = toy_workshop(tmp_path, backbone=tiny_backbone, n=20)
    tuned = workshop.files_of(changed(source), name="tuned")
    assert set(tuned.digests) == {
        "embeddings.bin",
        "tuned-model.onnx",
        "tuned-weights.bin",
        "tokenizer.json",
    }
    words = "embeddings.word_embeddings.weight"
    other = replace(source, weights={**source.weights, words: source.weights[words][:50]})
    assert "cut-embeddings.bin" in workshop.files_of(other, name="cut").digests
    assert workshop.files_of(changed(source), name="tuned").root == tuned.root
    assert workshop.in_form("fp32").files_of(changed(source), name="tuned").root != tuned.root


def test_two_encoders_live_in_one_bundle_and_answer_as_they_do_alone(source, tiny_backbone, tmp_path):
    workshop = toy_workshop(tmp_path, backbone=tiny_backbone, n=20)
    blocks = [make_encoder(workshop.encoder_files())]
    blocks += [
        make_encoder(workshop.files_of(changed(source, name, by), name=name))
        for name, by in (("one", 0.1), ("two", -0.1))
    ]
    writer = BundleWriter(tmp_path / "bundle")
    writer.finish({"blocks": [block.save(writer, f"stage{at}") for at, block in enumerate(blocks)]})
    files = files_in(tmp_path / "bundle")
    assert [path for path in files.digests if "embeddings" in path] == ["embeddings.bin"]
    assert len([path for path in files.digests if path.endswith(".onnx")]) == 3
    inputs = read_inputs(TEXTS, TEXT)
    answers = [block.encode(inputs).values for block in blocks]
    described = read_description(tmp_path / "bundle")[0]["blocks"]
    for spec, wanted in zip(described, answers, strict=True):
        assert np.array_equal(type(blocks[0]).load(spec, files).encode(inputs).values, wanted)
    assert not np.allclose(answers[1], answers[2], atol=1e-3)


def test_an_encoder_of_another_attention_is_written_with_it(source, tmp_path):
    near = replace(source, config={**source.config, "attention": "window"})
    write_encoder(near, tmp_path / "e", form="fp32")
    block = make_encoder(files_in(tmp_path / "e"))
    long = ["card pay bill lost late fee help open account close the my is " * 6]
    write_encoder(source, tmp_path / "full", form="fp32")
    full = make_encoder(files_in(tmp_path / "full"))
    one, two = (found.encode(read_inputs(long, TEXT)).values for found in (block, full))
    assert not np.allclose(one, two, atol=1e-3)


def test_a_described_encoder_is_json(source, tmp_path):
    write_encoder(source, tmp_path / "e", stem="x-")
    described = json.loads((tmp_path / "e" / "bundle.json").read_text())["encoder"]
    assert described["model"] == "x-model.onnx"
    assert described["weights"] == ["embeddings.bin", "x-weights.bin"]
    assert "form" not in described
