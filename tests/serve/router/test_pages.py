"""The pages at /ui: requests pass whole, replies come back whole, pages that are gone hold nobody up."""

from __future__ import annotations

import asyncio

import pytest

from smallcraft.serve.protocol.routes import find_route
from smallcraft.serve.router import pages as pages_module
from smallcraft.serve.router.pages import show_pages

HEADERS = [
    (b"host", b"models.example"),
    (b"cookie", b"a=b"),
    (b"origin", b"http://models.example"),
    (b"connection", b"keep-alive"),
]


def scope(path=b"/ui/drift", *, method="GET", query=b""):
    return {"method": method, "raw_path": path, "query_string": query, "headers": HEADERS}


def ask(tmp_path, answer, asked, body=b""):
    """The reply that comes of a process that answers so, and what it heard."""
    heard = []

    async def serve(reader, writer):
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        if body:
            heard.append(await reader.readexactly(len(body)))
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async def run():
        server = await asyncio.start_unix_server(serve, str(tmp_path / "s"))
        async with server:
            return await show_pages(tmp_path / "s", asked, body)

    return asyncio.run(run()), heard


def test_a_request_arrives_without_the_root_and_with_its_own_headers(tmp_path):
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    reply, heard = ask(tmp_path, answer, scope(query=b"release=a%401"))
    head = heard[0].decode().split("\r\n")
    assert head[0] == "GET /drift?release=a%401 HTTP/1.1"
    assert {"host: models.example", "cookie: a=b", "origin: http://models.example"} <= set(head)
    assert "connection: keep-alive" not in head
    assert (reply.status, reply.body) == (200, b"hi")


def test_a_form_arrives_with_its_body(tmp_path):
    answer = b"HTTP/1.1 303 See Other\r\nlocation: /ui/\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\n"
    answer = answer.replace(b"\r\n\r\n", b"\r\ncontent-length: 0\r\n\r\n")
    reply, heard = ask(tmp_path, answer, scope(method="POST"), b"token=x")
    assert heard[1] == b"token=x"
    assert reply.headers == [
        (b"location", b"/ui/"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"content-length", b"0"),
    ]


def test_a_reply_in_chunks_comes_back_as_one(tmp_path):
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n"
    reply, _ = ask(tmp_path, answer, scope())
    assert reply.body == b"hi!"
    assert reply.headers == [(b"content-length", b"3")]


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]
)
def test_what_is_no_whole_reply_is_told_as_pages_that_do_not_answer(answer, tmp_path):
    reply, _ = ask(tmp_path, answer, scope())
    assert reply.status == 502
    assert b"started again" in reply.body


def test_pages_that_are_starting_are_waited_for(tmp_path):
    async def run():
        asked = show_pages(tmp_path / "pages.sock", scope(), b"")
        await asyncio.sleep(0.2)
        server = await asyncio.start_unix_server(answer, str(tmp_path / "pages.sock"))
        async with server:
            return await asked

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        writer.close()

    assert asyncio.run(run()).body == b"hi"


def test_without_a_process_behind_the_socket_the_same_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(pages_module, "_START_S", 0.0)

    async def run():
        return await show_pages(tmp_path / "none", scope(), b"")

    assert asyncio.run(run()).status == 502


def test_a_server_without_pages_says_how_to_have_them():
    reply = show_pages(None, scope(), b"")
    assert reply.status == 404
    assert b"smallcraft dashboard" in reply.body


def test_the_root_leads_to_the_first_page(tmp_path):
    reply = show_pages(tmp_path, scope(b"/ui"), b"")
    assert (reply.status, dict(reply.headers)[b"location"]) == (307, b"/ui/")


@pytest.mark.parametrize("path", ["/ui", "/ui/", "/ui/static/pages.css", "/ui/a b/<c>"])
def test_whatever_is_below_the_root_is_the_pages(path):
    assert find_route("GET", path).goal == "pages"
    assert find_route("POST", path).goal == "pages"
    assert find_route("DELETE", path).status == 405


@pytest.mark.parametrize("path", ["/uix", "/v2/ui", "/u"])
def test_nothing_else_is(path):
    assert find_route("GET", path).status == 404
