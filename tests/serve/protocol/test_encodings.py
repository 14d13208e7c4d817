"""Compressed bodies."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.encodings import unpack_body


@given(st.binary(max_size=500))
def test_a_compressed_body_comes_back_whole(body):
    assert unpack_body(gzip.compress(body), b"gzip", most_bytes=500) == body
    assert unpack_body(zlib.compress(body), b"Deflate ", most_bytes=500) == body
    assert unpack_body(body, None, most_bytes=0) == body


@given(st.binary(max_size=100), st.sampled_from([b"gzip", b"deflate", b"br", b"\xff"]))
def test_bytes_that_are_not_compressed_so_are_refused(body, encoding):
    with pytest.raises(InvalidInputError, match=r"content-encoding|the body must be one whole"):
        unpack_body(body, encoding, most_bytes=1000)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (gzip.compress(b"{}")[:-4], "a part of one"),
        (gzip.compress(b"{}") + b"more", "bytes after its end"),
        (gzip.compress(b"{}") * 2, "bytes after its end"),
    ],
    ids=["cut off", "with more", "twice"],
)
def test_a_stream_that_ends_elsewhere_is_refused(body, what):
    with pytest.raises(InvalidInputError, match=what):
        unpack_body(body, b"gzip", most_bytes=1000)


def test_a_body_that_unpacks_to_a_thousand_times_its_size_is_stopped_at_the_limit():
    bomb = gzip.compress(bytes(8 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError, match="unpack to at most 262,144 bytes"):
            unpack_body(bomb, b"gzip", most_bytes=1 << 18)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
