"""Stands before every page: refuses names that are not this server's, and sets the headers of every answer.

Leaves to others: the rules themselves (`dashboard.access`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse

from smallcraft.dashboard.access import HEADERS, Access

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OPEN = ("/sign-in", "/static/")


class Guard:
    """Middleware of the dashboard.

    Args:
        app: What stands behind it.
        access: The rules.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._chosen(scope)(scope, receive, send_guarded)

    def _chosen(self, scope: Scope) -> ASGIApp:
        host = Headers(scope=scope).get("host", "")
        if not self._access.is_known_host(host):
            told = f"these pages do not go by the name {host[:80]!r}; open them by their address"
            return PlainTextResponse(f"{told}, or name it with --allow-host\n", status_code=421)
        request = Request(scope)
        root = str(scope.get("root_path", "")).rstrip("/")
        path = request.url.path.removeprefix(root)
        is_closed = self._access.must_sign_in and not path.startswith(_OPEN)
        if is_closed and not self._access.is_signed_in(request.cookies):
            return RedirectResponse(f"{root}/sign-in", status_code=303)
        return self._app
