"""Tokenizers: where the pieces come from that a text is split into."""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.models.parts.tokenizers.bpe import BytePairs
from smallcraft.models.parts.tokenizers.pruned import Pruned
from smallcraft.models.parts.tokenizers.tokenizer import Tokenizer
from smallcraft.models.parts.tokenizers.wordpiece import WordPiece

BUILTIN: Mapping[str, Tokenizer] = {
    "bpe": BytePairs(),
    "pruned": Pruned(),
    "wordpiece": WordPiece(),
}
