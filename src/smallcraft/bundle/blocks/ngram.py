"""Word-piece unigrams and bigrams, weighted by inverse document frequency, rows of unit length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.encoded import Sparse, sparse_rows
from smallcraft.bundle.inputs import FastTokenizer, Inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter

_BOUNDARY = 1
_FIRST_TOKEN = 2


def ngram_keys(tokens: NDArray[np.int32]) -> NDArray[np.int64]:
    """The distinct unigrams and bigrams of a text, ascending; text edges count as a token of their own.

    >>> ngram_keys(np.array([5], dtype=np.int32)).tolist() == [7, (1 << 32) | 7, (7 << 32) | 1]
    True
    """
    padded = np.full(len(tokens) + 2, _BOUNDARY, dtype=np.int64)
    padded[1:-1] = tokens
    padded[1:-1] += _FIRST_TOKEN
    keys = np.concatenate([padded[1:-1], (padded[:-1] << 32) | padded[1:]])
    keys.sort()
    is_new = np.empty(len(keys), dtype=np.bool_)
    is_new[0] = True
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    return keys[is_new]


@dataclass(frozen=True)
class NgramBlock:
    """Looks n-grams up in a sorted vocabulary.

    Attributes:
        tokenizer: Reads the text.
        keys: `(width,)` int64, ascending, as `ngram_keys` makes them.
        weights: `(width,)` float32 inverse document frequencies.
    """

    name: ClassVar[str] = "ngram"
    tokenizer: FastTokenizer
    keys: NDArray[np.int64]
    weights: NDArray[np.float32]

    @property
    def width(self) -> int:
        """Size of the vocabulary."""
        return len(self.keys)

    def encode(self, inputs: Inputs) -> Sparse:
        """Rows of unit length; a text without a known n-gram is an empty row."""
        return sparse_rows([self._row(tokens) for tokens in inputs.tokens(self.tokenizer)], self.width)

    def _row(self, tokens: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        wanted = ngram_keys(tokens)
        places = self.keys.searchsorted(wanted)
        places[places == len(self.keys)] = 0
        columns: NDArray[np.int64] = places[self.keys[places] == wanted] if len(self.keys) else places[:0]
        values: NDArray[np.float32] = self.weights[columns]
        length = float(np.sqrt(values @ values))
        return columns, values * np.float32(1 / length) if length > 0 else values

    def save(self, writer: BundleWriter, stage: str) -> Mapping[str, Any]:
        """The vocabulary as one `.npz`, beside the tokenizer."""
        return {
            "kind": self.name,
            "tokenizer": writer.add("tokenizer.json", self.tokenizer.source),
            "vocabulary": writer.add_arrays(f"{stage}.npz", {"keys": self.keys, "weights": self.weights}),
        }

    @classmethod
    def load(cls, spec: Mapping[str, Any], files: BundleFiles) -> NgramBlock:
        """Restore what `save` wrote."""
        arrays = files.arrays(spec["vocabulary"])
        return cls(files.tokenizer(spec["tokenizer"]), arrays["keys"], arrays["weights"])
