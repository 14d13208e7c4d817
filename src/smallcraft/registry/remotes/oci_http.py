"""HTTP to one repository of an OCI registry: requests, redirects, and who may ask (distribution-spec 1.1).

Leaves to others: what is stored there (`remotes.oci`).
Always: credentials go to the registry's own host, or to where it sends for a token over TLS; a redirect never
leads from TLS to plain text; plain text is spoken to this machine only, unless the address says `oci+http`.
Covered: Basic and Bearer challenges with what `docker login` or `skopeo login` stored, blobs kept elsewhere.
Not covered: credential helpers, client certificates.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from smallcraft.addresses import is_loopback
from smallcraft.errors import RemoteError

Body = bytes | Iterator[bytes]

_TIMEOUT_S = 60.0
_MOST_REDIRECTS = 5
_BLOCK_BYTES = 1 << 20
_LARGEST_ANSWER_BYTES = 16 << 20
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_UNAUTHORIZED = 401
_PARAMETER = re.compile(r'([a-z]+)="([^"]*)"')


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers by lower-case name, and a body that was read only where it is small."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class OciHttp:
    """One repository.

    Attributes:
        host: With a port, where it has one.
        repository: Its name in the registry.
        is_plain: Without TLS.
    """

    host: str
    repository: str
    is_plain: bool = False
    _authorization: str = field(default="", repr=False)

    @property
    def root(self) -> str:
        """URL of the repository."""
        return f"{'http' if self.is_plain else 'https'}://{self.host}/v2/{self.repository}/"

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        wanted: tuple[int, ...] = (200,),
    ) -> Answer:
        """One request with a small body and a small answer.

        Args:
            method: Of HTTP.
            path: Below the repository, or an absolute URL that the registry gave.
            body: To send.
            headers: Beside those that every request has.
            wanted: Statuses that are an answer; any other is an error.

        Raises:
            RemoteError: It could not be asked, or answered otherwise.
        """
        url = urljoin(self.root, path)
        with self._opened(method, url, body, headers or {}) as got:
            data = got.read(_LARGEST_ANSWER_BYTES + 1)
            if got.status not in wanted:
                self._refuse(method, url, got.status, data)
            if len(data) > _LARGEST_ANSWER_BYTES:
                raise RemoteError(
                    f"{url} answers with more than {_LARGEST_ANSWER_BYTES} bytes; not a manifest"
                )
            return Answer(got.status, _headers_of(got), data)

    def send(self, url: str, body: Iterator[bytes], *, size_bytes: int) -> None:
        """Put a body of known size, block by block; a body that ends early stores nothing.

        Raises:
            RemoteError: It was not taken.
        """
        target = urljoin(self.root, url)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}
        with self._opened("PUT", target, body, headers) as got:
            if got.status != http.HTTPStatus.CREATED:
                self._refuse("PUT", target, got.status, got.read(_BLOCK_BYTES))

    def stream(self, path: str) -> Iterator[bytes]:
        """A large answer in blocks; FileNotFoundError where there is none."""
        url = urljoin(self.root, path)
        with self._opened("GET", url, b"", {}) as got:
            if got.status == http.HTTPStatus.NOT_FOUND:
                raise FileNotFoundError(url)
            if got.status != http.HTTPStatus.OK:
                self._refuse("GET", url, got.status, got.read(_BLOCK_BYTES))
            while block := got.read(_BLOCK_BYTES):
                yield block

    @contextlib.contextmanager
    def _opened(
        self, method: str, url: str, body: Body, headers: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer behind redirects, asked again with credentials where they were wanted."""
        with contextlib.ExitStack() as stack:
            try:
                for _ in range(_MOST_REDIRECTS):
                    got = stack.enter_context(self._request(method, url, body, headers))
                    if got.status == _UNAUTHORIZED and isinstance(body, bytes) and self._sign_in(got):
                        continue
                    if got.status not in _REDIRECTS or method not in {"GET", "HEAD"}:
                        break
                    url = _redirected(url, got.headers.get("Location", ""))
                yield got
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, FileNotFoundError):
                    raise
                raise RemoteError(
                    f"{self.host} could not be asked ({error or type(error).__name__}); check the address "
                    "and that it is reachable, then run the same command again: it goes on where it was"
                ) from error

    @contextlib.contextmanager
    def _request(
        self, method: str, url: str, body: Body, headers: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(url)
        own = {"Authorization": self._authorization} if self._authorization and self._is_own(parts) else {}
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        with contextlib.closing(kind(parts.netloc, timeout=_TIMEOUT_S)) as connection:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            sent = body or (b"" if method in {"POST", "PUT"} else None)
            connection.request(method, path, body=sent, headers={**headers, **own})
            with contextlib.closing(connection.getresponse()) as got:
                yield got

    def _is_own(self, parts: SplitResult) -> bool:
        return parts.netloc == self.host and (parts.scheme == "https" or self.is_plain)

    def _sign_in(self, refused: http.client.HTTPResponse) -> bool:
        """Take up the challenge of an answer; False where nothing new can be offered."""
        challenge = refused.headers.get("WWW-Authenticate", "")
        scheme, _, rest = challenge.partition(" ")
        basic = stored_credentials(self.host)
        offer = f"Basic {basic}" if basic else ""
        if scheme.lower() == "bearer":
            offer = self._fetch_token(dict(_PARAMETER.findall(rest)), offer)
        if not offer or offer == self._authorization:
            return False
        self._authorization = offer
        return True

    def _fetch_token(self, challenge: Mapping[str, str], basic: str) -> str:
        realm = urlsplit(challenge.get("realm", ""))
        if realm.scheme != "https" and not is_loopback(realm.netloc):
            return ""
        scope = challenge.get("scope", f"repository:{self.repository}:pull,push")
        query = urlencode({"service": challenge.get("service", ""), "scope": scope})
        kind = http.client.HTTPSConnection if realm.scheme == "https" else http.client.HTTPConnection
        with contextlib.closing(kind(realm.netloc, timeout=_TIMEOUT_S)) as connection:
            headers = {"Authorization": basic} if basic else {}
            connection.request("GET", f"{realm.path}?{query}", headers=headers)
            got = connection.getresponse()
            data = got.read(_BLOCK_BYTES)
        try:
            said = json.loads(data) if got.status == http.HTTPStatus.OK else {}
        except ValueError:
            said = {}
        token = said.get("token") or said.get("access_token") or ""
        return f"Bearer {token}" if token else ""

    def _refuse(self, method: str, url: str, status: int, body: bytes) -> NoReturn:
        remedy = "check the address"
        if status in {401, 403}:
            remedy = f"sign in with `skopeo login {self.host}` or `docker login {self.host}`"
        said = " ".join(body[:200].decode("utf-8", "replace").split())
        raise RemoteError(
            f"{self.host} answered {status} to {method} {urlsplit(url).path} ({said or 'nothing more'}); "
            f"{remedy}, then run the same command again: it goes on where it was"
        )


def stored_credentials(host: str) -> str:
    """What a login left for a host, as Basic wants it; empty where there is nothing."""
    places = [
        Path(os.environ.get("REGISTRY_AUTH_FILE", "")),
        Path(os.environ.get("XDG_RUNTIME_DIR", "")) / "containers" / "auth.json",
        Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json",
    ]
    for place in places:
        try:
            known = json.loads(place.read_bytes())["auths"][host]
            found = known.get("auth") or _encoded(known["username"], known["password"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        if isinstance(found, str):
            return found
    return ""


def _encoded(name: str, password: str) -> str:
    return base64.b64encode(f"{name}:{password}".encode()).decode("ascii")


def _headers_of(got: http.client.HTTPResponse) -> Mapping[str, str]:
    return {name.lower(): value for name, value in got.getheaders()}


def _redirected(url: str, location: str) -> str:
    target = urljoin(url, location)
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
        raise RemoteError(
            f"{url} leads from TLS to {target}, which is not followed; ask who runs the registry"
        )
    return target
