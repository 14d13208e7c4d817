"""How a file is put together from bytes that are stored whole: canonical JSON, checked before it is used.

Leaves to others: which bytes are shared (`content.blocks`), where blobs lie, how they are read.
Always: a range points into a blob that is stored whole, never into another recipe's result (depth
one); a recipe has one byte string; `rebuild` returns bytes that have the stated digest, or nothing.
Covered: ranges outside their blob, sums that miss the size, patches that swell past what is stated.
Not covered: a blob that is gone. Many files may need it: keep what `needed` names.

The format, version 1: `{"v": 1, "digest", "size", "sources": [[digest, size], ...], "ranges": [...]}`.
A range is `[source, offset, length]` (a copy) or `[source, offset, length, patch source, patch offset,
patch length, width]` (patched): the source's bytes as little-endian integers of `width` bytes, to each
of which a step is added, modulo the word. The patch is one zstd frame: the steps in zigzag form, the
lowest bytes of all, then the next ones, and so on; then the bytes that fill no word, as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError
from smallcraft.registry.tlog.entry import Content

Read = Callable[[str, int, int], bytes | memoryview]
"""Bytes of a stored blob: digest, offset, length; a view into a mapped file will do."""

RECIPE_LIMIT_BYTES = 4 << 20
PATCHED_LIMIT_BYTES = 1 << 20
WIDTHS = (1, 2, 4, 8)

_FORMAT = 1
_KEYS = {"v", "digest", "size", "sources", "ranges"}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST_COUNT = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of a stored blob, as they are or with the steps of a patch added.

    Attributes:
        source: Digest of the blob.
        offset: First byte in it.
        length: How many bytes, of the blob and of the result.
        patch: Digest of the blob that holds the patch; empty for a plain copy.
        patch_offset: First byte of the zstd frame in it.
        patch_length: How many bytes the frame has.
        width: Word size of the numbers that the patch is made of: 1, 2, 4 or 8; 0 for a plain copy.
    """

    source: str
    offset: int
    length: int
    patch: str = ""
    patch_offset: int = 0
    patch_length: int = 0
    width: int = 0


@dataclass(frozen=True)
class Recipe:
    """A file as ranges of stored blobs, in the order of its bytes.

    Attributes:
        result: Digest and size of the file.
        sources: The blobs that ranges point into, each one used, sorted by digest.
        ranges: What stands after what; their lengths add up to `result.size_bytes`.
    """

    result: Content
    sources: tuple[Content, ...]
    ranges: tuple[Range, ...]


def needed(recipe: Recipe) -> tuple[str, ...]:
    """Digests of the blobs without which the file cannot be rebuilt."""
    return tuple(source.digest for source in recipe.sources)


def encode_recipe(recipe: Recipe) -> bytes:
    """The recipe's one byte string."""
    index = {source.digest: number for number, source in enumerate(recipe.sources)}
    return canonical_json(
        {
            "v": _FORMAT,
            "digest": recipe.result.digest,
            "size": recipe.result.size_bytes,
            "sources": [[source.digest, source.size_bytes] for source in recipe.sources],
            "ranges": [_encode_range(part, index) for part in recipe.ranges],
        }
    )


def _encode_range(part: Range, index: Mapping[str, int]) -> list[int]:
    copied = [index[part.source], part.offset, part.length]
    if not part.patch:
        return copied
    return [*copied, index[part.patch], part.patch_offset, part.patch_length, part.width]


