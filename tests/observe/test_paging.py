"""Pages: told when they arrived, once under way at a time, posted again when they were lost."""

from __future__ import annotations

import http.server
import queue
import socket
import threading
import time

import pytest

from smallcraft.observe.alarm_form import parse_alarm
from smallcraft.observe.paging import Pager
from smallcraft.observe.triggers import fire
from smallcraft.observe.webhooks import Webhook


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.got.put(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def receiver():
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    server.got = queue.Queue()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def wait_for(found):
    deadline = time.monotonic() + 30
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return value


def test_an_alarm_is_told_when_it_arrived_and_posted_once(receiver, alarm):
    url = f"http://127.0.0.1:{receiver.server_address[1]}/"
    with Pager(Webhook(url), clock=lambda: 0.0) as pager:
        assert fire(alarm, ("page",), {"page": pager}).alarm.told == ()
        wait_for(lambda: fire(alarm, ("page",), {"page": pager}).alarm.told == ("page",))
    assert parse_alarm(receiver.got.get_nowait()) == alarm
    assert receiver.got.empty()


def test_what_was_lost_is_told_and_posted_again(alarm):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with Pager(Webhook(f"http://127.0.0.1:{port}/", tries=1), clock=lambda: 0.0) as pager:
        failed = wait_for(lambda: fire(alarm, ("page",), {"page": pager}).failed)
        assert "refused" in failed["page"]
        assert wait_for(lambda: fire(alarm, ("page",), {"page": pager}).failed) == failed


def test_who_waits_is_told_when_nothing_is_under_way_any_more(receiver, alarm):
    url = f"http://127.0.0.1:{receiver.server_address[1]}/"
    with Pager(Webhook(url), clock=lambda: 0.0) as pager:
        assert pager.wait(timeout_s=0.0)
        assert pager(alarm) is None
        assert pager.wait(timeout_s=30.0)
        assert pager(alarm) == "arrived"
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        hook = Webhook(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=0.5, tries=1)
        with Pager(hook, clock=lambda: 0.0) as pager:
            pager(alarm)
            assert not pager.wait(timeout_s=0.01)
            assert pager.wait(timeout_s=30.0)
