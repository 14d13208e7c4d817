"""The encoder block: one text a run, cut to what the encoder reads, rows of one length."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.tinybert import VOCABULARY

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description
from smallcraft.bundle.runtimes.onnxruntime import open_session
from smallcraft.errors import BundleFormatError
from smallcraft.models.encoders import source_of, write_encoder
from smallcraft.models.parts.encoder import make_encoder

SPEC = InputSpec(text="message")


@pytest.fixture(scope="module")
def files(tiny_backbone, tmp_path_factory) -> BundleFiles:
    target = tmp_path_factory.mktemp("encoder") / "files"
    write_encoder(source_of(tiny_backbone), target)
    return BundleFiles(target, listed_digests(read_description(target)[0]))


@pytest.fixture(scope="module")
def block(files) -> EncoderBlock:
    return make_encoder(files)


def encode(block, texts):
    return block.encode(read_inputs(texts, SPEC)).values


def test_a_row_is_what_the_graph_says_of_the_text_between_its_special_tokens(block):
    ids = [VOCABULARY.index(token) for token in ("[CLS]", "lost", "my", "card", "[SEP]")]
    feed = np.array([ids], dtype=np.int32)
    embedding = block.session.run(["embedding"], {"input_ids": feed, "mask": np.ones_like(feed)})[0][0]
    row = encode(block, ["Lost my CARD"])[0]
    assert np.allclose(row, 4 * embedding / np.linalg.norm(embedding), atol=1e-6)


def test_rows_have_one_length(block):
    values = encode(block, ["lost", "", "my card is late", "🙂", "card " * 300])
    assert values.shape == (5, 16)
    assert np.allclose(np.linalg.norm(values, axis=1), 4, atol=1e-5)


def test_a_text_longer_than_the_encoder_reads_is_cut_and_keeps_its_last_token(block):
    assert block.spec["longest"] == 128
    kept = " ".join(["card"] * 126)
    assert np.array_equal(encode(block, [kept + " fee" * 50]), encode(block, [kept]))
    assert not np.array_equal(encode(block, ["card " * 125]), encode(block, [kept]))


def test_no_texts_give_no_rows(block):
    assert encode(block, []).shape == (0, block.width)


def test_a_block_survives_the_disk(block, tmp_path):
    writer = BundleWriter(tmp_path / "bundle")
    writer.finish({"block": block.save(writer, "stage")})
    description, _ = read_description(tmp_path / "bundle")
    restored = EncoderBlock.load(
        description["block"], BundleFiles(tmp_path / "bundle", listed_digests(description))
    )
    texts = ["lost my card", "pay the late fee"]
    assert np.array_equal(encode(restored, texts), encode(block, texts))


def test_two_different_encoders_in_one_bundle_are_never_mixed_up(block, tmp_path):
    """The graph calls its weights by file name."""
    writer = BundleWriter(tmp_path / "bundle")
    writer.add("embeddings.bin", b"of another encoder")
    with pytest.raises(AssertionError, match="names them apart"):
        block.save(writer, "stage")


def test_a_graph_that_cannot_be_opened_is_refused(files):
    with pytest.raises(BundleFormatError, match=r"onnxruntime .* cannot open the bundle's graph"):
        open_session(b"garbage", {})
    with pytest.raises(BundleFormatError, match="cannot open the bundle's graph"):
        open_session(files.read("model.onnx"), {})


def test_weights_that_were_not_given_are_looked_for_nowhere(files, monkeypatch):
    monkeypatch.chdir(files.root)
    with pytest.raises(BundleFormatError, match="cannot open the bundle's graph"):
        open_session(files.read("model.onnx"), {})
