"""How a forge is asked: JSON over HTTP with a token, each failure one error with what to do about it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from smallcraft.addresses import is_loopback
from smallcraft.errors import InvalidInputError, OvertakenError, RemoteError

PAGE = 100
_MOST_PAGES = 100
_TIMEOUT_S = 30
_LARGEST_BYTES = 32 << 20
_GONE = (404, 410)
_TOO_MANY = 429
_FAILING = (_TOO_MANY, 500, 502, 503, 504)


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would carry the token to whoever it names."""

    def http_error_302(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage) -> None:
        """None, so that the answer counts as a failure."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


_OPENER = build_opener(_NoRedirects())


@dataclass(frozen=True)
class ForgeHttp:
    """A forge's API.

    Attributes:
        name: Of the forge.
        root: Where its API begins.
        headers: That say who asks.
        token: Taken out of whatever is said.
        remedy: What gives the token the right to comment.
        waits_s: Before each further try, where the forge fails.
    """

    name: str
    root: str
    headers: Mapping[str, str] = field(repr=False)
    token: str = field(repr=False)
    remedy: str
    waits_s: tuple[float, ...] = (1.0, 4.0)

    def __post_init__(self) -> None:
        parts = urlsplit(self.root)
        if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.netloc)):
            return
        raise InvalidInputError(
            f"the API of {self.name} must be an https address, got {self.root!r}; a token is not sent "
            "unencrypted"
        )

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401
        """The answer's JSON; None where it is empty.

        Raises:
            OvertakenError: What was asked for is not there any more.
            RemoteError: Any other failure.
        """
        data = None if body is None else json.dumps(body).encode("utf-8")
        headers = {"Accept": "application/json", "User-Agent": "smallcraft", **self.headers}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = Request(f"{self.root}/{path}", data=data, headers=headers, method=method)  # noqa: S310
        answered = self._answer(request)
        try:
            return json.loads(answered) if answered.strip() else None
        except ValueError as error:
            raise RemoteError(
                f"{self.name} did not answer in JSON ({error}); is {self.root} its API?"
            ) from None

    def _answer(self, request: Request) -> bytes:
        """Asked again where the forge failed, unless it may have made something already."""
        for wait_s in (*self.waits_s, None):
            try:
                with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
                    return bytes(answer.read(_LARGEST_BYTES))
            except HTTPError as error:
                with error:
                    is_made = request.method == "POST" and error.code != _TOO_MANY
                    if wait_s is None or is_made or error.code not in _FAILING:
                        raise self._told(error) from None
            except (URLError, HTTPException, OSError) as error:
                if wait_s is None or request.method == "POST":
                    raise RemoteError(
                        f"{self.name} did not answer at {self.root} ({self._clean(str(error))}); run the job "
                        "again"
                    ) from None
            time.sleep(wait_s)
        raise AssertionError("the last turn returns or raises")

    def pages(self, path: str, **query: str) -> Iterator[Mapping[str, Any]]:
        """Every entry of a list."""
        for page in range(1, _MOST_PAGES + 1):
            words = urlencode({**query, "per_page": PAGE, "page": page})
            found = self.ask("GET", f"{path}?{words}")
            if not isinstance(found, list):
                raise RemoteError(
                    f"{self.name} must answer with a list at {path}, got {type(found).__name__}"
                )
            yield from found
            if len(found) < PAGE:
                return

    def _told(self, error: HTTPError) -> RemoteError:
        said = self._clean(_message(error))
        if error.code in (401, 403):
            return RemoteError(
                f"{self.name} did not let the summary be posted ({error.code}: {said}); {self.remedy}"
            )
        kind = OvertakenError if error.code in _GONE else RemoteError
        return kind(f"{self.name} did not do what was asked ({error.code}: {said}); run the job again")

    def _clean(self, text: str) -> str:
        return text.replace(self.token, "***")[:300]


def _message(error: HTTPError) -> str:
    try:
        told = json.loads(error.read(1 << 16))
        return str(told.get("message") or told.get("error") or error.reason)
    except (ValueError, AttributeError, OSError):
        return str(error.reason)
