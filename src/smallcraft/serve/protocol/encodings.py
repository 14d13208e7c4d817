"""Bodies that a client sent compressed: gzip and deflate, unpacked no further than a limit.

Always: a small body that unpacks to a large one costs no more memory than the limit.
Not covered: compressed replies; a client that offers `accept-encoding` gets them plain.
"""

from __future__ import annotations

import zlib

from smallcraft.errors import InvalidInputError

# `zlib`'s window: 15 bits; 16 more for gzip's own header.
_WINDOWS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}


def unpack_body(body: bytes, encoding: bytes | None, *, most_bytes: int) -> bytes:
    """A body as it was before its `content-encoding`.

    Args:
        body: As it came.
        encoding: The header; None or `identity` for a plain body.
        most_bytes: Largest body that is unpacked.

    Raises:
        InvalidInputError: The encoding is another one, the bytes are not of it, or they unpack to too much.

    >>> unpack_body(zlib.compress(b"{}"), b"deflate", most_bytes=100)
    b'{}'
    """
    name = (encoding or b"identity").strip().lower()
    if name == b"identity":
        return body
    window = _WINDOWS.get(name)
    if window is None:
        raise InvalidInputError(
            f"content-encoding must be gzip or deflate, got {name[:40]!r}; send the body as it is"
        )
    unpacker = zlib.decompressobj(window)
    try:
        plain = unpacker.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise InvalidInputError(
            f"the body must be compressed as content-encoding says ({name.decode()}), got bytes that are not "
            f"({error}); leave the header out for a plain body"
        ) from error
    if len(plain) > most_bytes:
        raise InvalidInputError(
            f"the body must unpack to at most {most_bytes:,} bytes, got more; ask about fewer rows at a time"
        )
    if not unpacker.eof or unpacker.unused_data:
        raise InvalidInputError(
            f"the body must be one whole {name.decode()} stream, got "
            f"{'bytes after its end' if unpacker.eof else 'a part of one'}; send it again"
        )
    return plain
