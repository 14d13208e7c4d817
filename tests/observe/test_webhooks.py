"""Webhooks against a real receiver: signed, repeated until they arrive, never in the way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import queue
import socket
import threading
import time

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.webhooks import Message, Postman, Webhook, headers_of, post_once

MESSAGE = Message("a@1/all/1970-01-01T05:00", b'{"state":"open"}')


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.put((self.path, dict(self.headers.items()), body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("location", "/elsewhere")
        self.end_headers()

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def receiver():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.got, server.statuses = queue.Queue(), []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def url_of(server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/hook?team=a"


@pytest.fixture
def ends():
    """What became of messages, in order."""
    return queue.Queue()


def postman(webhook: Webhook, ends) -> Postman:
    return Postman(
        webhook,
        clock=lambda: 1000.0,
        arrived=lambda message: ends.put(("arrived", message.id)),
        lost=lambda message, reason: ends.put(("lost", reason)),
    )


def test_a_message_arrives_with_its_id_and_a_signature_that_holds(receiver, ends):
    with postman(Webhook(url_of(receiver), secret=b"shared"), ends) as sender:
        assert sender.post(MESSAGE)
        assert ends.get(timeout=20) == ("arrived", MESSAGE.id)
    path, headers, body = receiver.got.get(timeout=20)
    found = {name.lower(): value for name, value in headers.items()}
    signed = f"{MESSAGE.id}.1000.".encode() + MESSAGE.body
    code = base64.b64encode(hmac.new(b"shared", signed, hashlib.sha256).digest()).decode()
    assert (path, body, found["webhook-id"]) == ("/hook?team=a", MESSAGE.body, MESSAGE.id)
    assert found["webhook-signature"] == f"v1,{code}"


def test_without_a_secret_there_is_no_signature():
    assert "webhook-signature" not in headers_of(MESSAGE, at_s=1, secret=None)


def test_it_tries_again_until_it_arrives(receiver, ends):
    receiver.statuses = [503]
    with postman(Webhook(url_of(receiver)), ends) as sender:
        sender.post(MESSAGE)
        assert ends.get(timeout=20) == ("arrived", MESSAGE.id)
    assert receiver.got.qsize() == 2


def test_a_redirect_is_not_followed_and_is_no_arrival(receiver, ends):
    receiver.statuses = [302]
    with postman(Webhook(url_of(receiver), tries=1), ends) as sender:
        sender.post(MESSAGE)
        assert ends.get(timeout=20) == ("lost", "status 302")
    assert receiver.got.qsize() == 1


def test_a_dead_receiver_is_told_and_holds_nobody_up(ends):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        webhook = Webhook(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=0.2, tries=1)
        with postman(webhook, ends) as sender:
            begun = time.monotonic()
            posted = [sender.post(Message(str(at), b"{}")) for at in range(1000)]
            # A thousand messages wait for no answer; the first try alone would take 0.2 s each.
            assert time.monotonic() - begun < 20
            assert posted.count(True) >= 256
            assert posted.count(False) > 0
            kind, reason = ends.get(timeout=20)
    assert kind == "lost"
    assert "timed out" in reason


def test_nobody_listening_is_an_error_of_the_try():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        post_once(Webhook(f"http://127.0.0.1:{port}"), MESSAGE, at_s=0)


@pytest.mark.parametrize("url", ["ftp://a/b", "hook", "http://"])
def test_other_addresses_are_refused(url):
    with pytest.raises(InvalidInputError, match="https"):
        Webhook(url)


def test_a_try_takes_some_time_and_there_is_at_least_one():
    with pytest.raises(InvalidInputError, match="timeout_s"):
        Webhook("http://a", tries=0)
