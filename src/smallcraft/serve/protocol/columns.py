"""Input tensors as the columns of a bundle.

The columns are built directly and not through `bundle.inputs.read_inputs`, which takes values one by one: 384
numbers of a row cost it 60 times what they cost as one tensor. The values are checked as strictly.
Always: columns in the bundle's order, every one present, all of one length.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import Inputs
from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.interface import FEATURES, ModelInterface
from smallcraft.serve.protocol.limits import Limits
from smallcraft.serve.protocol.messages import one_of, shown
from smallcraft.serve.protocol.numbers import read_numbers
from smallcraft.serve.protocol.tensors import RawTensor
from smallcraft.serve.protocol.texts import read_categories, read_texts


def arrange_columns(tensors: list[RawTensor], interface: ModelInterface, limits: Limits) -> Inputs:
    """The rows of a request as a bundle reads them.

    Args:
        tensors: One a column of shape `[n]` or `[n, 1]`; or, where every column is a number, `features` of
            shape `[n, p]` alone.
        interface: Of the model.
        limits: Of texts.

    Raises:
        InvalidInputError: A column is missing, unknown, given twice, of another length or of the wrong kind.
    """
    first = tensors[0]
    if first.columns == interface.width and first.name == FEATURES and len(tensors) == 1:
        numbers = read_numbers(first)
        return Inputs(first.rows, None, numbers.reshape(first.rows, interface.width), ())
    named = _by_name(tensors, interface)
    spec = interface.facts.spec
    n = first.rows
    return Inputs(
        n=n,
        texts=read_texts(named[spec.text], limits) if spec.text else None,
        numbers=_numbers(named, spec.numbers, n),
        categories=tuple(read_categories(named[name], limits) for name in spec.categories),
    )


def _numbers(named: dict[str, RawTensor], columns: tuple[str, ...], n: int) -> NDArray[np.float64]:
    values = np.empty((n, len(columns)))
    for place, name in enumerate(columns):
        values[:, place] = read_numbers(named[name])
    return values


def _by_name(tensors: list[RawTensor], interface: ModelInterface) -> dict[str, RawTensor]:
    """Tensors by column: each of the model's once, and nothing else."""
    named: dict[str, RawTensor] = {}
    for tensor in tensors:
        if tensor.name not in interface.kinds:
            _refuse_unknown(tensor, interface)
        if tensor.name in named:
            raise InvalidInputError(f"input {shown(tensor.name)} must be given once, got it twice; drop one")
        if tensor.columns != 1 or tensor.rows != tensors[0].rows:
            raise InvalidInputError(
                f"input {shown(tensor.name)} must have the shape [{tensors[0].rows}], a value for each row, "
                f"got {tensor.shape}; make all inputs of one length"
            )
        named[tensor.name] = tensor
    if len(named) < len(interface.kinds):
        missing = next(name for name in interface.kinds if name not in named)
        raise InvalidInputError(
            f"input '{missing}' is missing; the model reads {len(interface.kinds)} columns, the request has "
            f"{len(named)}{_or_together(interface)}; send it too"
        )
    return named


def _refuse_unknown(tensor: RawTensor, interface: ModelInterface) -> NoReturn:
    if tensor.name == FEATURES and interface.width:
        raise InvalidInputError(
            f"input '{FEATURES}' must stand alone and have the shape [rows, {interface.width}], "
            f"got {tensor.shape}; send each row's {interface.width} numbers in the order of the metadata"
        )
    known = [FEATURES, *interface.kinds] if interface.width else list(interface.kinds)
    raise InvalidInputError(
        f"input {shown(tensor.name)} is not one of the model's; {one_of(tensor.name, known)}; "
        "rename or drop it"
    )


def _or_together(interface: ModelInterface) -> str:
    return f" (or all together as '{FEATURES}' of shape [rows, {interface.width}])" if interface.width else ""
