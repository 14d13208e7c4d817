"""A reference as the one file that a release carries, and back.

`SCREF`, the format's number, a digest of the rest, then three zlib streams, each with its size before it: the
description (JSON), the arrays, the profiles. A server that only measures never opens the third.
Always: `read_reference(write_reference(r))` measures and compares as `r` does; damaged or foreign bytes are
refused.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.blobs import Reader, sized
from smallcraft.data.profiles.domain import DomainScore, NumberWeight
from smallcraft.data.profiles.embeddings import EmbeddingMap
from smallcraft.data.profiles.farness import Farness, NumberPlace, Rarity
from smallcraft.data.profiles.measuring import Measures
from smallcraft.data.profiles.packing import pack_profile, unpack_profile
from smallcraft.data.profiles.reference import Reference
from smallcraft.data.profiles.texts import Vocabulary
from smallcraft.errors import IntegrityError

FORMAT = 1
FILE_NAME = "reference.bin"
_MAGIC = b"SCREF" + bytes([FORMAT])
_DIGEST_BYTES = 16
_LEVEL = 6


def write_reference(reference: Reference) -> bytes:
    """A reference as bytes; the same ones for an equal reference."""
    arrays: list[NDArray[Any]] = []
    described = {
        "season": reference.season,
        "baselines": dict(reference.baselines),
        "vocabularies": {
            name: _put(words.hashes, arrays)
            for name, words in sorted(reference.measures.vocabularies.items())
        },
        "embedding": _describe_embedding(reference.measures.embedding, arrays),
        "domain": _describe_domain(reference.measures.domain, arrays),
        "farness": None if reference.measures.farness is None else asdict(reference.measures.farness),
    }
    head = json.dumps(described, sort_keys=True).encode()
    packed = b"".join(_pack_array(array) for array in arrays)
    profiles = b"".join(
        struct.pack("<q", bucket) + sized(pack_profile(profile))
        for bucket, profile in sorted(reference.profiles.items())
    )
    body = b"".join(sized(zlib.compress(part, _LEVEL)) for part in (head, packed, profiles))
    return _MAGIC + _digest(body) + body


def read_reference(data: bytes, *, name: str = FILE_NAME) -> Reference:
    """A reference from its bytes.

    Args:
        data: From `write_reference`.
        name: Of the file, for the message.

    Raises:
        IntegrityError: They are damaged, or of another format.
    """
    head, arrays, profiles = _streams(data, name)
    try:
        described: Mapping[str, Any] = json.loads(zlib.decompress(head))
        measures = _measures(described, _read_arrays(zlib.decompress(arrays)))
        found, reader = {}, Reader(zlib.decompress(profiles))
        while not reader.is_done:
            (bucket,) = struct.unpack("<q", reader.take(8))
            found[bucket] = unpack_profile(reader.take_sized())
        return Reference(measures, found, described["season"], described["baselines"])
    except _UNREADABLE as error:
        raise _refusal(name, f"bytes that hold none ({type(error).__name__}: {error})") from error


def read_measures(data: bytes, *, name: str = FILE_NAME) -> Measures:
    """Only what is needed to measure rows, for a server.

    Args:
        data: From `write_reference`.
        name: Of the file, for the message.

    Raises:
        IntegrityError: They are damaged, or of another format.
    """
    head, arrays, _ = _streams(data, name)
    try:
        return _measures(json.loads(zlib.decompress(head)), _read_arrays(zlib.decompress(arrays)))
    except _UNREADABLE as error:
        raise _refusal(name, f"bytes that hold none ({type(error).__name__}: {error})") from error


_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, struct.error, zlib.error)


def _streams(data: bytes, name: str) -> tuple[bytes, bytes, bytes]:
    start = len(_MAGIC) + _DIGEST_BYTES
    if data[: len(_MAGIC)] != _MAGIC:
        raise _refusal(name, f"bytes that begin with {bytes(data[: len(_MAGIC)])!r}")
    if _digest(data[start:]) != data[len(_MAGIC) : start]:
        raise _refusal(name, "bytes that do not match their digest")
    reader = Reader(data[start:])
    try:
        return reader.take_sized(), reader.take_sized(), reader.take_sized()
    except _UNREADABLE as error:
        raise _refusal(name, "bytes that end early") from error


def _measures(described: Mapping[str, Any], arrays: list[NDArray[Any]]) -> Measures:
    vocabularies = {name: Vocabulary(arrays[place]) for name, place in described["vocabularies"].items()}
    embedding, domain, farness = (described[name] for name in ("embedding", "domain", "farness"))
    return Measures(
        vocabularies=vocabularies,
        embedding=None if embedding is None else _read_embedding(embedding, arrays),
        domain=None if domain is None else _read_domain(domain, arrays),
        farness=None if farness is None else _read_farness(farness),
    )


def _describe_embedding(way: EmbeddingMap | None, arrays: list[NDArray[Any]]) -> dict[str, Any] | None:
    if way is None:
        return None
    places = [_put(array, arrays) for array in (way.mean, way.directions, way.centres)]
    return {"arrays": places, "spread": way.spread}


def _read_embedding(described: Mapping[str, Any], arrays: list[NDArray[Any]]) -> EmbeddingMap:
    mean, directions, centres = (arrays[place] for place in described["arrays"])
    return EmbeddingMap(mean, directions, centres, described["spread"])


def _describe_domain(domain: DomainScore | None, arrays: list[NDArray[Any]]) -> dict[str, Any] | None:
    if domain is None:
        return None
    return {
        "bias": domain.bias,
        "numbers": {name: asdict(part) for name, part in domain.numbers.items()},
        "categories": {name: dict(weights) for name, weights in domain.categories.items()},
        "words": _put(domain.words, arrays),
        "embedding": _put(domain.embedding, arrays),
    }


def _read_domain(described: Mapping[str, Any], arrays: list[NDArray[Any]]) -> DomainScore:
    numbers = {name: NumberWeight(**part) for name, part in described["numbers"].items()}
    words, embedding = arrays[described["words"]], arrays[described["embedding"]]
    return DomainScore(described["bias"], numbers, described["categories"], words, embedding)


def _read_farness(described: Mapping[str, Any]) -> Farness:
    return Farness(
        {name: NumberPlace(**place) for name, place in described["numbers"].items()},
        {name: Rarity(**rarity) for name, rarity in described["categories"].items()},
    )


def _put(array: NDArray[Any], arrays: list[NDArray[Any]]) -> int:
    arrays.append(array)
    return len(arrays) - 1


def _pack_array(array: NDArray[Any]) -> bytes:
    """As little-endian numbers of four bytes, float32 or uint32, with the shape before them."""
    kind = b"f" if array.dtype == np.float32 else b"u"
    shape = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
    return kind + shape + sized(array.astype("<f4" if kind == b"f" else "<u4").tobytes())


def _read_arrays(data: bytes) -> list[NDArray[Any]]:
    reader, arrays = Reader(data), []
    while not reader.is_done:
        kind = reader.take(1)
        (axes,) = reader.take(1)
        shape = struct.unpack(f"<{axes}I", reader.take(4 * axes))
        read = np.frombuffer(reader.take_sized(), dtype="<f4" if kind == b"f" else "<u4")
        arrays.append(read.reshape(shape).astype(np.float32 if kind == b"f" else np.uint32))
    return arrays


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


def _refusal(name: str, got: str) -> IntegrityError:
    return IntegrityError(
        f"{name} must be a reference of format {FORMAT}, got {got}; take the release from the registry again"
    )
