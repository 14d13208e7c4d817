"""What stands before every page passes on what it does not refuse, and marks every answer."""

from __future__ import annotations

import asyncio

from smallcraft.dashboard.access import HEADERS, Access
from smallcraft.dashboard.guarding import Guard


def answered(scope):
    """Status and headers that a guarded application sends."""
    sent = []

    async def app(scope, receive, send):
        await send(
            {"type": "http.response.start", "status": 204, "headers": [(b"cache-control", b"max-age=9")]}
        )

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(app, Access())(scope, None, send))
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def scope(host):
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", host)],
        "server": ("127.0.0.1", 1),
    }


def test_what_the_application_says_of_its_answer_is_not_overruled():
    status, headers = answered(scope(b"localhost:1"))
    assert status == 204
    assert headers["cache-control"] == "max-age=9"
    assert {name for name in HEADERS if name not in headers} == set()


def test_another_name_never_reaches_the_application_and_is_marked_too():
    status, headers = answered(scope(b"evil.example"))
    assert status == 421
    assert headers["x-content-type-options"] == "nosniff"


def test_what_is_not_http_passes():
    passed = []

    async def app(scope, receive, send):
        passed.append(scope["type"])

    asyncio.run(Guard(app, Access())({"type": "lifespan"}, None, None))
    assert passed == ["lifespan"]
