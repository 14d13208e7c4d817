"""Rows and workshops without one of their feature columns, as if the table had never had it.

Always: what is left is unchanged and in the same order; what such a workshop remembers is kept apart from
what the whole one does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.canonical import digest_value
from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.models.memory import Memory
from smallcraft.models.workshop import Workshop


def without_column(inputs: Inputs, spec: InputSpec, column: str) -> Inputs:
    """The rows without a feature column.

    Args:
        inputs: Rows as `spec` reads them.
        spec: The columns they have.
        column: A number or a category.

    Raises:
        InvalidInputError: It is not one of the feature columns.
    """
    _require_feature(spec, column)
    kept = [place for place, name in enumerate(spec.numbers) if name != column]
    return Inputs(
        n=inputs.n,
        texts=inputs.texts,
        numbers=inputs.numbers[:, np.array(kept, dtype=np.int64)],
        categories=tuple(
            values for name, values in zip(spec.categories, inputs.categories, strict=True) if name != column
        ),
    )


def workshop_without(workshop: Workshop, column: str) -> Workshop:
    """A workshop whose table never had a feature column; folds, labels and seed are the same.

    Raises:
        InvalidInputError: It is not one of the feature columns.
    """
    spec = workshop.spec
    _require_feature(spec, column)
    fewer = InputSpec(
        spec.text,
        tuple(name for name in spec.numbers if name != column),
        tuple(name for name in spec.categories if name != column),
    )
    return replace(
        workshop,
        spec=fewer,
        parts=tuple((part, without_column(inputs, spec, column)) for part, inputs in workshop.parts),
        memory=Memory(workshop.memory.folder / f"without-{digest_value(column)[7:23]}"),
        _made={},
    )


def _require_feature(spec: InputSpec, column: str) -> None:
    features = (*spec.numbers, *spec.categories)
    if column not in features:
        raise InvalidInputError(
            f"'{column}' is not one of the feature columns: {', '.join(features) or 'there are none'}"
            f"{nearest_name(column, features)}"
        )
