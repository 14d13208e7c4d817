"""The mean of token embeddings from a byte table, beside the mean over the floats it was rounded from."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.models.tinybert import VOCABULARY, make_tokenizer

from smallcraft.bundle.blocks.static import StaticBlock
from smallcraft.bundle.inputs import FastTokenizer, InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description

TOKENS = make_tokenizer()
TOKENIZER = FastTokenizer(TOKENS, TOKENS.to_str().encode())
SPEC = InputSpec(text="message")
WIDTH, GAIN = 24, 1.5
FLOATS = np.random.default_rng(4).normal(0.1, 0.3, size=(len(VOCABULARY), WIDTH))
texts = st.lists(st.sampled_from(["card", "lost", "my", "fee", "zz9", "🙂"]), max_size=8).map(" ".join)


def byte_block() -> StaticBlock:
    step = (FLOATS.max() - FLOATS.min()) / 255
    table = np.rint((FLOATS - FLOATS.min()) / step).astype(np.uint8)
    return StaticBlock(TOKENIZER, table, table.mean(axis=0).astype(np.float32), GAIN)


BLOCK = byte_block()


@given(st.lists(texts, max_size=5))
def test_rows_agree_with_the_mean_over_the_table_of_floats(asked):
    values = BLOCK.encode(read_inputs(asked, SPEC)).values
    assert values.shape == (len(asked), WIDTH)
    for row, text in zip(values, asked, strict=True):
        ids = TOKENIZER.tokenizer.encode(text, add_special_tokens=False).ids
        if not ids:
            assert not row.any()
            continue
        mean = FLOATS[ids].mean(axis=0) - FLOATS.mean(axis=0)
        wanted = GAIN * mean / np.linalg.norm(mean)
        assert np.abs(row - wanted).max() < 0.02
        assert abs(np.linalg.norm(row) - GAIN) < 1e-5


def test_scale_and_zero_point_of_the_bytes_do_not_matter():
    table = np.random.default_rng(5).integers(0, 100, size=(len(VOCABULARY), WIDTH)).astype(np.uint8)
    shifted = (table * 2 + 7).astype(np.uint8)
    inputs = read_inputs(["lost my card", "late fee"], SPEC)
    one, two = (
        StaticBlock(TOKENIZER, bytes_, bytes_.mean(axis=0).astype(np.float32), GAIN).encode(inputs).values
        for bytes_ in (table, shifted)
    )
    assert np.allclose(one, two, atol=1e-5)


def test_sums_of_a_long_text_do_not_overflow_the_bytes():
    inputs = read_inputs(["card " * 5000, "card"], SPEC)
    long, short = BLOCK.encode(inputs).values
    assert np.allclose(long, short, atol=1e-6)


def test_a_block_survives_the_disk(tmp_path):
    writer = BundleWriter(tmp_path / "bundle")
    writer.finish({"block": BLOCK.save(writer, "stage")})
    description, _ = read_description(tmp_path / "bundle")
    files = BundleFiles(tmp_path / "bundle", listed_digests(description))
    restored = StaticBlock.load(description["block"], files)
    inputs = read_inputs(["lost my card", ""], SPEC)
    assert np.array_equal(restored.encode(inputs).values, BLOCK.encode(inputs).values)
    assert restored.width == WIDTH
