"""Every row as flat tokens: its ids, or its states after the layers that are not trained, computed once.

States are remembered in stretches of rows, as float16: half the room of float32, and finer than the bfloat16
that products read. Where they would take more room than allowed, the lower layers run again with each batch.
Always: one text's states do not depend on its neighbours' labels or on which rows are trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from smallcraft.canonical import digest_value
from smallcraft.models.encoders import EncoderSource
from smallcraft.models.memory import Arrays, Memory
from smallcraft.models.tuning.batches import Batch, even_batches, make_batch, token_places
from smallcraft.models.tuning.encoder import Encoder
from smallcraft.models.tuning.plan import Precision
from smallcraft.models.tuning.threads import one_thread, products_in

LONGEST_TOKENS = 128
_STRETCH_ROWS = 1000
_MOST_BYTES = 2**30


@dataclass(frozen=True)
class Ids:
    """Token ids by row: what training of all layers from the embeddings' tables reads.

    Attributes:
        ids: `(tokens,)` int64, special tokens included.
        offsets: `(n + 1,)` int64; row `i` has `ids[offsets[i]:offsets[i + 1]]`.
    """

    ids: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`(n,)` tokens of each row."""
        return np.diff(self.offsets)

    def batch(self, rows: NDArray[np.intp]) -> Batch:
        """Those rows, in that order."""
        places = token_places(self.offsets, rows)
        return make_batch(self.lengths[rows], ids=self.ids[places])


@dataclass(frozen=True)
class States:
    """States by row after the layers that are not trained.

    Attributes:
        values: `(tokens, width)` float16.
        offsets: As in `Ids`.
    """

    values: NDArray[np.float16]
    offsets: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`(n,)` tokens of each row."""
        return np.diff(self.offsets)

    def batch(self, rows: NDArray[np.intp]) -> Batch:
        """Those rows, in that order."""
        places = token_places(self.offsets, rows)
        return make_batch(self.lengths[rows], states=self.values[places])


@dataclass(frozen=True)
class LiveStates:
    """States that the lower layers compute anew for each batch.

    Attributes:
        below: The layers that are not trained, embeddings included.
        tokens: The ids.
        precision: Of the products.
    """

    below: Any
    tokens: Ids
    precision: Precision

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`(n,)` tokens of each row."""
        return self.tokens.lengths

    def batch(self, rows: NDArray[np.intp]) -> Batch:
        """Those rows, in that order."""
        batch = self.tokens.batch(rows)
        with torch.no_grad(), products_in(self.precision):
            states = self.below.states(batch)[: batch.tokens].half().numpy()
        return make_batch(self.lengths[rows], states=states)


def read_ids(source: EncoderSource, texts: Sequence[str]) -> Ids:
    """Tokenize as the bundle's encoder block does: cut to 128 tokens, special tokens at both ends.

    Args:
        source: Its tokenizer.
        texts: `n` of them.
    """
    tokenizer = Tokenizer.from_buffer(source.tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(LONGEST_TOKENS, int(source.config["max_position_embeddings"])))
    rows = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Ids(np.array([token for row in rows for token in row], dtype=np.int64), offsets)


def read_states(
    source: EncoderSource,
    tokens: Ids,
    *,
    first_layer: int,
    memory: Memory,
    name: str,
    precision: Precision = "fp32",
    most_bytes: int = _MOST_BYTES,
) -> States | LiveStates:
    """The rows' states after layer `first_layer - 1` (the embeddings for 0).

    Args:
        source: The encoder.
        tokens: The rows.
        first_layer: The first layer that will be trained.
        memory: Keeps the states, so that a killed run resumes and the next rung reads them.
        name: Of the rows, such as `train`; equal names in one memory must mean equal rows.
        precision: Of the products, `bf16` or `fp32`.
        most_bytes: States that would take more are computed with each batch instead.
    """
    below = lower_layers(source, first_layer)
    # Embeddings are looked up faster than they are read back.
    if not first_layer or len(tokens.ids) * below.width * 2 > most_bytes:
        return LiveStates(below, tokens, precision)
    key = digest_value((source.digest, first_layer, precision))[7:19]
    n = len(tokens.lengths)
    stretches = []
    for start in range(0, n, _STRETCH_ROWS):
        rows = np.arange(start, min(start + _STRETCH_ROWS, n))
        compute = partial(_compute_states, below, tokens, rows, precision)
        found = memory.recall(f"prefix/{key}/{name}-{start:08d}", compute)
        stretches.append(np.asarray(found["values"], np.float16))
    empty = np.empty((0, below.width), np.float16)
    return States(np.concatenate([empty, *stretches]), tokens.offsets)


def fresh_states(source: EncoderSource, tokens: Ids, *, first_layer: int) -> States:
    """Like `read_states` for a few rows that nobody needs to remember."""
    below = lower_layers(source, first_layer)
    values = _compute_states(below, tokens, np.arange(len(tokens.lengths)), "fp32")["values"]
    return States(np.asarray(values, np.float16), tokens.offsets)


def lower_layers(source: EncoderSource, first_layer: int) -> Encoder:
    """The embeddings and the layers below `first_layer`, not to be trained."""
    config = {**source.config, "num_hidden_layers": max(first_layer, 1)}
    below = Encoder(source.weights, config, embeddings=True)
    if not first_layer:
        below.encoder["layer"].clear()
    below.eval().requires_grad_(False)
    return below


def _compute_states(below: Encoder, tokens: Ids, rows: NDArray[np.intp], precision: Precision) -> Arrays:
    lengths = tokens.lengths
    start = tokens.offsets[rows[0]] if len(rows) else 0
    values = np.empty((int(lengths[rows].sum()), below.width), np.float16)
    with one_thread(), torch.no_grad(), products_in(precision):
        for chosen in even_batches(rows, lengths):
            batch = tokens.batch(chosen)
            states = below.states(batch)[: batch.tokens]
            values[token_places(tokens.offsets, chosen) - start] = states.half().numpy()
    return {"values": values}
