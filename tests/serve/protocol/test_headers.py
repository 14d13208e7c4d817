"""The headers that the protocol reads."""

from __future__ import annotations

from smallcraft.serve.protocol.headers import RequestHeaders, find_headers


def test_the_protocols_headers_are_found_among_others():
    found = find_headers(
        [
            (b"host", b"localhost"),
            (b"inference-header-content-length", b"12"),
            (b"x-kex", b"no"),
            (b"x-key", b"a"),
            (b"content-encoding", b"gzip"),
        ]
    )
    assert found == RequestHeaders(json_length=b"12", key=b"a", encoding=b"gzip")


def test_headers_that_are_absent_are_none():
    assert find_headers([(b"host", b"localhost")]) == RequestHeaders(None, None, None)
