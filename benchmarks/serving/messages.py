"""HTTP/1.1 as a client that measures needs it: requests built once, replies read with little work.

Leaves connections and clocks to `benchmarks.serving.load`.
Always: replies come out whole and the same, however their bytes are cut into pieces; bytes that are no reply
are a `BrokenReplyError`, never a guess.
Covered: a body of `content-length` or in chunks, interim replies (1xx), 204 and 304.
Not covered: replies to HEAD, bodies that end with the connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import urlsplit

_END_OF_HEAD = b"\r\n\r\n"
_MOST_HEAD_BYTES = 65536
_HEX_DIGITS = b"0123456789abcdefABCDEF"


class BrokenReplyError(ValueError):
    """What came is no HTTP/1.1 reply."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a server listens: on this machine, and nowhere else.

    Attributes:
        host: Of TCP; sent as `host` in any case.
        port: Of TCP; 0 for a unix socket.
        path: Of a unix socket; empty for TCP.
    """

    host: str = "127.0.0.1"
    port: int = 0
    path: str = ""

    def __post_init__(self) -> None:
        if not self.path and not _is_loopback(self.host):
            raise ValueError(
                f"a target must be on the loopback, got {self.host!r}; load and hostile clients are for "
                "servers of your own, on this machine"
            )

    @classmethod
    def of(cls, url: str) -> Target:
        """From `http://127.0.0.1:8080` or `unix:/run/s.sock`.

        >>> Target.of("http://127.0.0.1:8080").port, Target.of("unix:/run/s.sock").path
        (8080, '/run/s.sock')
        """
        parts = urlsplit(url)
        if parts.scheme == "unix":
            return cls(path=parts.path)
        return cls(parts.hostname or "127.0.0.1", parts.port or 80)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class Reply:
    """One whole reply; made for every request, so nothing of it is read before someone asks.

    Attributes:
        status: HTTP's.
        head: Status line and headers in lower case, from `http/1.1` to the empty line.
        body: As it was sent, chunks put together.
    """

    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> bytes:
        """A header's value, in lower case; empty when it is not there.

        >>> Reply(200, b"http/1.1 200 ok\\r\\nx-arm: canary\\r\\n\\r\\n", b"").header(b"x-arm")
        b'canary'
        """
        return header_of(self.head, b"\r\n" + name + b":")


def header_of(head: bytes, mark: bytes) -> bytes:
    """What follows `mark` (line break, name in lower case, colon) up to the end of its line."""
    start = head.find(mark)
    if start < 0:
        return b""
    start += len(mark)
    return head[start : head.find(b"\r\n", start)].strip()


def request_bytes(
    path: str, body: bytes = b"", *, method: str = "", headers: Mapping[str, str] | None = None
) -> bytes:
    """One whole request.

    Args:
        path: Such as `/v2`.
        body: What is sent.
        method: POST where there is a body, else GET, when left out.
        headers: Beside `host`, `content-length` and `content-type` (JSON unless given).

    >>> request_bytes("/v2").startswith(b"GET /v2 HTTP/1.1\\r\\nhost: ")
    True
    """
    given = {name.lower(): value for name, value in (headers or {}).items()}
    fixed = {"host": "127.0.0.1"}
    if body:
        fixed |= {"content-type": "application/json", "content-length": str(len(body))}
    lines = [f"{method or ('POST' if body else 'GET')} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in {**fixed, **given}.items()]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


class ReplyReader:
    """Puts the replies of one connection together.

    >>> reader = ReplyReader()
    >>> reader.feed(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{")
    >>> reader.feed(b"}").body
    b'{}'
    """

    __slots__ = ("_enough", "_held")

    def __init__(self) -> None:
        self._held = b""
        self._enough = 0  # fewer bytes than this cannot be a whole reply

    @property
    def holds_some(self) -> bool:
        """True when a reply has begun and not ended."""
        return bool(self._held)

    def feed(self, data: bytes) -> Reply | None:
        """Take what came; a reply when one is whole, whose bytes are then gone from here.

        Raises:
            BrokenReplyError: This is no reply.
        """
        if self._held:
            data = self._held + data
        if len(data) < self._enough:
            self._held = data
            return None
        end = data.find(_END_OF_HEAD)
        if end < 0:
            return self._wait(data, 0)
        head = data[: end + 4].lower()
        end += 4
        status = _status_of(head)
        if status < 200:
            if status == 101:
                _refuse(head)
            self._held, self._enough = b"", 0
            return self.feed(data[end:])
        length = header_of(head, b"\r\ncontent-length:")
        if length:
            last = end + _length_of(length)
            if len(data) < last:
                return self._wait(data, last)
            self._held, self._enough = data[last:], 0
            return Reply(status, head, data[end:last])
        return self._without_length(data, end, Reply(status, head, b""))

    def _without_length(self, data: bytes, end: int, reply: Reply) -> Reply | None:
        if b"chunked" in reply.header(b"transfer-encoding"):
            body, last = _read_chunks(data, end)
            if last == 0:
                return self._wait(data, 0)
            self._held, self._enough = data[last:], 0
            return Reply(reply.status, reply.head, body)
        if reply.status in (204, 304):
            self._held, self._enough = data[end:], 0
            return reply
        return _refuse(reply.head)

    def _wait(self, data: bytes, enough: int) -> Reply | None:
        if not enough and not data.startswith(b"HTTP/1."[: len(data)]):
            _refuse(data)
        if not enough and len(data) > _MOST_HEAD_BYTES and _END_OF_HEAD not in data:
            _refuse(data)
        self._held, self._enough = data, enough
        return None


def _status_of(head: bytes) -> int:
    if not head.startswith(b"http/1.") or not head[9:12].isdigit():
        _refuse(head)
    return int(head[9:12])


def _length_of(value: bytes) -> int:
    if not value.isdigit():
        raise BrokenReplyError(f"content-length must be a whole number, got {value[:40]!r}")
    return int(value)


def _read_chunks(data: bytes, place: int) -> tuple[bytes, int]:
    """The body, and where it ends; 0 there when it has not all come."""
    pieces: list[bytes] = []
    while True:
        line_end = data.find(b"\r\n", place)
        if line_end < 0:
            return b"", 0
        size_text = data[place:line_end].partition(b";")[0].strip()
        if not size_text or size_text.strip(_HEX_DIGITS):
            raise BrokenReplyError(f"a chunk must begin with its size, got {size_text[:40]!r}")
        size = int(size_text, 16)
        place = line_end + 2
        if size == 0:
            return _after_trailers(data, place, b"".join(pieces))
        if len(data) < place + size + 2:
            return b"", 0
        pieces.append(data[place : place + size])
        place += size + 2


def _after_trailers(data: bytes, place: int, body: bytes) -> tuple[bytes, int]:
    if data[place : place + 2] == b"\r\n":
        return body, place + 2
    end = data.find(_END_OF_HEAD, place)
    return (body, end + 4) if end >= 0 else (b"", 0)


def _refuse(data: bytes) -> NoReturn:
    raise BrokenReplyError(f"a reply must be HTTP/1.1 with a length or chunks, got {data[:80]!r}")
