"""The encoder's own pieces, all of them.

Leaves to others: what the pieces mean (the encoder's token table).
Always: texts are split exactly as the encoder was trained to read them.
Not covered: words of a domain that the encoder has never met; they fall into small pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from smallcraft.models.encoders import EncoderSource
from smallcraft.models.parts.tokenizers.tokenizer import FittedTokenizer, open_tokenizer, require_encoder


class WordPiece:
    """Every row of the token table."""

    name: ClassVar[str] = "wordpiece"

    def fit(self, texts: Sequence[str], source: EncoderSource | None) -> FittedTokenizer:  # noqa: ARG002 - the contract
        """The encoder's file as it is."""
        encoder = require_encoder(source, self.name)
        rows = np.arange(len(encoder.token_table), dtype=np.int64)
        return FittedTokenizer(open_tokenizer(encoder.tokenizer), rows)
