"""The mean of several trainings' weights: about as right as their vote, and no dearer to answer than one.

Leaves to others: training them (`models.tuning`).
Always: weights that no training changed stay exactly as they were; one encoder alone is given back as it is.
Not covered: encoders that started apart; between those lies nothing that works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.models.encoders import EncoderSource


def average_encoders(sources: Sequence[EncoderSource]) -> EncoderSource:
    """The encoder whose every weight is the mean over several encoders of one build.

    Args:
        sources: At least one; equal in names and shapes of weights, tokenizer and pooling.

    Returns:
        Under the first one's name, and how many it is the mean of.

    Raises:
        InvalidInputError: They are not built alike.

    Source:
        Wortsman et al. (2022), Model soups, ICML, section 3 (uniform soup).
    """
    first = sources[0]
    if any(_build(source) != _build(first) for source in sources):
        raise InvalidInputError(
            "encoders to average must be alike in shapes, tokenizer and pooling, got different ones; "
            "average trainings of one encoder"
        )
    if len(sources) == 1:
        return first
    weights = {
        name: _mean([source.weights[name] for source in sources]).astype(np.float32) for name in first.weights
    }
    return replace(first, name=f"{first.name}, mean of {len(sources)}", weights=weights)


def average_heads(heads: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """`(width + 1, k)`, the mean of the trainings' heads; a mean of encoders wants the mean of their heads.

    >>> average_heads([np.zeros((1, 2)), np.ones((1, 2))]).tolist()
    [[0.5, 0.5]]
    """
    return _mean(heads)


def _mean(arrays: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    # In float64: where all are equal the mean is then that very number.
    mean: NDArray[np.float64] = np.mean(np.stack(arrays).astype(np.float64), axis=0)
    return mean


def _build(source: EncoderSource) -> tuple[object, ...]:
    shapes = tuple(sorted((name, array.shape) for name, array in source.weights.items()))
    return shapes, source.tokenizer, source.pooling