def parse_recipe(data: bytes, *, wanted: Content | None = None) -> Recipe:
    """Read a stored recipe; only the exact bytes that `encode_recipe` gives are one.

    Args:
        data: The recipe's bytes.
        wanted: The file it must be for, as a manifest names it; this also bounds the memory that
            `rebuild` takes. None where no manifest is at hand.

    Raises:
        IntegrityError: Anything else than a sound recipe of the wanted file.
    """
    if len(data) > RECIPE_LIMIT_BYTES:
        raise _refusal(f"it has {len(data)} bytes, a recipe has {RECIPE_LIMIT_BYTES} at most")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _refusal(f"it cannot be read ({error})") from error
    if not isinstance(document, dict) or set(document) != _KEYS or document["v"] != _FORMAT:
        raise _refusal(f"it must be an object with {', '.join(sorted(_KEYS))}, and v must be {_FORMAT}")
    result = _content([document["digest"], document["size"]], "the result")
    if wanted is not None and result != wanted:
        raise _refusal(f"it makes {_told(result)}, wanted was {_told(wanted)}")
    sources = tuple(_content(item, "a source") for item in _listed(document["sources"], "sources"))
    ranges = tuple(
        _parse_range(item, number, sources)
        for number, item in enumerate(_listed(document["ranges"], "ranges"), start=1)
    )
    recipe = Recipe(result, sources, ranges)
    _check_whole(recipe)
    if encode_recipe(recipe) != data:
        raise _refusal("it is not in the form a registry writes")
    return recipe


def _check_whole(recipe: Recipe) -> None:
    """What only all ranges together show."""
    total = sum(part.length for part in recipe.ranges)
    if total != recipe.result.size_bytes:
        raise _refusal(f"its ranges make {total} bytes, the file has {recipe.result.size_bytes}")
    named = [source.digest for source in recipe.sources]
    if named != sorted(set(named)):
        raise _refusal("its sources must be sorted, each there once")
    if recipe.result.digest in named:
        raise _refusal("it needs the file that it makes")
    used = {part.source for part in recipe.ranges} | {part.patch for part in recipe.ranges}
    if unused := set(named) - used:
        raise _refusal(f"no range uses its source {min(unused)}")


def _content(value: object, what: str) -> Content:
    if isinstance(value, list) and len(value) == 2:
        digest, size_bytes = value
        if isinstance(digest, str) and _DIGEST.fullmatch(digest) and _is_count(size_bytes):
            return Content(digest, size_bytes)
    raise _refusal(f"{what} must be a digest and a size, it says {str(value)[:100]}")


def _parse_range(value: object, number: int, sources: Sequence[Content]) -> Range:
    if not isinstance(value, list) or len(value) not in (3, 7) or not all(_is_count(n) for n in value):
        raise _refusal(f"range {number} must be 3 or 7 whole numbers, it says {str(value)[:100]}")
    source = _inside(value[0], value[1], value[2], number=number, sources=sources)
    if len(value) == 3:
        return Range(source, value[1], value[2])
    patch = _inside(value[3], value[4], value[5], number=number, sources=sources)
    if value[2] > PATCHED_LIMIT_BYTES:
        raise _refusal(f"range {number} patches {value[2]} bytes, the most is {PATCHED_LIMIT_BYTES}")
    if value[6] not in WIDTHS:
        raise _refusal(f"range {number} has the width {value[6]}, known are {WIDTHS}")
    return Range(source, value[1], value[2], patch, value[4], value[5], value[6])


def _inside(index: int, offset: int, length: int, *, number: int, sources: Sequence[Content]) -> str:
    """Digest of the source that holds these bytes."""
    if index >= len(sources):
        raise _refusal(f"range {number} names source {index}, there are {len(sources)}")
    size_bytes = sources[index].size_bytes
    if length < 1 or offset + length > size_bytes:
        raise _refusal(
            f"range {number} takes bytes {offset} to {offset + length} of a source of {size_bytes}"
        )
    return sources[index].digest


