"""The protocol's datatypes agree with the client's, numpy's and `struct`'s."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from tritonclient.utils import np_to_triton_dtype

from smallcraft.serve.protocol.datatypes import NUMBERS


@pytest.mark.parametrize("datatype", NUMBERS.values(), ids=lambda datatype: datatype.name)
def test_a_datatype_is_what_the_client_calls_its_numpy_type(datatype):
    assert np_to_triton_dtype(datatype.dtype) == datatype.name
    assert struct.calcsize(f"<{datatype.code}") == datatype.size_bytes


@pytest.mark.parametrize("datatype", NUMBERS.values(), ids=lambda datatype: datatype.name)
def test_squares_that_are_said_to_fit_do(datatype):
    info = np.finfo(datatype.dtype) if datatype.is_float else None
    largest = float(info.max) if info else 2.0**64
    assert datatype.squares_fit == (largest < 1e150)
