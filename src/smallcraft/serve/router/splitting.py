"""Which arm a request meets: a hash of its key, or a counted draw, against the new release's weight.

Leaves to others: who decides the weight (`serve.controller`), what the arms are (`router.arms`).
Always: a key meets one arm as long as the weight holds, and raising the weight only adds keys to the new
arm; the same salt, router and number give the same draw again, so decisions replay.
Source: xxHash's XXH3, 64 bits.
"""

from __future__ import annotations

from xxhash import xxh3_64_intdigest

_BUCKETS = 1 << 64


class Splitter:
    """Draws arms under one assignment.

    Args:
        salt: Of the rollout.
        weight: Share of traffic for the new release, from 0 to 1.
        router: Seeds the draws of requests without a key; other routers draw others.
    """

    __slots__ = ("_drawn", "_salt", "_seed", "_threshold")

    def __init__(self, salt: str, weight: float, router: str) -> None:
        self._salt = salt.encode()
        self._threshold = int(weight * _BUCKETS)
        self._seed = xxh3_64_intdigest(self._salt + b"\0" + router.encode())
        self._drawn = 0

    def bucket_of(self, key: str) -> int:
        """A key's place, from 0 to below 2^64; below the weight's share of them is the new release's."""
        return xxh3_64_intdigest(self._salt + key.encode("utf-8", "surrogatepass"))

    def draw(self) -> int:
        """The place of a request without a key: the next of a seeded sequence."""
        self._drawn += 1
        return xxh3_64_intdigest(self._drawn.to_bytes(8, "little"), self._seed)

    def is_canary(self, bucket: int) -> bool:
        """Whether a place is the new release's."""
        return bucket < self._threshold
