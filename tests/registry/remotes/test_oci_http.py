import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from smallcraft.errors import RemoteError
from smallcraft.registry.remotes.oci_http import OciHttp, stored_credentials

BASIC = base64.b64encode(b"name:secret").decode()


class Registry(BaseHTTPRequestHandler):
    """Asks for a token, hands one out for a password, sends readers of blobs to another port."""

    seen: list[tuple[str, str, str]]
    elsewhere: int

    def do_GET(self):
        authorization = self.headers.get("Authorization", "")
        self.seen.append((self.command, self.path, authorization))
        if self.path.startswith("/token"):
            is_known = authorization == f"Basic {BASIC}"
            self.reply(200 if is_known else 401, json.dumps({"token": "ticket"}).encode())
        elif self.path.startswith("/elsewhere"):
            self.reply(200, b"blob")
        elif authorization != "Bearer ticket":
            realm = f'Bearer realm="http://127.0.0.1:{self.server.server_port}/token",service="here"'
            self.reply(401, b"", {"WWW-Authenticate": realm})
        elif "blobs" in self.path:
            self.reply(307, b"", {"Location": f"http://127.0.0.1:{self.elsewhere}/elsewhere"})
        elif "loop" in self.path:
            self.reply(302, b"", {"Location": self.path})
        else:
            self.reply(200, b"{}")

    def reply(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server() -> Iterator[type[Registry]]:
    """Two ports of one handler; the second is where blobs are."""
    kind = type("OneRegistry", (Registry,), {"seen": []})
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), kind) for _ in range(2)]
    kind.elsewhere = servers[1].server_port
    kind.port = servers[0].server_port
    threads = [Thread(target=one.serve_forever) for one in servers]
    for thread in threads:
        thread.start()
    yield kind
    for one, thread in zip(servers, threads, strict=True):
        one.shutdown()
        thread.join()
        one.server_close()


@pytest.fixture
def signed_in(server, tmp_path, monkeypatch):
    host = f"127.0.0.1:{server.port}"
    (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": BASIC}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "nothing"))
    return OciHttp(host, "team/models", is_plain=True)


def test_a_challenge_is_answered_with_what_a_login_left(signed_in, server):
    assert signed_in.ask("GET", "manifests/log").body == b"{}"
    assert [path.partition("?")[0] for _, path, _ in server.seen] == [
        "/v2/team/models/manifests/log",
        "/token",
        "/v2/team/models/manifests/log",
    ]
    assert "scope=repository%3Ateam%2Fmodels%3Apull%2Cpush" in server.seen[1][1]


def test_credentials_do_not_go_where_a_redirect_leads(signed_in, server):
    assert b"".join(signed_in.stream("blobs/sha256:00")) == b"blob"
    assert server.seen[-1] == ("GET", "/elsewhere", "")


def test_without_a_login_the_command_that_makes_one_is_told(server, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    http = OciHttp(f"127.0.0.1:{server.port}", "team/models", is_plain=True)
    with pytest.raises(RemoteError, match=r"answered 401 to GET .*skopeo login 127\.0\.0\.1"):
        http.ask("GET", "manifests/log")


def test_redirects_without_end_are_an_error(signed_in):
    with pytest.raises(RemoteError, match="answered 302"):
        signed_in.ask("GET", "loop")


def test_a_host_that_does_not_answer_is_told_with_its_name():
    with pytest.raises(RemoteError, match=r"127\.0\.0\.1:9 could not be asked"):
        OciHttp("127.0.0.1:9", "team/models", is_plain=True).ask("GET", "manifests/log")


def test_tls_is_the_rule():
    assert OciHttp("registry.example", "a").root == "https://registry.example/v2/a/"


@pytest.mark.parametrize(
    "text", ["", "[]", '{"auths": 1}', '{"auths": {"h": {"auth": 3}}}', '{"auths": {"h": {}}}']
)
def test_a_file_of_logins_that_says_nothing_is_no_login(text, tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text(text)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert stored_credentials("h") == ""


def test_a_login_by_name_and_password_is_taken_too(tmp_path, monkeypatch):
    (tmp_path / "auth.json").write_text('{"auths": {"h": {"username": "name", "password": "secret"}}}')
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    assert stored_credentials("h") == BASIC
