"""Canonical JSON (RFC 8785) and SHA-256 digests: the one place where a value becomes a digest.

Always: equal values give equal bytes on every machine; a digest reads `sha256:<64 hex digits>`.
Not covered: what JSON cannot hold (NaN, infinities, bytes, sets, integers past 2**53); it is refused.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from smallcraft.errors import InvalidInputError

_LARGEST_EXACT_INTEGER = 2**53
_READ_BYTES = 1 << 20


def canonical_json(value: object) -> bytes:
    """Serialise a value to the one byte string that RFC 8785 gives it.

    Args:
        value: None, bool, int, finite float, str, enum, frozen dataclass, or a list, tuple or
            str-keyed mapping of these.

    Returns:
        UTF-8 bytes without spaces, keys sorted by UTF-16 code units.

    Raises:
        InvalidInputError: The value holds something that JSON cannot hold exactly.

    Source:
        RFC 8785, sections 3.2.2 and 3.2.3.

    >>> canonical_json({"b": 1.0, "a": [1e21, 0.000001, None]})
    b'{"a":[1e+21,0.000001,null],"b":1}'
    """
    return _encode(value).encode("utf-8")


def digest_bytes(data: bytes) -> str:
    """SHA-256 of bytes, as `sha256:<hex>`.

    >>> digest_bytes(b"")[:18]
    'sha256:e3b0c44298f'
    """
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_value(value: object) -> str:
    """SHA-256 of a value's canonical JSON."""
    return digest_bytes(canonical_json(value))


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks of 1 MiB."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            hasher.update(block)
    return "sha256:" + hasher.hexdigest()


def plain(value: object) -> Any:  # noqa: ANN401 - the JSON type is recursive
    """The value as dicts, lists and scalars: frozen dataclasses and enums unfolded.

    Raises:
        InvalidInputError: A type that JSON cannot hold.
    """
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_checked_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray | Set):
        return [plain(item) for item in value]
    raise InvalidInputError(
        f"canonical JSON holds None, bool, int, float, str, lists and mappings, got {type(value).__name__}; "
        "convert it first"
    )


def _checked_key(key: object) -> str:
    if not isinstance(key, str):
        raise InvalidInputError(f"a JSON key must be a string, got {key!r}; convert it first")
    return _checked_text(key)


def _checked_text(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"text for canonical JSON must be valid Unicode, got a lone surrogate at {error.start}; "
            "repair the text"
        ) from error
    return text


def _encode(value: object) -> str:
    value = plain(value) if not isinstance(value, dict | list) else value
    if isinstance(value, dict):
        keys = sorted((_checked_key(key) for key in value), key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{_encode_text(key)}:{_encode(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_encode(item) for item in value) + "]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int):
        return _encode_integer(value)
    if isinstance(value, float):
        return _encode_float(value)
    return _encode_text(value)


def _encode_text(text: str) -> str:
    return json.dumps(_checked_text(text), ensure_ascii=False)


def _encode_integer(number: int) -> str:
    if abs(number) > _LARGEST_EXACT_INTEGER:
        raise InvalidInputError(f"an integer past 2**53 is not exact in JSON, got {number}; pass it as text")
    return str(number)


def _encode_float(number: float) -> str:
    """ECMAScript's shortest form of a double (RFC 8785, section 3.2.2.3)."""
    if not math.isfinite(number):
        raise InvalidInputError(
            f"JSON holds finite numbers only, got {number}; write None for 'not measured'"
        )
    if number == 0:
        return "0"
    sign, digits, exponent = _shortest_digits(number)
    point = exponent + len(digits)
    if 0 < point <= 21:
        body = digits.ljust(point, "0") if exponent >= 0 else f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        body = "0." + "0" * -point + digits
    else:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        body = f"{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + body


def _shortest_digits(number: float) -> tuple[str, str, int]:
    """Sign, decimal digits without trailing zeros, and the power of ten of the last digit."""
    # numpy's float64 is a float whose own repr is no number
    mantissa, _, exponent = float.__repr__(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0) - len(fraction)
    stripped = digits.rstrip("0")
    return ("-" if number < 0 else ""), stripped, power + len(digits) - len(stripped)
