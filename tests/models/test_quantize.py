"""The quantized encoder: near the exact one, the same bytes every time, in files that blocks share."""

from __future__ import annotations

import csv
import logging

import numpy as np
import onnx
import onnxruntime
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression
from tests.models.tinybert import CONFIG, make_tokenizer, make_weights, write_backbone
from tokenizers import processors

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.canonical import digest_file
from smallcraft.errors import InvalidInputError
from smallcraft.models.backbone import find_backbone
from smallcraft.models.encoders import source_of, write_encoder
from smallcraft.models.graph import build_encoder_graph
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.parts.static import make_static
from smallcraft.models.quantize import quantize_encoder

SPEC = InputSpec(text="message")
TEXTS = ["lost my card", "late fee", "pay the bill", "help", "", "open the account is closed 1 2 3"]


def files_of(backbone, target) -> BundleFiles:
    write_encoder(source_of(backbone), target)
    return BundleFiles(target, listed_digests(read_description(target)[0]))


def cosines(one, two):
    return (one * two).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)


def exact_embeddings(backbone, block, texts):
    """The float graph on what the block would read."""
    graph = build_encoder_graph(load_file(backbone.folder / "model.safetensors"), backbone.config)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = []
    for tokens in block.tokenizer.encode(texts):
        ids = np.array([[block.spec["first"], *tokens[:126], block.spec["last"]]], dtype=np.int32)
        rows.append(session.run(["embedding"], {"input_ids": ids, "mask": np.ones_like(ids)})[0][0])
    return np.stack(rows)


def test_the_tiny_encoder_in_int8_is_near_the_exact_one(tiny_backbone, tmp_path):
    block = make_encoder(files_of(tiny_backbone, tmp_path / "encoder"))
    found = block.encode(read_inputs(TEXTS, SPEC)).values
    near = cosines(found, exact_embeddings(tiny_backbone, block, TEXTS))
    # At width 16 rounding weighs more than in a real encoder, whose bounds stand below.
    assert near.min() >= 0.95
    assert not np.allclose(near, 1, atol=1e-7)


def test_the_same_backbone_gives_the_same_bytes(tiny_backbone, tmp_path):
    assert write_encoder(source_of(tiny_backbone), tmp_path / "one") == write_encoder(
        source_of(tiny_backbone), tmp_path / "two"
    )
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["bundle.json", "embeddings.bin", "model.onnx", "tokenizer.json", "weights.bin"]
    for name in names:
        assert digest_file(tmp_path / "one" / name) == digest_file(tmp_path / "two" / name)


def test_other_weights_give_other_bytes(tiny_backbone, tmp_path):
    other = find_backbone(str(write_backbone(tmp_path / "other", seed=1)))
    assert write_encoder(source_of(other), tmp_path / "one") != write_encoder(
        source_of(tiny_backbone), tmp_path / "two"
    )


def test_the_table_file_holds_the_token_table_alone_in_bytes(tiny_backbone, tmp_path):
    files = files_of(tiny_backbone, tmp_path / "encoder")
    exact = make_weights()["embeddings.word_embeddings.weight"]
    table = np.frombuffer(files.read("embeddings.bin"), np.uint8).reshape(exact.shape)
    step = (table.astype(float) - table.mean()).std() / (exact - exact.mean()).std()
    assert np.abs((table - table.mean()) / step - (exact - exact.mean())).max() < 1 / step
    static = make_static(files)
    assert np.array_equal(static.table, table)
    assert np.allclose(static.center, table.mean(axis=0))
    assert np.linalg.norm(static.encode(read_inputs(["card"], SPEC)).values[0]) == pytest.approx(1.5)


def test_the_description_says_what_the_block_needs(tiny_backbone, tmp_path):
    files_of(tiny_backbone, tmp_path / "encoder")
    described = read_description(tmp_path / "encoder")[0]["encoder"]
    assert {key: described[key] for key in ("width", "tokens", "longest", "first", "last")} == {
        "width": 16,
        "tokens": CONFIG["vocab_size"],
        "longest": 128,
        "first": 2,
        "last": 3,
    }


