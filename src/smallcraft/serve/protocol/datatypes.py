"""The datatypes of tensors in the Open Inference Protocol, as numpy and `struct` name them.

Source: open-inference-protocol, "Tensor Data Types"; sizes and byte order as in Triton's binary tensor data
extension (little-endian, BOOL one byte of 0 or 1).
Not covered: BF16, which numpy does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

BYTES = "BYTES"


@dataclass(frozen=True, slots=True)
class Datatype:
    """A datatype of numbers.

    Attributes:
        name: The protocol's.
        code: `struct`'s letter.
        dtype: Little-endian.
        size_bytes: Of an element.
        is_float: Whether it has values that are no finite numbers.
        squares_fit: Whether squares of its values, summed, stay below the largest float64.
    """

    name: str
    code: str
    dtype: np.dtype[Any]
    size_bytes: int
    is_float: bool = False
    squares_fit: bool = True


NUMBERS: Mapping[str, Datatype] = {
    "BOOL": Datatype("BOOL", "?", np.dtype("?"), 1),
    "INT8": Datatype("INT8", "b", np.dtype("<i1"), 1),
    "INT16": Datatype("INT16", "h", np.dtype("<i2"), 2),
    "INT32": Datatype("INT32", "i", np.dtype("<i4"), 4),
    "INT64": Datatype("INT64", "q", np.dtype("<i8"), 8),
    "UINT8": Datatype("UINT8", "B", np.dtype("<u1"), 1),
    "UINT16": Datatype("UINT16", "H", np.dtype("<u2"), 2),
    "UINT32": Datatype("UINT32", "I", np.dtype("<u4"), 4),
    "UINT64": Datatype("UINT64", "Q", np.dtype("<u8"), 8),
    "FP16": Datatype("FP16", "e", np.dtype("<f2"), 2, is_float=True),
    "FP32": Datatype("FP32", "f", np.dtype("<f4"), 4, is_float=True),
    "FP64": Datatype("FP64", "d", np.dtype("<f8"), 8, is_float=True, squares_fit=False),
}
DATATYPES: tuple[str, ...] = (*NUMBERS, BYTES)