def _listed(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise _refusal(f"{what} must be a list, got {type(value).__name__}")
    return value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_COUNT


def _told(content: Content) -> str:
    return f"{content.size_bytes} bytes with {content.digest}"


def _refusal(what: str) -> IntegrityError:
    return IntegrityError(
        f"a stored recipe is not sound: {what}; do not use the file it is for, restore the recipe from a copy"
    )


def pieces(recipe: Recipe, read: Read) -> Iterator[bytes | memoryview]:
    """The file's bytes range by range, not verified as a whole: hash them before they are used.

    Args:
        recipe: As `parse_recipe` returned it.
        read: Bytes of a stored blob.

    Raises:
        IntegrityError: A blob gave fewer bytes than asked for, or a patch is not what is stated.
    """
    for part in recipe.ranges:
        stored = _read_exactly(read, part.source, part.offset, part.length)
        if not part.patch:
            yield stored
            continue
        frame = _read_exactly(read, part.patch, part.patch_offset, part.patch_length)
        yield _apply_patch(memoryview(stored), _open_patch(frame, part), part.width)


def rebuild(recipe: Recipe, read: Read) -> bytes:
    """The file, put together and hashed once: whoever calls need not verify it again.

    The digest is that of the very bytes returned, so it does not matter whether `read` verified
    anything, or whether a mapped file changed meanwhile.

    Args:
        recipe: As `parse_recipe` returned it.
        read: Bytes of a stored blob.

    Raises:
        IntegrityError: The bytes do not have the stated digest, or a piece cannot be made.
    """
    data = b"".join(pieces(recipe, read))
    found = Content("sha256:" + hashlib.sha256(data).hexdigest(), len(data))
    if found != recipe.result:
        raise IntegrityError(
            f"a rebuilt file does not match its recipe: expected {_told(recipe.result)}, the blobs under it "
            f"make {_told(found)}; do not use it, run `smallcraft verify --deep` to find the damaged blob"
        )
    return data


def _read_exactly(read: Read, digest: str, offset: int, length: int) -> bytes | memoryview:
    data = read(digest, offset, length)
    if len(data) != length:
        raise IntegrityError(
            f"blob {digest} must have {length} bytes at {offset}, got {len(data)}; restore it from a copy"
        )
    return data


def make_patch(new: memoryview, old: memoryview, *, width: int) -> bytes:
    """A zstd frame of the difference between two runs of numbers of `width` bytes.

    Args:
        new: `(n,)` bytes.
        old: `(n,)` bytes, the base.
        width: 1, 2, 4 or 8.
    """
    whole = len(new) // width * width
    left, right = _words(new[:whole], width), _words(old[:whole], width)
    step = left - right
    # Zigzag: small steps down are small numbers too. Then first bytes of all words, second bytes, ...
    folded = (step << 1) ^ (step >> (8 * width - 1))
    planes = folded.view(np.uint8).reshape(-1, width).T
    # Level 1: what shrinks is the entropy of single bytes, there are no repeats to look for.
    return zstandard.ZstdCompressor(level=1).compress(planes.tobytes() + bytes(new[whole:]))


def _apply_patch(old: memoryview, difference: bytes, width: int) -> bytes:
    """The new bytes: what `make_patch` does, backwards."""
    whole = len(old) // width * width
    folded = np.empty(whole, np.uint8)
    for place in range(width):
        folded[place::width] = np.frombuffer(difference, np.uint8, whole // width, place * (whole // width))
    words = folded.view(f"<i{width}")
    step = ((words.view(f"<u{width}") >> 1).view(words.dtype)) ^ -(words & 1)
    made: bytes = (_words(old[:whole], width) + step).tobytes()
    return made + difference[whole:]


def _words(data: memoryview, width: int) -> NDArray[np.signedinteger[Any]]:
    return np.frombuffer(data, f"<i{width}")


def _open_patch(frame: bytes | memoryview, part: Range) -> bytes:
    try:
        # Asked first: the library reserves what a frame states, whatever limit it is given.
        stated = zstandard.frame_content_size(frame)
        if stated != part.length:
            raise _patch_fault(part, f"its frame states {stated} bytes")
        opener = zstandard.ZstdDecompressor(max_window_size=2 * PATCHED_LIMIT_BYTES)
        opened: bytes = opener.decompress(frame, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise _patch_fault(part, f"it cannot be decompressed ({error})") from error
    if len(opened) != part.length:
        raise _patch_fault(part, f"it holds {len(opened)} bytes")
    return opened


def _patch_fault(part: Range, what: str) -> IntegrityError:
    return IntegrityError(
        f"the patch at {part.patch_offset} of blob {part.patch} must hold {part.length} bytes: {what}; "
        "do not use the file, restore the blob from a copy"
    )