def test_an_encoder_that_reads_less_than_128_tokens_is_not_asked_for_more(tmp_path):
    folder = write_backbone(tmp_path / "short", max_position_embeddings=40)
    weights = make_weights()
    weights["embeddings.position_embeddings.weight"] = weights["embeddings.position_embeddings.weight"][:40]
    save_file(weights, folder / "model.safetensors")
    block = make_encoder(files_of(find_backbone(str(folder)), tmp_path / "encoder"))
    assert block.spec["longest"] == 40
    assert np.isfinite(block.encode(read_inputs(["card " * 300], SPEC)).values).all()


def test_first_token_pooling_is_that_of_the_folder(tiny_backbone, tmp_path):
    folder = write_backbone(tmp_path / "first")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    first = files_of(find_backbone(str(folder)), tmp_path / "one")
    mean = files_of(tiny_backbone, tmp_path / "two")
    assert [pooled_by(files) for files in (first, mean)] == ["Gather", "Div"]
    assert make_encoder(first).encode(read_inputs(TEXTS, SPEC)).values.shape == (len(TEXTS), 16)


def pooled_by(files):
    graph = onnx.load_from_string(files.read("model.onnx")).graph
    return next(node.op_type for node in graph.node if node.output[0] == "embedding")


def test_a_tokenizer_without_special_tokens_is_refused(tmp_path):
    folder = write_backbone(tmp_path / "bare")
    tokenizer = make_tokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    with pytest.raises(
        InvalidInputError, match="one special token before a text and one after it, got 0 in all"
    ):
        write_encoder(source_of(find_backbone(str(folder))), tmp_path / "encoder")


def test_every_output_channel_of_a_product_has_a_scale_of_its_own():
    graph = quantize_encoder(build_encoder_graph(make_weights(), CONFIG)).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    products = [name for name in shapes if name.endswith(("qkv_quantized", ".weight_quantized"))]
    products = [name for name in products if len(shapes[name]) == 2]
    assert len(products) == 8
    for name in products:
        assert shapes[name.replace("_quantized", "_scale")] == (shapes[name][1],)


def test_quantizing_leaves_the_graph_given_and_the_log_as_they_are(caplog):
    graph = build_encoder_graph(make_weights(), CONFIG)
    before, level = graph.SerializeToString(deterministic=True), logging.getLogger().level
    operators = {node.op_type for node in quantize_encoder(graph).graph.node}
    assert {"QEmbedLayerNormalization", "QAttention"} <= operators
    assert not {"Attention", "EmbedLayerNormalization"} & operators
    assert graph.SerializeToString(deterministic=True) == before
    assert logging.getLogger().level == level
    assert caplog.records == []


def intents_of(path, chosen):
    """Texts and labels of some intents, in a seeded order."""
    with path.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["category"] in chosen]
    order = np.random.default_rng(77).permutation(len(rows))
    return [rows[row]["text"] for row in order], np.array([rows[row]["category"] for row in order])


@pytest.mark.backbone
@pytest.mark.realdata
@pytest.mark.slow
def test_the_real_encoder_in_int8_keeps_its_embeddings_and_its_labels(shared_data, tmp_path):
    folder = shared_data / "banking77"
    with (folder / "test.csv").open(newline="") as stream:
        intents = sorted({row["category"] for row in csv.DictReader(stream)})[::4]
    (texts, labels), (asked, truth) = (intents_of(folder / f"{s}.csv", intents) for s in ("train", "test"))
    texts, labels, asked, truth = texts[:1000], labels[:1000], asked[:400], truth[:400]
    backbone = find_backbone("auto")
    block = make_encoder(files_of(backbone, tmp_path / "encoder"))
    quantized = block.encode(read_inputs(asked, SPEC)).values
    exact = exact_embeddings(backbone, block, asked)
    near = cosines(quantized, exact)
    assert near.mean() >= 0.99
    assert near.min() >= 0.97
    # The head learns from INT8 rows, as the one that ships does.
    head = LogisticRegression(C=2.0, max_iter=150).fit(block.encode(read_inputs(texts, SPEC)).values, labels)
    one = head.predict(4 * exact / np.linalg.norm(exact, axis=1, keepdims=True))
    two = head.predict(quantized)
    assert np.mean(one == two) >= 0.98
    assert np.mean(two == truth) >= np.mean(one == truth) - 0.01
    assert np.mean(two == truth) > 0.9
