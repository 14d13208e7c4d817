"""The request headers that the protocol reads, found in one pass.

Leaves to others: who may ask (`authorization`), and what belongs to the connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from smallcraft.serve.protocol.messages import Header


class RequestHeaders(NamedTuple):
    """Values as they came; None where a header is absent.

    Attributes:
        json_length: `inference-header-content-length`: where a body's JSON ends and raw tensors begin.
        key: `x-key`: who asks.
        encoding: `content-encoding` of the body.
    """

    json_length: bytes | None = None
    key: bytes | None = None
    encoding: bytes | None = None


_NONE = RequestHeaders()


def find_headers(headers: Iterable[Header]) -> RequestHeaders:
    """Those that the protocol reads; of one given twice, the last.

    Args:
        headers: Pairs of lower-case name and value, as ASGI has them.

    >>> find_headers([(b"host", b"a"), (b"x-key", b"customer-7")]).key
    b'customer-7'
    """
    json_length = key = encoding = None
    for name, value in headers:
        # Lengths first: most headers are none of these.
        size = len(name)
        if size == 31 and name == b"inference-header-content-length":
            json_length = value
        elif size == 5 and name == b"x-key":
            key = value
        elif size == 16 and name == b"content-encoding":
            encoding = value
    if json_length is key is encoding is None:
        return _NONE
    return RequestHeaders(json_length, key, encoding)
