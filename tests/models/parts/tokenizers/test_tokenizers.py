"""Every tokenizer of the table: what it reads, and the rows of the token table that it says are its own."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.tinybert import CONFIG, make_weights
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from smallcraft.errors import MissingPartError
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.parts.tokenizers import BUILTIN

TEXTS = ["lost my card", "the card is late", "Lost again"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PIECES = ["[UNK]", *LETTERS, *(f"##{letter}" for letter in LETTERS), "lost", "card", "zebra", "##ing"]


@pytest.fixture(scope="module")
def source() -> EncoderSource:
    tokenizer = Tokenizer(models.WordPiece({piece: at for at, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    table = np.arange(len(PIECES) * 2, dtype=np.float32).reshape(-1, 2)
    weights = {**make_weights(), "embeddings.word_embeddings.weight": table}
    return EncoderSource("toy", weights, CONFIG, tokenizer.to_str().encode(), "mean")


@pytest.mark.parametrize("name", BUILTIN)
def test_the_same_texts_give_the_same_bytes(name, source):
    first, second = (BUILTIN[name].fit(TEXTS, source) for _ in range(2))
    assert first.tokenizer.source == second.tokenizer.source


@pytest.mark.parametrize("name", BUILTIN)
def test_no_text_of_training_holds_an_unknown_piece(name, source):
    reader = BUILTIN[name].fit(TEXTS, source).tokenizer
    unknown = reader.tokenizer.token_to_id("[UNK]")
    assert all(unknown not in tokens for tokens in reader.encode(TEXTS))


@pytest.mark.parametrize("name", ["wordpiece", "pruned"])
def test_ids_point_to_the_rows_of_their_pieces(name, source):
    fitted = BUILTIN[name].fit(TEXTS, source)
    reader = fitted.tokenizer.tokenizer
    assert [PIECES[row] for row in fitted.rows] == [reader.id_to_token(i) for i in range(len(fitted.rows))]
    assert reader.get_vocab_size() == len(fitted.rows)


@pytest.mark.parametrize("name", ["wordpiece", "pruned"])
def test_an_encoders_pieces_need_an_encoder(name):
    with pytest.raises(MissingPartError, match=f"tokenizer '{name}' .* or take 'bpe'"):
        BUILTIN[name].fit(TEXTS, None)


def test_byte_pairs_need_no_encoder_and_have_no_rows():
    assert BUILTIN["bpe"].fit(TEXTS, None).rows is None


def test_pruning_keeps_what_the_texts_use_and_drops_what_is_past_the_margin(source, monkeypatch):
    monkeypatch.setattr("smallcraft.models.parts.tokenizers.pruned._MARGIN", 1)
    fitted = BUILTIN["pruned"].fit(TEXTS, source)
    assert [PIECES[row] for row in fitted.rows][-3:] == ["lost", "card", "zebra"]
