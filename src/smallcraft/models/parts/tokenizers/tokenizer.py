"""What every tokenizer offers: fitted to texts, it says which rows of an encoder's token table are its own.

Leaves to others: running it (`bundle.inputs`); padding and special tokens (the blocks).
Always: the same texts and encoder give the same bytes.
Not covered: tokenizers that no `tokenizer.json` can describe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import FastTokenizer
from smallcraft.errors import MissingPartError
from smallcraft.models.encoders import EncoderSource


@dataclass(frozen=True)
class FittedTokenizer:
    """A tokenizer, ready to read.

    Attributes:
        tokenizer: Reads texts.
        rows: `(tokens,)` int64: for each id its row of the encoder's token table; None where the pieces are
            the texts' own and no table knows them.
    """

    tokenizer: FastTokenizer
    rows: NDArray[np.int64] | None


class Tokenizer(Protocol):
    """One way to come by pieces."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    def fit(self, texts: Sequence[str], source: EncoderSource | None) -> FittedTokenizer:
        """From the training texts and the encoder there is.

        Raises:
            MissingPartError: It takes an encoder's pieces, and there is no encoder.
        """


def open_tokenizer(data: bytes) -> FastTokenizer:
    """A reader of a `tokenizer.json`."""
    from tokenizers import Tokenizer as Reader

    return FastTokenizer(Reader.from_buffer(data), data)


def require_encoder(source: EncoderSource | None, name: str) -> EncoderSource:
    """The encoder.

    Raises:
        MissingPartError: There is none.
    """
    if source is None:
        raise MissingPartError(
            f"tokenizer '{name}' splits texts as an encoder does, and there is no encoder; "
            "set backbone = \"auto\" and install one, or take 'bpe'"
        )
    return source
