"""The static block that is made from a quantized encoder's token table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.models.tinybert import make_weights

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.models.encoders import source_of, write_encoder
from smallcraft.models.parts.static import make_static, make_static_of, round_table
from smallcraft.models.parts.tokenizers import BUILTIN


def test_rows_agree_with_the_mean_over_the_encoders_own_embeddings(tiny_backbone, tmp_path):
    write_encoder(source_of(tiny_backbone), tmp_path / "encoder")
    files = BundleFiles(tmp_path / "encoder", listed_digests(read_description(tmp_path / "encoder")[0]))
    block = make_static(files)
    floats = make_weights()["embeddings.word_embeddings.weight"].astype(np.float64)
    texts = ["lost my card", "late fee", "pay the bill is open"]
    rows = block.encode(read_inputs(texts, InputSpec(text="message"))).values
    for row, tokens in zip(rows, block.tokenizer.encode(texts), strict=True):
        mean = floats[tokens].mean(axis=0) - floats.mean(axis=0)
        assert np.abs(row - 1.5 * mean / np.linalg.norm(mean)).max() < 0.03


def test_some_rows_of_a_table_give_what_the_whole_table_gives_but_for_the_centre(tiny_backbone):
    source = source_of(tiny_backbone)
    whole, part = BUILTIN["wordpiece"].fit([], source), BUILTIN["pruned"].fit(["lost my card"], source)
    inputs = read_inputs(["lost my card", "lost card"], InputSpec(text="message"))
    exact = [make_static_of(source, fitted, form="fp32") for fitted in (whole, part)]
    means = [block.encode(inputs).values for block in exact]
    tables = [source.token_table[fitted.rows].mean(axis=0) for fitted in (whole, part)]
    for block, table in zip(exact, tables, strict=True):
        assert np.allclose(block.center, table, atol=1e-6)
        assert block.table.dtype == np.float32
    for row in range(2):
        assert np.linalg.norm(means[0][row]) == pytest.approx(1.5, abs=1e-5)
    rounded = make_static_of(source, part).encode(inputs).values
    assert np.abs(rounded - means[1]).max() < 0.03


@given(arrays(np.float32, (5, 3), elements=st.floats(-4, 4, width=32)))
def test_rounding_a_table_keeps_order_and_is_off_by_half_a_step_at_most(table):
    rounded = round_table(table)
    low, high = min(float(table.min()), 0.0), max(float(table.max()), 0.0)
    step = (high - low) / 255 or 1.0
    assert np.abs(rounded * step + low - table).max() <= step * 0.501


def test_a_table_of_zeros_is_rounded_to_zeros():
    assert not round_table(np.zeros((2, 2), np.float32)).any()
