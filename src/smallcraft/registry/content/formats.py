"""What may be stored in a release and read from one: data that cannot run code when it is opened.

Leaves to others: whether the bytes are those recorded (`content.disk`); what a pickle is, what arrays and
graphs may look like (`content.pickles`, `content.arrays`, `content.graphs`).
Always: a suffix has one checker, an unknown one is refused; headers are parsed, never a tensor's bytes.
Covered: pickles under any name; doubled keys in JSON and safetensors; text that is none.
Not covered: what passes is of its format, and may still hold the wrong numbers.

Source:
    The safetensors format; RFC 8259 (JSON); the Parquet format's file layout.
"""

from __future__ import annotations

import codecs
import json
import mmap
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from smallcraft.errors import InvalidInputError
from smallcraft.registry.content.arrays import check_npy, check_npz
from smallcraft.registry.content.graphs import check_graph
from smallcraft.registry.content.pickles import refuse_pickle
from smallcraft.registry.content.staging import open_plain
from smallcraft.registry.content.tensors import cut_safetensors

Checker = Callable[[str, memoryview], None]

JSON_LIMIT_BYTES = 256 << 20

_BLOCK_BYTES = 1 << 20


def check_format(path: str, data: bytes | memoryview) -> None:
    """Refuse what is not of the format that its name states, or of none that is allowed.

    Args:
        path: Its path in the release; the suffix says the format.
        data: All of its bytes.

    Raises:
        InvalidInputError: It is refused; the message names the danger.
    """
    suffix = PurePosixPath(path).suffix.lower()
    view = memoryview(data).cast("B")
    refuse_pickle(path, view)
    checker = CHECKERS.get(suffix)
    if checker is None:
        raise InvalidInputError(
            f"{path} must be of a format that a release may hold ({', '.join(sorted(CHECKERS))}), "
            f"its suffix is {suffix!r}; write it in one of those"
        )
    checker(path, view)


def check_file(path: Path, *, name: str | None = None) -> None:
    """`check_format` of a file, without reading all of it.

    Args:
        path: A plain file; a link is not followed.
        name: Its path in the release, where its own name says no suffix.

    Raises:
        InvalidInputError: It cannot be read, or is refused.
    """
    opened = open_plain(path)
    try:
        # Never closed by hand: an error that is under way still holds views of it.
        data = mmap.mmap(opened, 0, access=mmap.ACCESS_READ) if os.fstat(opened).st_size else b""
    finally:
        os.close(opened)
    check_format(name or path.name, memoryview(data))


def parse_strict_json(data: bytes | memoryview, *, use: str) -> object:
    """JSON in UTF-8 without doubled keys, NaN or infinities.

    Args:
        data: The document.
        use: What it is, as it should stand in a message.

    Raises:
        InvalidInputError: It is not.
    """
    if len(data) > JSON_LIMIT_BYTES:
        raise InvalidInputError(
            f"{use} may have {JSON_LIMIT_BYTES:,} bytes as JSON, it has {len(data):,}; store arrays as npz"
        )
    try:
        return json.loads(
            str(data, "utf-8"), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{use} must be sound JSON, but is not ({error}); write it again") from error


def _check_json(path: str, data: memoryview) -> None:
    parse_strict_json(data, use=path)


def _check_safetensors(path: str, data: memoryview) -> None:
    cut_safetensors(data, path=path)


def _check_text(path: str, data: memoryview) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, max(len(data), 1), _BLOCK_BYTES):
            block = bytes(data[start : start + _BLOCK_BYTES])
            if b"\0" in block:
                raise InvalidInputError(f"{path} must be text, it holds NUL bytes; name it for what it is")
            decoder.decode(block, final=start + _BLOCK_BYTES >= len(data))
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} must be text in UTF-8 ({error}); save it as UTF-8") from error


def _check_parquet(path: str, data: memoryview) -> None:
    ends = bytes(data[:4]), bytes(data[-4:])
    if len(data) < 12 or ends != (b"PAR1", b"PAR1"):
        raise InvalidInputError(
            f"{path} must begin and end with PAR1 as Parquet, got {ends[0]!r} and {ends[1]!r}; write it again"
        )
    (footer,) = struct.unpack_from("<I", data, len(data) - 8)
    if footer + 12 > len(data):
        raise InvalidInputError(
            f"{path} states a footer of {footer:,} bytes, it has {len(data):,} in all; write it again"
        )


def _check_numbers(path: str, data: memoryview) -> None:
    """Raw numbers, whose shape stands elsewhere: anything that a known program would open is refused."""
    for magic, what in ((b"PK\x03\x04", "a zip archive"), (b"\x7fELF", "a program"), (b"\x89HDF", "HDF5")):
        if data[: len(magic)] == magic:
            raise InvalidInputError(
                f"{path} must be plain numbers, its first bytes are those of {what}; store arrays as "
                "safetensors or npz"
            )


def _without_doubles(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return found


def _refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


CHECKERS: Mapping[str, Checker] = {
    ".safetensors": _check_safetensors,
    ".onnx": check_graph,
    ".npz": check_npz,
    ".npy": check_npy,
    ".bin": _check_numbers,
    ".json": _check_json,
    ".sig": _check_json,
    ".parquet": _check_parquet,
    ".md": _check_text,
    ".txt": _check_text,
    ".toml": _check_text,
    ".csv": _check_text,
    ".jsonl": _check_text,
    ".html": _check_text,
    ".svg": _check_text,
}
