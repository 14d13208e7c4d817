"""What the bytes of one tensor have in common with stored tensors: equal runs, small differences.

Leaves to others: what is done with it (`content.blocks`), how a patch is stored (`content.recipes`).
Always: equal means compared byte by byte, never by a hash; what is found lies in file order and
does not overlap.
Covered: edits in place, bytes added or taken inside one stretch, weights that training moved a little.
Not covered: several insertions in one tensor; what lies between the first and the last is new.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.registry.content.recipes import PATCHED_LIMIT_BYTES, WIDTHS, make_patch
from smallcraft.registry.content.tensors import Segment

_BLOCK_BYTES = 1 << 20
_WORD_BYTES = 8
_SHORTEST_END_BYTES = 256
_SHORTEST_COPY_BYTES = 4096  # shorter ones save little and make recipes long
_SMALLEST_PATCHED_BYTES = 4096
_LARGEST_PATCH = 0.8  # whether the file halves is judged over all of its tensors
_JOINED_GAP_BYTES = 65536
_SAMPLES, _SAMPLE_BYTES = 4, 16384
_GLANCE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Match:
    """A stored tensor that may be the new file's.

    Attributes:
        parent: Number of the file it is in.
        data: That file's bytes, `(n,)`.
        segment: Where it lies in them.
        is_base: Whether patches may be made against it.
    """

    parent: int
    data: memoryview
    segment: Segment
    is_base: bool


@dataclass(frozen=True, slots=True)
class Shared:
    """Bytes `start` to `stop` of the new file, which a parent has at `start - shift`."""

    start: int
    stop: int
    parent: int
    shift: int


@dataclass(frozen=True, slots=True)
class Patched:
    """Bytes `start` to `stop` of the new file, a small difference from a parent's at `start - shift`."""

    start: int
    stop: int
    parent: int
    shift: int
    frame: bytes
    width: int


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `stop` of the new file, which no parent has."""

    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return self.stop - self.start


@dataclass(frozen=True)
class Patching:
    """How a tensor that differs only a little is stored as differences.

    Attributes:
        base: What the differences are from.
        shift: Where the new bytes stand, less where the base's do.
        width: Word size of the numbers: 1, 2, 4 or 8.
        spans: Bytes of the new file that it covers, in file order.
        share: What the patches take of them, in [0, 1], judged by samples.
    """

    base: Match
    shift: int
    width: int
    spans: tuple[Span, ...]
    share: float


@dataclass(frozen=True)
class Comparison:
    """A tensor as what parents have of it and what they have not, each in file order."""

    shared: tuple[Shared, ...]
    rest: tuple[Span, ...]


class Candidates:
    """Stored tensors by what may tell that one is the new file's: a glance, its name, its shape.

    Args:
        matches: All tensors of all parents, of likelier parents first.
    """

    def __init__(self, matches: Iterable[Match]) -> None:
        self._by_glance: dict[tuple[bytes, str | None], Match] = {}
        self._by_name: dict[str, list[Match]] = defaultdict(list)
        self._by_kind: dict[str, list[Match]] = defaultdict(list)
        for match in matches:
            glance = _glance(match.data, match.segment)
            self._by_glance.setdefault((glance, None), match)
            self._by_glance.setdefault((glance, match.segment.name), match)
            self._by_name[match.segment.name].append(match)
            self._by_kind[match.segment.kind].append(match)

    def find(self, new: memoryview, segment: Segment) -> list[Match]:
        """Candidates for a segment of `new`, likeliest first; none where nothing speaks for one."""
        glance = _glance(new, segment)
        # By its own name first: tensors of zeros all look alike, and neighbours make one range.
        same = self._by_glance.get((glance, segment.name)) or self._by_glance.get((glance, None))
        found = [same] if same is not None else []
        found += [match for match in self._by_name.get(segment.name, ()) if match is not same]
        if found or not segment.kind:
            return found
        alike = self._by_kind.get(segment.kind, ())
        nearest = max(alike, key=lambda match: _common_parts(match.segment.name, segment.name), default=None)
        return [nearest] if nearest is not None else []


def _glance(data: memoryview, segment: Segment) -> bytes:
    """Length and a few bytes of the start, the middle and the end."""
    middle = (segment.start + segment.stop) // 2
    places = (segment.start, middle, max(segment.start, segment.stop - _GLANCE_BYTES))
    taken = [bytes(data[at : min(at + _GLANCE_BYTES, segment.stop)]) for at in places]
    return b"".join([segment.size_bytes.to_bytes(8, "little"), *taken])


def _common_parts(a: str, b: str) -> int:
    """How many dotted parts two names share, counted from their ends."""
    pairs = zip(reversed(a.split(".")), reversed(b.split(".")), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def compare(new: memoryview, segment: Segment, matches: Sequence[Match]) -> Comparison:
    """What the matches have of a segment of `new`, asked one after the other.

    Args:
        new: The whole new file, `(n,)` bytes.
        segment: Of the new file.
        matches: Candidates, likeliest first.
    """
    shared: list[Shared] = []
    rest = [Span(segment.start, segment.stop)]
    for match in matches:
        at_start, at_end = segment.start - match.segment.start, segment.stop - match.segment.stop
        for shift in dict.fromkeys((at_start, at_end)):
            runs = (run for span in rest for run in _equal_runs(new, span, match, shift))
            found = [
                Shared(run.start, run.stop, match.parent, shift)
                for run in runs
                if _is_worth_a_range(run, segment)
            ]
            shared += found
            rest = list(_without(rest, found))
    return Comparison(tuple(sorted(shared, key=lambda piece: piece.start)), tuple(rest))


def _is_worth_a_range(run: Span, segment: Segment) -> bool:
    """Whether it is long, or at a tensor's end, where it may go on in the tensor beside it."""
    is_start, is_stop = run.start == segment.start, run.stop == segment.stop
    if is_start and is_stop:
        return True
    return run.size_bytes >= (_SHORTEST_END_BYTES if is_start or is_stop else _SHORTEST_COPY_BYTES)


