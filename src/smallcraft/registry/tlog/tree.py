"""The Merkle tree over a log's entries: roots, inclusion and consistency proofs (RFC 6962, RFC 9162).

Holds the arithmetic only: 32-byte hashes in, hashes out; where they lie on disk belongs to `tlog.tiles`.
Always: equal leaves give equal roots; a proof that checks binds its leaf to an index under a root.
Covered: any leaf, hash, index or root altered, a proof with a hash dropped or added.
Not covered: the size, which a root alone does not fix (trees of 3 and 4 leaves give leaf 0 paths of one
shape), and whose root it is: the signature over both in `tlog.checkpoint` says that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from smallcraft.errors import IntegrityError, InvalidInputError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
"""`reader(level, index)`: root of the full subtree over leaves `index << level` to `(index + 1) << level`."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of one entry's bytes.

    >>> leaf_hash(b"").hex()[:8]
    '6e340b9c'
    """
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node over its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """The roots of the full subtrees that a tree falls into, largest first: all an append needs.

    Attributes:
        size: Leaves so far.
        hashes: One hash for each bit set in `size`, from the highest.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def with_leaves(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier after these leaf hashes."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            node, filled = leaf, size
            while filled & 1:
                node = node_hash(hashes.pop(), node)
                filled >>= 1
            hashes.append(node)
            size += 1
        return Frontier(size, tuple(hashes))

    @property
    def root(self) -> bytes:
        """Root of the tree."""
        return _folded(self.hashes)


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Root of the tree over these leaf hashes.

    >>> root_of([]) == EMPTY_ROOT
    True
    """
    return Frontier().with_leaves(leaf_hashes).root


def frontier_of(size: int, reader: NodeReader) -> Frontier:
    """The frontier of the first `size` leaves of a stored tree."""
    return Frontier(size, tuple(reader(level, index) for level, index in _full_subtrees(0, size)))


def inclusion_proof(index: int, size: int, reader: NodeReader) -> tuple[bytes, ...]:
    """Hashes that lead from leaf `index` to the root of the first `size` leaves, from the leaf up.

    Raises:
        InvalidInputError: Not `0 <= index < size`.

    Source:
        RFC 6962, section 2.1.1.
    """
    if not 0 <= index < size:
        raise InvalidInputError(f"an index must be from 0 to {size - 1} in a log of {size}, got {index}")
    start, stop, path = 0, size, []
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(_range_root(middle, stop, reader))
            stop = middle
        else:
            path.append(_range_root(start, middle, reader))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old_size: int, new_size: int, reader: NodeReader) -> tuple[bytes, ...]:
    """Hashes that show the first `old_size` leaves to begin the first `new_size` ones.

    Raises:
        InvalidInputError: Not `0 <= old_size <= new_size`.

    Source:
        RFC 6962, section 2.1.2; every tree follows the empty one, without a proof.
    """
    if not 0 <= old_size <= new_size:
        raise InvalidInputError(f"an older size must be from 0 to {new_size}, got {old_size}")
    if old_size in {0, new_size}:
        return ()
    start, stop, path = 0, new_size, []
    while stop != old_size:
        middle = start + _split(stop - start)
        if old_size <= middle:
            path.append(_range_root(middle, stop, reader))
            stop = middle
        else:
            path.append(_range_root(start, middle, reader))
            start = middle
    if start > 0:
        path.append(_range_root(start, stop, reader))
    return tuple(reversed(path))


def check_inclusion(proof: Sequence[bytes], *, index: int, size: int, leaf: bytes, root: bytes) -> None:
    """The leaf hash stands at `index` in the tree of that size and root.

    Raises:
        IntegrityError: The proof does not show it.

    Source:
        RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise IntegrityError(
            f"a proof of inclusion for index {index} in a log of {size} entries proves nothing; "
            "ask for a new one"
        )
    path = _sides(proof, node=index, last=size - 1)
    computed = leaf
    for sibling, is_left in path or ():
        computed = node_hash(sibling, computed) if is_left else node_hash(computed, sibling)
    if path is None or computed != root:
        raise _not_included(index, size)


def check_consistency(
    proof: Sequence[bytes], *, old_size: int, new_size: int, old_root: bytes, new_root: bytes
) -> None:
    """The tree of `old_root` begins the tree of `new_root`: nothing before was changed.

    Raises:
        IntegrityError: The proof does not show it.

    Source:
        RFC 9162, section 2.1.4.2.
    """
    if not 0 <= old_size <= new_size:
        raise _not_consistent(old_size, new_size)
    if old_size in {0, new_size}:
        known = EMPTY_ROOT if old_size == 0 else new_root
        if proof or old_root != known:
            raise _not_consistent(old_size, new_size)
        return
    # A proof from a full tree leaves out what the reader has: the older root itself.
    hashes = (old_root, *proof) if old_size & (old_size - 1) == 0 else tuple(proof)
    shared = (old_size & -old_size).bit_length() - 1
    path = _sides(hashes[1:], node=(old_size - 1) >> shared, last=(new_size - 1) >> shared)
    if not hashes or path is None:
        raise _not_consistent(old_size, new_size)
    older = newer = hashes[0]
    for sibling, is_left in path:
        older = node_hash(sibling, older) if is_left else older
        newer = node_hash(sibling, newer) if is_left else node_hash(newer, sibling)
    if older != old_root or newer != new_root:
        raise _not_consistent(old_size, new_size)


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1


def _full_subtrees(start: int, stop: int) -> Iterable[tuple[int, int]]:
    """Full subtrees that cover the leaves from `start` to `stop`, left to right, each as large as may be."""
    while start < stop:
        level = (stop - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def _range_root(start: int, stop: int, reader: NodeReader) -> bytes:
    return _folded([reader(level, index) for level, index in _full_subtrees(start, stop)])


def _folded(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def _sides(proof: Sequence[bytes], *, node: int, last: int) -> list[tuple[bytes, bool]] | None:
    """Each hash of a proof and whether it stands left of the path up; None where their number is wrong.

    Args:
        proof: Siblings from the bottom up.
        node: Where the path starts in its level.
        last: The last place of that level.
    """
    path = []
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_BYTES:
            return None
        is_left = bool(node & 1) or node == last
        if is_left:
            # A last node without a right sibling rises until it is a right child itself.
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        path.append((sibling, is_left))
        node, last = node >> 1, last >> 1
    return path if last == 0 else None


def _not_included(index: int, size: int) -> IntegrityError:
    return IntegrityError(
        f"the proof does not show entry {index + 1} to be in the log of {size} entries: the entry, the "
        "proof or the checkpoint was altered; do not use this release, compare with a copy"
    )


def _not_consistent(old_size: int, new_size: int) -> IntegrityError:
    return IntegrityError(
        f"the log of {new_size} entries does not continue the log of {old_size} entries: history was "
        "rewritten between the two; do not use it, compare with a copy"
    )
