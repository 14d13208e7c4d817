"""Pruned tokenizers: what the texts need is split as before, and nothing that was known becomes unknown."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.tinybert import CONFIG, make_tokenizer, make_weights
from tests.models.tinybert import WORDS as WORDS_OF_TINY_BERT
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from smallcraft.errors import InvalidInputError
from smallcraft.models.encoders import WORDS as TABLE_WEIGHT
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.parts.pieces import prune_source, prune_vocabulary

CORPUS = ["hello world held wold worlds", "low lower lowest slow", "abc def fed", "a b c d e f", "Ünï wörld"]
WORDS = st.text("abcdefhlorswü ", max_size=12)


def byte_pairs(**settings_) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", **settings_))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=90, special_tokens=["[UNK]"], show_progress=False, **settings_)
    tokenizer.train_from_iterator(CORPUS * 5, trainer)
    return tokenizer


def bytes_in_pairs() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 5, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=70, special_tokens=["<unk>", "<pad>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 5, trainer)
    tokenizer.enable_padding(length=30, pad_id=1, pad_token="<pad>")
    return tokenizer


def word_pieces() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    letters = "abcdefhlorsw"
    pieces = ["[PAD]", "[unused0]", "[UNK]", *letters, *("##" + letter for letter in letters)]
    pieces += ["he", "##ll", "hell", "##lo", "wor", "##ld", "##lds", "world", "lo", "##we", "##st", "low"]
    tokenizer.model = models.WordPiece({piece: at for at, piece in enumerate(pieces)}, unk_token="[UNK]")
    tokenizer.add_special_tokens(["[MASK]"])  # past the vocabulary's own ids
    return tokenizer


TOKENIZERS = {
    "wordpiece": word_pieces(),
    "bert": make_tokenizer(),
    "pairs": byte_pairs(),
    "pairs-marked": byte_pairs(continuing_subword_prefix="##", end_of_word_suffix="</w>"),
    "bytes": bytes_in_pairs(),
    "unigram": unigram(),
}


def opened(data: bytes) -> Tokenizer:
    tokenizer = Tokenizer.from_buffer(data)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def source_of(name: str) -> bytes:
    return TOKENIZERS[name].to_str().encode()


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=40)
@given(texts=st.lists(WORDS, max_size=4), margin=st.integers(0, 12), others=st.lists(WORDS, max_size=4))
def test_texts_given_are_split_as_before_and_others_into_known_pieces(name, texts, margin, others):
    whole, pruned = source_of(name), prune_vocabulary(source_of(name), texts, margin=margin)
    before, after = opened(whole), opened(pruned.tokenizer)
    for text in texts:
        assert pruned.kept[after.encode(text).ids].tolist() == before.encode(text).ids
    unknown = [piece for piece in ("[UNK]", "<unk>") if before.token_to_id(piece) is not None]
    for text in others:
        was, now = before.encode(text).tokens, after.encode(text).tokens
        assert [now.count(piece) for piece in unknown] == [was.count(piece) for piece in unknown]
    assert (np.diff(pruned.kept) > 0).all()
    assert after.get_vocab_size() == len(pruned.kept)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_every_piece_kept_is_the_same_piece(name):
    pruned = prune_vocabulary(source_of(name), ["hello low", "my card"], margin=3)
    before, after = opened(source_of(name)), opened(pruned.tokenizer)
    for new, old in enumerate(pruned.kept.tolist()):
        assert after.id_to_token(new) == before.id_to_token(old)


@pytest.mark.parametrize("name", sorted({*TOKENIZERS} - {"bert"}))
def test_pieces_without_use_go(name):
    pruned = prune_vocabulary(source_of(name), ["hello low"])
    assert len(pruned.kept) < TOKENIZERS[name].get_vocab_size()


def test_a_vocabulary_whose_letters_do_not_stand_alone_keeps_its_words():
    pruned = opened(prune_vocabulary(source_of("bert"), [""]).tokenizer)
    assert set(WORDS_OF_TINY_BERT) - set(pruned.get_vocab()) == {"the", "fee"}


def test_the_margin_is_the_lowest_ids_that_nothing_else_keeps_and_no_placeholder():
    without, within = (prune_vocabulary(source_of("wordpiece"), ["low"], margin=m) for m in (0, 2))
    more = sorted(set(within.kept.tolist()) - set(without.kept.tolist()))
    vocabulary = opened(source_of("wordpiece"))
    assert [vocabulary.id_to_token(place) for place in more] == ["he", "##ll"]
    assert "[unused0]" not in opened(within.tokenizer).get_vocab()


def test_a_margin_past_the_vocabulary_keeps_all_of_it():
    everything = prune_vocabulary(source_of("unigram"), [], margin=10_000)
    assert len(everything.kept) == TOKENIZERS["unigram"].get_vocab_size()
    assert (
        opened(everything.tokenizer).encode("hello").ids == opened(source_of("unigram")).encode("hello").ids
    )


def test_a_piece_in_margin_brings_the_pieces_it_is_merged_from():
    data = source_of("pairs")
    for margin in range(30):
        after = opened(prune_vocabulary(data, [], margin=margin).tokenizer)
        for piece in after.get_vocab():
            if piece != "[UNK]":
                assert after.encode(piece).tokens == [piece]


def test_special_tokens_and_padding_point_at_their_new_ids():
    pruned = prune_vocabulary(source_of("bert"), ["my card"])
    content = json.loads(pruned.tokenizer)
    vocabulary = content["model"]["vocab"]
    assert content["padding"]["pad_id"] == vocabulary["[PAD]"]
    assert opened(pruned.tokenizer).encode("card").tokens == ["[CLS]", "card", "[SEP]"]
    kept = prune_vocabulary(source_of("bytes"), ["low"])
    assert opened(kept.tokenizer).encode("low").tokens == ["<s>", "Ġlow", "</s>"]


def test_a_character_only_inside_pieces_keeps_those_pieces():
    pieces = {piece: at for at, piece in enumerate(["[UNK]", "a", "##a", "x", "aé", "##éa", "##aa"])}
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    pruned = opened(prune_vocabulary(tokenizer.to_str().encode(), ["x"]).tokenizer)
    assert set(pieces) - set(pruned.get_vocab()) == {"##aa"}
    assert pruned.encode("aé").tokens == ["aé"]


def test_merges_written_as_one_string_are_read():
    content = json.loads(source_of("pairs"))
    content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
    old = prune_vocabulary(json.dumps(content).encode(), ["hello"], margin=2)
    assert old.tokenizer == prune_vocabulary(source_of("pairs"), ["hello"], margin=2).tokenizer


def test_the_same_texts_give_the_same_bytes():
    first, second = (prune_vocabulary(source_of("unigram"), CORPUS[:2], margin=4) for _ in range(2))
    assert first.tokenizer == second.tokenizer


def test_whole_words_are_refused():
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]")).to_str().encode()
    with pytest.raises(InvalidInputError, match="BPE, Unigram, WordPiece, got 'WordLevel'; keep"):
        prune_vocabulary(words, ["a"])


def test_a_negative_margin_is_refused():
    with pytest.raises(InvalidInputError, match="margin must be 0 or more, got -1"):
        prune_vocabulary(source_of("bert"), [], margin=-1)


def test_a_pruned_encoder_embeds_the_texts_with_the_same_rows():
    tokenizer = source_of("wordpiece")
    table = np.arange(2.0 * TOKENIZERS["wordpiece"].get_vocab_size(), dtype=np.float32).reshape(-1, 2)
    weights = {**make_weights(), TABLE_WEIGHT: table}
    source = EncoderSource("tiny", weights, {**CONFIG, "pad_token_id": 1}, tokenizer, "mean")
    pruned = prune_source(source, ["hello low"], margin=1)
    before, after = opened(source.tokenizer), opened(pruned.tokenizer)
    rows = table[before.encode("hello low").ids]
    assert np.array_equal(pruned.weights[TABLE_WEIGHT][after.encode("hello low").ids], rows)
    assert pruned.config["vocab_size"] == len(pruned.weights[TABLE_WEIGHT]) < len(table)
    assert pruned.config["pad_token_id"] == after.token_to_id("[unused0]")
    assert pruned.name == f"tiny, {pruned.config['vocab_size']} pieces"
    assert set(pruned.weights) == set(source.weights)