def _equal_runs(new: memoryview, span: Span, match: Match, shift: int) -> Iterator[Span]:
    """Runs of a span that the match has at this shift."""
    low = max(span.start, match.segment.start + shift)
    high = min(span.stop, match.segment.stop + shift)
    return _join(_equal_in_blocks(new, match.data, Span(low, high), shift), gap_bytes=0)


def _equal_in_blocks(new: memoryview, old: memoryview, span: Span, shift: int) -> Iterator[Span]:
    for start in range(span.start, span.stop, _BLOCK_BYTES):
        yield from _equal_in_block(new, old, Span(start, min(start + _BLOCK_BYTES, span.stop)), shift)


def _equal_in_block(new: memoryview, old: memoryview, block: Span, shift: int) -> Iterator[Span]:
    """Equal runs of a block: the long ones, and those at its ends, which may go on beyond it."""
    count = block.size_bytes // _WORD_BYTES
    tail = block.start + count * _WORD_BYTES
    is_tail_equal = new[tail : block.stop] == old[tail - shift : block.stop - shift]
    is_other = _words(new, block.start, count) != _words(old, block.start - shift, count)
    if is_tail_equal and not is_other.any():
        yield block
        return
    edges = np.concatenate([[-1], np.flatnonzero(is_other), [count]])
    lengths = np.diff(edges) - 1
    is_kept = lengths * _WORD_BYTES >= _SHORTEST_COPY_BYTES
    is_kept[[0, -1]] = lengths[[0, -1]] > 0
    for number in np.flatnonzero(is_kept):
        first, last = int(edges[number]) + 1, int(edges[number + 1])
        stop = block.stop if last == count and is_tail_equal else block.start + last * _WORD_BYTES
        yield Span(block.start + first * _WORD_BYTES, stop)


def _words(data: memoryview, start: int, count: int) -> NDArray[np.uint64]:
    return np.frombuffer(data[start : start + count * _WORD_BYTES], np.uint64)


def _without(spans: Sequence[Span], found: Sequence[Shared]) -> Iterator[Span]:
    """The spans less what was found in them; both in file order."""
    pieces = iter(found)
    piece = next(pieces, None)
    for span in spans:
        at = span.start
        while piece is not None and piece.start < span.stop:
            if piece.start > at:
                yield Span(at, piece.start)
            at = piece.stop
            piece = next(pieces, None)
        if at < span.stop:
            yield Span(at, span.stop)


def plan_patch(
    new: memoryview, segment: Segment, rest: Sequence[Span], matches: Sequence[Match]
) -> Patching | None:
    """Whether what no match has of a tensor is a small difference from the first base among them.

    Args:
        new: The whole new file, `(n,)` bytes.
        segment: Of the new file.
        rest: What no match has of it.
        matches: Candidates, likeliest first.

    Returns:
        How to patch it, judged by samples; None where that would not save a fifth.
    """
    base = next((match for match in matches if match.is_base), None)
    if base is None:
        return None
    shift = segment.start - base.segment.start
    limit = min(segment.stop, base.segment.stop + shift)
    # Short equal runs in between are taken in: in a patch they cost next to nothing.
    within = (Span(span.start, min(span.stop, limit)) for span in rest if span.start < limit)
    joined = _join(within, gap_bytes=_JOINED_GAP_BYTES)
    spans = tuple(span for span in joined if span.size_bytes >= _SMALLEST_PATCHED_BYTES)
    if not spans:
        return None
    pairs = [_pair(new, base.data, block, shift) for block in _samples(spans)]
    sizes = {width: sum(len(make_patch(*pair, width=width)) for pair in pairs) for width in WIDTHS}
    width = min(sizes, key=lambda width: sizes[width])
    share = sizes[width] / sum(len(left) for left, _ in pairs)
    return Patching(base, shift, width, spans, share) if share <= _LARGEST_PATCH else None


def make_patches(new: memoryview, patching: Patching) -> Iterator[Patched]:
    """The patches, in file order, each for 1 MiB at most; a block that does not shrink has none."""
    for span in patching.spans:
        for start in range(span.start, span.stop, PATCHED_LIMIT_BYTES):
            block = Span(start, min(start + PATCHED_LIMIT_BYTES, span.stop))
            left, right = _pair(new, patching.base.data, block, patching.shift)
            frame = make_patch(left, right, width=patching.width)
            if len(frame) < block.size_bytes:
                yield Patched(
                    block.start, block.stop, patching.base.parent, patching.shift, frame, patching.width
                )


def _join(spans: Iterable[Span], *, gap_bytes: int) -> Iterator[Span]:
    """Spans in file order, those no further apart than the gap made one."""
    joined: Span | None = None
    for span in spans:
        if joined is not None and span.start - joined.stop <= gap_bytes:
            joined = Span(joined.start, span.stop)
            continue
        if joined is not None:
            yield joined
        joined = span
    if joined is not None:
        yield joined


def _samples(spans: Sequence[Span]) -> Iterator[Span]:
    for number in range(_SAMPLES):
        span = spans[number * len(spans) // _SAMPLES]
        start = span.start + max(0, span.size_bytes - _SAMPLE_BYTES) * number // _SAMPLES
        yield Span(start, min(start + _SAMPLE_BYTES, span.stop))


def _pair(new: memoryview, old: memoryview, block: Span, shift: int) -> tuple[memoryview, memoryview]:
    return new[block.start : block.stop], old[block.start - shift : block.stop - shift]
