"""Recognises pickles, which can run any code when they are opened, under whatever name they come.

Leaves to others: what may be stored instead (`content.formats`).
Always: opcodes are read, never run; raw numbers that happen to begin like a pickle are hardly ever taken
for one (random bytes: one file in a million).
Covered: pickles of protocol 2 and later, those of protocol 0 that call something, torch archives, and the
names that usually hold one.
Not covered: a pickle inside a compressed stream or written to look like text; nothing here opens those.

Source:
    PEP 307, PEP 3154 and PEP 574 (the protocols), as read by the standard library's `pickletools`.
"""

from __future__ import annotations

import pickletools
import struct
import warnings
from collections.abc import Mapping
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, cast

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.archives import ZIP_MAGICS, open_zip
from smallcraft.registry.content.buffers import BufferFile

_PROTOCOLS = frozenset(range(2, 6))
_ENOUGH_OPCODES = 32
_TEXT_BYTES = 1 << 16
_IMPORTING = frozenset({"GLOBAL", "INST"})
_CALLING = frozenset({"INST", "REDUCE", "OBJ", "NEWOBJ", "BUILD"})
_SUFFIXES: Mapping[str, str] = {
    ".pkl": "a Python pickle",
    ".pickle": "a Python pickle",
    ".joblib": "a joblib pickle",
    ".dill": "a dill pickle",
    ".cloudpickle": "a cloudpickle",
    ".pt": "a PyTorch pickle",
    ".pth": "a PyTorch pickle",
    ".ckpt": "a checkpoint with a pickle",
}


def refuse_pickle(path: str, data: memoryview) -> None:
    """Refuse a file whose name or bytes are those of a pickle.

    Args:
        path: Its path, for its suffix and for the message.
        data: All of its bytes.

    Raises:
        InvalidInputError: It is one.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _SUFFIXES:
        raise pickle_error(path, f"its name says {_SUFFIXES[suffix]}")
    if len(data) > 2 and data[0] == 0x80 and data[1] in _PROTOCOLS:
        names = _opcodes(data, most=_ENOUGH_OPCODES)
        if len(names) == _ENOUGH_OPCODES or (names and names[-1] == "STOP"):
            raise pickle_error(path, f"it begins as a pickle of protocol {data[1]}")
    elif bytes(data[:1]) in (b"c", b"("):
        names = _opcodes(data[:_TEXT_BYTES])
        if names[-1:] == ["STOP"] and _IMPORTING & set(names) and _CALLING & set(names):
            raise pickle_error(path, "it is a pickle of protocol 0")
    else:
        for name in _names_in_zip(data):
            if name.lower().endswith(tuple(_SUFFIXES)):
                raise pickle_error(path, f"it is a zip that holds {name!r}, as torch.save writes it")


def _names_in_zip(data: memoryview) -> list[str]:
    """None where it is no zip that can be read: then nothing opens what may be in it."""
    if bytes(data[:4]) not in ZIP_MAGICS:
        return []
    try:
        with open_zip(data, use="the zip") as archive:
            return archive.namelist()
    except InvalidInputError:
        return []


def _opcodes(data: memoryview, *, most: int | None = None) -> list[str]:
    """Names of a pickle's opcodes, up to the first byte that is none; nothing is run."""
    names: list[str] = []
    stream = cast("IO[bytes]", BufferFile(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # random bytes hold escapes that Python finds odd
        try:
            for opcode, _, _ in islice(pickletools.genops(stream), most):
                names.append(opcode.name)
        except (ValueError, IndexError, OverflowError, struct.error, SyntaxError):
            return names
    return names


def pickle_error(path: str, what: str) -> InvalidInputError:
    """The one message for a pickle, found by `what`."""
    return InvalidInputError(
        f"{path} holds a pickle, which can run any code when it is opened ({what}); store arrays as "
        "safetensors or npz without objects"
    )
