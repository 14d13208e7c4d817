"""How a new file is stored as ranges of blobs that are there already and one blob of new bytes.

Leaves to others: how a file is cut (`content.tensors`), what tensors share (`content.sharing`), the
stored form and the way back (`content.recipes`), the disk.
Always: a plan rebuilds the new file exactly; it points only into blobs that are stored whole; recipe
and new bytes together cost less than half of the file, or there is no plan.
Covered: changed, added, dropped, reordered and renamed tensors; rows added to one; an edited header;
weights that training moved a little.
Not covered: bytes that moved inside a tensor (no content-defined chunking: measured no better on real
fine-tunes).
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from smallcraft.canonical import digest_bytes
from smallcraft.registry.content.recipes import RECIPE_LIMIT_BYTES, Range, Recipe, encode_recipe
from smallcraft.registry.content.sharing import (
    Candidates,
    Comparison,
    Match,
    Patched,
    Patching,
    Shared,
    Span,
    compare,
    make_patches,
    plan_patch,
)
from smallcraft.registry.content.tensors import Segment, cut
from smallcraft.registry.tlog.entry import Content

SMALLEST_BYTES = 1 << 20
MOST_STORED = 0.5
MOST_PIECES = 1 << 15


@dataclass(frozen=True)
class Parent:
    """A stored file that a new one may share bytes with.

    Attributes:
        content: Digest and size of the file.
        data: Its bytes, `(n,)`: a mapped file, or `recipes.pieces` joined. They need not be verified:
            what a plan points at was compared, and rebuilding checks the result.
        segments: Its tensors, from `tensors.cut`.
        recipe: How it is stored; None where its blob is stored whole. Patches are made against whole
            files only, so give those under a recipe as parents too.
    """

    content: Content
    data: memoryview
    segments: tuple[Segment, ...]
    recipe: Recipe | None = None

    @cached_property
    def sources(self) -> tuple[Content, ...]:
        """The whole blobs that hold it."""
        return self.recipe.sources if self.recipe else (self.content,)

    @cached_property
    def _starts(self) -> list[int]:
        """Where in the file each range of the recipe begins."""
        ranges = self.recipe.ranges if self.recipe else ()
        return list(itertools.accumulate((part.length for part in ranges), initial=0))

    def resolve(self, offset: int, length: int) -> Iterator[Range | int]:
        """Where these bytes of the file are stored whole.

        Returns:
            Ranges in order; where a patched one is asked for in part, only the length of that part.
        """
        if self.recipe is None:
            yield Range(self.content.digest, offset, length)
            return
        number, stop = bisect.bisect_right(self._starts, offset) - 1, offset + length
        while offset < stop:
            part, skipped = self.recipe.ranges[number], offset - self._starts[number]
            taken = min(stop - offset, part.length - skipped)
            if not part.patch:
                yield Range(part.source, part.offset + skipped, taken)
            else:
                yield part if taken == part.length else taken
            offset += taken
            number += 1


@dataclass(frozen=True)
class Plan:
    """A new file as what is stored already and what has to be.

    Attributes:
        recipe: How the file is put together; store `recipes.encode_recipe` of it.
        literal: The new bytes, one blob; `b""` where there are none, and then none is stored.
        literal_digest: Its digest, as the recipe names it.
    """

    recipe: Recipe
    literal: bytes
    literal_digest: str

    @cached_property
    def encoded(self) -> bytes:
        """The recipe's bytes."""
        return encode_recipe(self.recipe)

    @property
    def stored_bytes(self) -> int:
        """What the file adds to the store: recipe and new bytes."""
        return len(self.encoded) + len(self.literal)


def plan(new: memoryview, parents: Sequence[Parent], *, path: str, digest: str | None = None) -> Plan | None:
    """How to store a file as ranges of stored blobs and new bytes.

    Args:
        new: The whole file, `(n,)` bytes.
        parents: Files that are stored, likeliest first, and the whole files under their recipes.
        path: The file's name; its suffix says how it is cut.
        digest: SHA-256 of `new` where it is known; else it is computed, if there is a plan.

    Returns:
        A plan, or None where there is nothing to gain: the file is under 1 MiB, it is stored
        already, or half of it or more would be stored anyway.

    Raises:
        InvalidInputError: A `.safetensors` file that breaks its format.
    """
    if len(new) < SMALLEST_BYTES or not parents:
        return None
    pieces = _find_pieces(new, parents, path=path)
    if pieces is None or len(pieces) > MOST_PIECES:
        return None
    output = _Output(new, parents)
    for piece in pieces:
        output.add(piece)
    made = output.finish(digest)
    is_there = any(made.recipe.result in (parent.content, *parent.sources) for parent in parents)
    is_small = made.stored_bytes < MOST_STORED * len(new) and len(made.encoded) <= RECIPE_LIMIT_BYTES
    return made if is_small and not is_there else None


