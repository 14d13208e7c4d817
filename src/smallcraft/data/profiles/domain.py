"""The logit of a linear model that tells the reference's rows from others: one more column to watch.

Leaves to others: training it (it comes with the reference, or not at all).
Always: a row's logit depends on it and the model alone; what is missing adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.rows import Rows
from smallcraft.data.profiles.texts import hash_word, words_of


@dataclass(frozen=True, slots=True)
class NumberWeight:
    """A number's part: `weight * (value - mean) / scale`."""

    mean: float
    scale: float
    weight: float


@dataclass(frozen=True)
class DomainScore:
    """Weights of a linear model.

    Attributes:
        bias: The logit of a row that says nothing.
        numbers: By column.
        categories: By column and value; of others 0.
        words: `(b,)` float32, of each text's different words by `hash_word(word) % b`, their mean; empty for
            none.
        embedding: `(d,)` float32; empty for none.
    """

    bias: float
    numbers: Mapping[str, NumberWeight] = field(default_factory=dict)
    categories: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    words: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    embedding: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    def score(self, rows: Rows) -> NDArray[np.float64]:
        """`(n,)` float64 logits.

        Args:
            rows: With the columns that the model was trained on, or some.
        """
        logits = np.full(rows.n, self.bias)
        for name, part in self.numbers.items():
            if name in rows.numbers:
                values = (rows.numbers[name] - part.mean) / part.scale
                logits += part.weight * np.where(np.isfinite(values), values, 0.0)
        for name, weights in self.categories.items():
            if name in rows.categories:
                logits += [
                    0.0 if value is None else weights.get(value, 0.0) for value in rows.categories[name]
                ]
        if len(self.words):
            for column in rows.texts.values():
                logits += [0.0 if text is None else self._words(text) for text in column]
        if len(self.embedding) and rows.embedding is not None:
            logits += np.nan_to_num(rows.embedding.astype(np.float64) @ self.embedding.astype(np.float64))
        return logits

    def _words(self, text: str) -> float:
        # In order: a set's differs from process to process, and so would the last bit of the sum.
        places = sorted(hash_word(word) % len(self.words) for word in set(words_of(text)))
        return float(self.words[places].mean(dtype=np.float64)) if places else 0.0
