"""Which keys were met before: a table of 64-bit hashes whose memory never grows.

Always: a key is new at most once; of a full table no key is new any more, so what counts new keys may count
too few of both arms, and none twice.
Not covered: two keys of one hash, which count as one (of a million keys, one chance in 37 million).
"""

from __future__ import annotations

from array import array

_MIX = 0x9E3779B97F4A7C15
_LOW_64_BITS = (1 << 64) - 1


class KeyTable:
    """An open table of hashes; a place holds 0 while it is free."""

    __slots__ = ("_left", "_mask", "_places")

    def __init__(self, places: int = 1 << 17) -> None:
        """A table that takes three quarters of `places` keys, a power of two; 1 MiB as it stands.

        >>> table = KeyTable(8)
        >>> table.add(5), table.add(5), table.add(13)
        (True, False, True)
        """
        assert places & (places - 1) == 0, places
        self._places = array("Q", bytes(8 * places))
        self._mask = places - 1
        self._left = places * 3 // 4

    def add(self, key: int, *, salt: int = 0) -> bool:
        """Whether a key is met for the first time, and from now on it was.

        Args:
            key: Its hash, from 0 to below 2^64.
            salt: Of what it is to be new: the same key under two salts is two keys.
        """
        wanted = (key + salt * _MIX) & _LOW_64_BITS or 1
        places, mask = self._places, self._mask
        place = wanted & mask
        while places[place]:
            if places[place] == wanted:
                return False
            place = (place + 1) & mask
        if self._left == 0:
            return False
        self._left -= 1
        places[place] = wanted
        return True
