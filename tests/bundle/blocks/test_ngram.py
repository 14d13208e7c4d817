"""N-grams of word pieces, beside a reference in plain Python."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.models.tinybert import VOCABULARY, make_tokenizer

from smallcraft.bundle.blocks.ngram import NgramBlock, ngram_keys
from smallcraft.bundle.inputs import FastTokenizer, InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description

TOKENS = make_tokenizer()
TOKENIZER = FastTokenizer(TOKENS, TOKENS.to_str().encode())
SPEC = InputSpec(text="message")
words = st.lists(st.sampled_from(["card", "lost", "my", "fee", "zz9", "🙂"]), max_size=8).map(" ".join)


def grams_of(text: str) -> set[tuple[str, ...]]:
    """Unigrams, and bigrams with a mark before and after the text."""
    pieces = TOKENIZER.tokenizer.encode(text, add_special_tokens=False).tokens
    marked = ["<edge>", *pieces, "<edge>"]
    return {(piece,) for piece in pieces} | set(pairwise(marked))


def key_of(gram: tuple[str, ...]) -> int:
    codes = [1 if piece == "<edge>" else VOCABULARY.index(piece) + 2 for piece in gram]
    return codes[0] if len(codes) == 1 else codes[0] * 2**32 + codes[1]


def block_of(weights: dict[int, float]) -> NgramBlock:
    keys = np.array(sorted(weights), dtype=np.int64)
    return NgramBlock(TOKENIZER, keys, np.array([weights[key] for key in keys], dtype=np.float32))


@given(words)
def test_keys_are_the_distinct_unigrams_and_bigrams(text):
    keys = ngram_keys(TOKENIZER.encode([text])[0])
    assert keys.tolist() == sorted(key_of(gram) for gram in grams_of(text))


@given(st.lists(st.integers(0, 2**31 - 3), max_size=6), st.lists(st.integers(0, 2**31 - 3), max_size=6))
def test_texts_with_different_ngrams_never_share_all_keys(one, two):
    def grams(tokens):
        marked = [-1, *tokens, -1]
        return {(token,) for token in tokens} | set(pairwise(marked))

    keys = [ngram_keys(np.array(tokens, dtype=np.int32)).tolist() for tokens in (one, two)]
    assert (keys[0] == keys[1]) == (grams(one) == grams(two))
    assert len(keys[0]) == len(grams(one))


@given(st.lists(words, max_size=5), st.lists(words, min_size=1, max_size=5))
def test_rows_agree_with_a_plain_reference(asked, known):
    grams = sorted({gram for text in known for gram in grams_of(text)})
    weights = {key_of(gram): 1 + place / 7 for place, gram in enumerate(grams)}
    encoded = block_of(weights).encode(read_inputs(asked, SPEC))
    columns = {key: column for column, key in enumerate(sorted(weights))}
    for row, text in enumerate(asked):
        found = {columns[key]: weights[key] for key in map(key_of, grams_of(text)) if key in weights}
        length = math.sqrt(sum(value**2 for value in found.values()))
        span = slice(encoded.offsets[row], encoded.offsets[row + 1])
        assert encoded.columns[span].tolist() == sorted(found)
        wanted = [found[column] / length for column in sorted(found)]
        assert np.allclose(encoded.values[span], wanted, rtol=1e-6)
    assert encoded.width == len(weights)


def test_an_empty_vocabulary_gives_empty_rows():
    encoded = block_of({}).encode(read_inputs(["lost card", ""], SPEC))
    assert (encoded.offsets.tolist(), encoded.width) == ([0, 0, 0], 0)


def test_a_key_past_the_last_known_one_is_not_taken_for_the_first():
    first = key_of(("[UNK]",))
    encoded = block_of({first: 1.0}).encode(read_inputs(["card", "🙂"], SPEC))
    assert encoded.offsets.tolist() == [0, 0, 1]


def test_a_block_survives_the_disk(tmp_path):
    block = block_of({key_of(gram): 1.5 for gram in grams_of("lost my card")})
    writer = BundleWriter(tmp_path / "bundle")
    writer.finish({"block": block.save(writer, "stage")})
    description, _ = read_description(tmp_path / "bundle")
    files = BundleFiles(tmp_path / "bundle", listed_digests(description))
    restored = NgramBlock.load(description["block"], files)
    inputs = read_inputs(["my lost card", "fee"], SPEC)
    assert np.array_equal(restored.encode(inputs).values, block.encode(inputs).values)
    assert (restored.width, restored.name, description["block"]["kind"]) == (block.width, "ngram", "ngram")
