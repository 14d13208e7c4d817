"""Byte pairs learnt from the texts: needs no encoder, and has no row in any token table.

Leaves to others: the training itself (`parts.vocabulary`).
Always: at most 8,000 pieces.
Not covered: characters that no training text has; they are unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from smallcraft.models.encoders import EncoderSource
from smallcraft.models.parts.tokenizers.tokenizer import FittedTokenizer
from smallcraft.models.parts.vocabulary import train_tokenizer


class BytePairs:
    """The texts' own pieces."""

    name: ClassVar[str] = "bpe"

    def fit(self, texts: Sequence[str], source: EncoderSource | None) -> FittedTokenizer:  # noqa: ARG002 - the contract
        """Learnt from the texts alone."""
        return FittedTokenizer(train_tokenizer(texts), None)
