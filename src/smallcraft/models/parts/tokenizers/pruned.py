"""The encoder's pieces that the texts use, and a margin for words still to come.

Leaves to others: which pieces may go (`parts.pieces`).
Always: the training texts are split exactly as by the whole vocabulary.
Not covered: a later text in another language; its words fall into single characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from smallcraft.models.encoders import EncoderSource
from smallcraft.models.parts.pieces import prune_vocabulary
from smallcraft.models.parts.tokenizers.tokenizer import FittedTokenizer, open_tokenizer, require_encoder

# A row of 384 bytes each; by folds of banking77's train rows, more hardly help (docs/experiments.md).
_MARGIN = 2000


class Pruned:
    """A part of the rows of the token table."""

    name: ClassVar[str] = "pruned"

    def fit(self, texts: Sequence[str], source: EncoderSource | None) -> FittedTokenizer:
        """What the texts need, and the 2,000 most frequent pieces beside."""
        encoder = require_encoder(source, self.name)
        pruned = prune_vocabulary(encoder.tokenizer, texts, margin=_MARGIN)
        return FittedTokenizer(open_tokenizer(pruned.tokenizer), pruned.kept)
