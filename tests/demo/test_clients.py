from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.serving_projects import until

from smallcraft.demo.clients import Answered, Clients, Reply, ask_once
from smallcraft.errors import SmallcraftError


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["text"]
        self.server.asked.append(asked)
        if asked == "hang up":
            self.close_connection = True
            return
        body = json.dumps({"release": f"{asked}@1", "label": "login", "confidence": 0.9}).encode()
        self.send_response(503 if asked == "busy" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        found.asked = []
        thread = threading.Thread(target=found.serve_forever, args=(0.02,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def test_every_text_is_asked_in_turn_and_what_fails_is_counted_and_not_asked_again(server):
    texts = ["first", "busy", "second", "hang up"]
    with Clients("127.0.0.1", server.server_port, texts, at_once=1) as clients:
        until(lambda: clients.so_far().n >= 40)
    seen = clients.so_far()
    assert seen.n == len(server.asked)
    assert server.asked[:8] == [*texts[1:], texts[0]] * 2
    assert seen.by_release == {
        "first@1": server.asked.count("first"),
        "second@1": server.asked.count("second"),
    }
    assert seen.failed == server.asked.count("busy") + server.asked.count("hang up")


def test_several_ask_at_once_and_stop_with_the_block(server):
    with Clients("127.0.0.1", server.server_port, ["a", "b", "c"], at_once=3) as clients:
        until(lambda: len(clients.so_far().by_release) == 3)
    asked = len(server.asked)
    assert clients.so_far() == Answered(clients.so_far().by_release, 0)
    assert clients.so_far().n == asked == len(server.asked)


def test_one_question_gets_the_label_how_sure_it_is_and_which_release_said_so(server):
    assert ask_once("127.0.0.1", server.server_port, "first") == Reply("login", 0.9, "first@1")


@pytest.mark.parametrize(("text", "told"), [("busy", "answered 503"), ("hang up", "gave no answer")])
def test_a_question_without_an_answer_is_told(server, text, told):
    with pytest.raises(SmallcraftError, match=told):
        ask_once("127.0.0.1", server.server_port, text)
