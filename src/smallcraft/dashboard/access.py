"""Who may change something: whoever has shown the token, from a page of ours, over an address that is ours.

1. a request names a host that this server goes by, so that no other site's name leads here (DNS rebinding)
2. a change needs the cookie that showing the token gave
3. and the form's own secret, which another site cannot read, and no sign that another site sent it

Leaves to others: what is changed. Always: secrets are compared in constant time; the cookie holds no token;
without a token nothing can be changed at all.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

COOKIE = "smallcraft_session"
FIELD = "csrf"
_HOSTS = ("127.0.0.1", "localhost", "[::1]", "::1")
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",  # of the charts' SVG
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # a form without scripts then says where it is from
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Access:
    """Rules of who may read and who may change.

    Attributes:
        token: That is to be shown before a change; None where nothing may be changed.
        must_sign_in: Whether reading needs it too; any name leads here then: a cookie is one name's alone.
        hosts: Names that this server goes by, beside those of the loopback.
        key: What cookies are made with; new each time, so that they end with the server.
    """

    token: str | None = None
    must_sign_in: bool = False
    hosts: tuple[str, ...] = ()
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def is_token(self, shown: str) -> bool:
        """Whether this is the token."""
        return self.token is not None and hmac.compare_digest(shown.encode(), self.token.encode())

    @property
    def cookie(self) -> str:
        """What a browser keeps once the token was shown."""
        return self._made("session")

    @property
    def csrf(self) -> str:
        """What every form of whoever is signed in sends along."""
        return self._made("form")

    def is_signed_in(self, cookies: Mapping[str, str]) -> bool:
        """Whether the token was shown by this browser."""
        return self.token is not None and hmac.compare_digest(
            cookies.get(COOKIE, "").encode(), self.cookie.encode()
        )

    def refusal(self, headers: Mapping[str, str], cookies: Mapping[str, str], form: Mapping[str, str]) -> str:
        """Why a change is not made, in words; empty where it may be."""
        if self.token is None:
            return "these pages are read-only; start them with --write or --token-file to change something"
        if not self.is_signed_in(cookies):
            return "sign in with the token first"
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return "this form was sent by another site; open the page itself and send it from there"
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != headers.get("host", ""):
            return "this form was sent by another site; open the page itself and send it from there"
        if not hmac.compare_digest(form.get(FIELD, "").encode(), self.csrf.encode()):
            return "this form is out of date; load the page again and send it once more"
        return ""

    def is_known_host(self, header: str) -> bool:
        """Whether a request's `Host` is a name of this server.

        >>> Access().is_known_host("127.0.0.1:8090"), Access().is_known_host("evil.example:8090")
        (True, False)
        """
        if self.must_sign_in:
            return True
        name = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
        return name.lower() in {*_HOSTS, *(host.lower() for host in self.hosts)}

    def _made(self, use: str) -> str:
        return hmac.new(self.key, f"{use}:{self.token}".encode(), hashlib.sha256).hexdigest()