def _find_pieces(new: memoryview, parents: Sequence[Parent], *, path: str) -> list[Shared | Patched] | None:
    """What is not new in the file, in its order; None as soon as too much is new."""
    candidates = Candidates(
        Match(number, parent.data, segment, is_base=parent.recipe is None)
        for number, parent in enumerate(parents)
        for segment in parent.segments
    )
    affordable = MOST_STORED * len(new)
    tensors: list[_Tensor] = []
    for segment in cut(new, path=path):
        matches = candidates.find(new, segment)
        found = compare(new, segment, matches)
        tensor = _Tensor(found, plan_patch(new, segment, found.rest, matches))
        affordable -= tensor.stored_bytes
        if affordable <= 0:
            return None
        tensors.append(tensor)
    # Patches are made last: they take ten times as long as all the rest.
    return [piece for tensor in tensors for piece in tensor.pieces(new)]


@dataclass(frozen=True)
class _Tensor:
    """A tensor of the new file: what parents have of it, and how what they have not is patched."""

    found: Comparison
    patching: Patching | None

    @property
    def stored_bytes(self) -> float:
        """What it adds to the store, patches judged by their samples."""
        patched = self.patching.spans if self.patching else ()
        left = sum(span.size_bytes for span in self.found.rest if not _is_within(span, patched))
        share = self.patching.share if self.patching else 0.0
        return left + share * sum(span.size_bytes for span in patched)

    def pieces(self, new: memoryview) -> list[Shared | Patched]:
        """What is not new in it, in file order."""
        if self.patching is None:
            return list(self.found.shared)
        kept = [piece for piece in self.found.shared if not _is_within(piece, self.patching.spans)]
        return sorted([*kept, *make_patches(new, self.patching)], key=lambda piece: piece.start)


def _is_within(part: Span | Shared, spans: Sequence[Span]) -> bool:
    """Whether one of the spans, in file order, holds all of a part."""
    number = bisect.bisect_right(spans, part.start, key=lambda span: span.start) - 1
    return number >= 0 and part.stop <= spans[number].stop


class _Output:
    """Ranges and new bytes in the order of the file; neighbours that lie together become one range."""

    def __init__(self, new: memoryview, parents: Sequence[Parent]) -> None:
        self._new = new
        self._parents = parents
        self._ranges: list[Range] = []
        self._literal: list[bytes | memoryview] = []
        self._literal_bytes = 0
        self._at = 0

    def add(self, piece: Shared | Patched) -> None:
        """The next piece; what lies between it and the last one is new."""
        self._write_new(piece.start - self._at)
        parent, offset, length = (
            self._parents[piece.parent],
            piece.start - piece.shift,
            piece.stop - piece.start,
        )
        if isinstance(piece, Patched):
            at = self._store(piece.frame)
            self._append(
                Range(parent.content.digest, offset, length, _NEW, at, len(piece.frame), piece.width)
            )
            return
        for part in parent.resolve(offset, length):
            if isinstance(part, int):
                self._write_new(part)
            else:
                self._append(part)

    def finish(self, digest: str | None) -> Plan:
        """The plan, the rest of the file taken as new."""
        self._write_new(len(self._new) - self._at)
        literal = b"".join(self._literal)
        literal_digest = digest_bytes(literal)
        ranges = tuple(_named(part, literal_digest) for part in self._ranges)
        known = {source.digest: source for parent in self._parents for source in parent.sources}
        known[literal_digest] = Content(literal_digest, len(literal))
        used = {part.source for part in ranges} | {part.patch for part in ranges if part.patch}
        result = Content(digest or "sha256:" + hashlib.sha256(self._new).hexdigest(), len(self._new))
        recipe = Recipe(result, tuple(known[name] for name in sorted(used)), ranges)
        return Plan(recipe, literal, literal_digest)

    def _write_new(self, length: int) -> None:
        if length:
            at = self._store(self._new[self._at : self._at + length])
            self._append(Range(_NEW, at, length))

    def _store(self, data: bytes | memoryview) -> int:
        at = self._literal_bytes
        self._literal.append(data)
        self._literal_bytes += len(data)
        return at

    def _append(self, part: Range) -> None:
        self._at += part.length
        last = self._ranges[-1] if self._ranges else None
        if last is not None and _continues(last, part):
            self._ranges[-1] = Range(last.source, last.offset, last.length + part.length)
        else:
            self._ranges.append(part)


_NEW = "new"  # stands for the literal blob's digest until all of it is there


def _continues(last: Range, part: Range) -> bool:
    is_plain = not (last.patch or part.patch)
    return is_plain and last.source == part.source and last.offset + last.length == part.offset


def _named(part: Range, literal_digest: str) -> Range:
    source = literal_digest if part.source == _NEW else part.source
    patch_source = literal_digest if part.patch == _NEW else part.patch
    return Range(
        source, part.offset, part.length, patch_source, part.patch_offset, part.patch_length, part.width
    )
