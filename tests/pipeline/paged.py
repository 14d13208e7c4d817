"""A receiver of webhooks on the loopback, for tests of pages."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Post:
    """What was posted."""

    headers: dict[str, str]
    body: bytes

    def is_signed_by(self, secret: bytes) -> bool:
        """Whether the signature is that of Standard Webhooks under this secret."""
        names = ("webhook-id", "webhook-timestamp")
        signed = ".".join(self.headers[name] for name in names).encode() + b"." + self.body
        code = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        return self.headers.get("webhook-signature") == f"v1,{code}"


@dataclass
class Receiver:
    """Where to post, and what came."""

    url: str
    got: list[Post] = field(default_factory=list)


@contextlib.contextmanager
def receiving(*, status: int = 204) -> Iterator[Receiver]:
    """A receiver that answers with a status, until the block ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.got.append(Post({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *given: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_address[1]}/alarms")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
