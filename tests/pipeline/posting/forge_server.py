"""GitHub and GitLab on this machine: the few paths of their REST APIs that comments need, as documented.

GitHub: `GET/POST /repos/{owner}/{repo}/issues/{number}/comments`, `PATCH/DELETE .../issues/comments/{id}`; a
token of Actions may not `GET /user`. GitLab: `GET/POST .../merge_requests/{iid}/notes`, `PUT/DELETE
.../notes/{id}`. Lists come in pages of `per_page` (at most 100), oldest first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "token-of-the-job"
READS = "token-that-reads"
BOT = "github-actions[bot]"
ACCOUNT = 77


@dataclass
class ForgeServer:
    """Comments by number: who wrote them, and what."""

    kind: str
    port: int = 0
    comments: dict[int, tuple[object, str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)
    redirect: str = ""
    together: Barrier | None = None
    lock: Lock = field(default_factory=Lock)

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, author: object, text: str) -> int:
        with self.lock:
            number = max(self.comments, default=1000) + 1
            self.comments[number] = (author, text)
            return number

    def environment(self, *, token: str = TOKEN) -> dict[str, str]:
        """What a pipeline of it sets."""
        if self.kind == "github":
            return {
                "GITHUB_API_URL": self.root,
                "GITHUB_REPOSITORY": "team/helpdesk",
                "GITHUB_REF": "refs/pull/12/merge",
                "GITHUB_SHA": "0123456789abcdef",
                "GITHUB_RUN_ID": "5",
                "GITHUB_TOKEN": token,
            }
        return {
            "CI_API_V4_URL": self.root,
            "CI_PROJECT_ID": "34",
            "CI_MERGE_REQUEST_IID": "12",
            "CI_COMMIT_SHA": "0123456789abcdef",
            "CI_JOB_URL": "https://gitlab.example/team/helpdesk/-/jobs/5",
            "GITLAB_TOKEN": token,
        }

    @property
    def own(self) -> object:
        return BOT if self.kind == "github" else ACCOUNT


class Answers(BaseHTTPRequestHandler):
    forge: ForgeServer

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 - as http.server calls them

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.forge.asked.append((self.command, parts.path))
        if self.forge.redirect:
            self.reply(302, b"", {"Location": self.forge.redirect})
        elif self.forge.failing:
            self.reply(self.forge.failing.pop(0), {"message": "try later"})
        elif self.token() not in (TOKEN, READS):
            self.reply(401, {"message": f"Bad credentials {self.token()}"})
        elif parts.path == "/user":
            self.user()
        elif self.command != "GET" and self.token() == READS:
            self.reply(403, {"message": "Resource not accessible by integration"})
        else:
            self.comments(parts.path, parse_qs(parts.query), json.loads(body) if body else {})

    def user(self) -> None:
        if self.forge.kind == "github":
            self.reply(403, {"message": "Resource not accessible by integration"})
        else:
            self.reply(200, {"id": ACCOUNT, "username": "project_34_bot"})

    def comments(self, path: str, query: dict[str, list[str]], said: dict[str, str]) -> None:
        is_github, forge = self.forge.kind == "github", self.forge
        listed = (
            "/repos/team/helpdesk/issues/12/comments" if is_github else "/projects/34/merge_requests/12/notes"
        )
        single = (
            r"/repos/team/helpdesk/issues/comments/([0-9]+)"
            if is_github
            else r"/projects/34/merge_requests/12/notes/([0-9]+)"
        )
        match = re.fullmatch(single, unquote(path))
        if path == listed and self.command == "GET":
            page, size = int(query["page"][0]), min(100, int(query["per_page"][0]))
            with forge.lock:
                numbers = sorted(forge.comments)[(page - 1) * size : page * size]
                found = [self.shown(number) for number in numbers]
            if forge.together is not None and not found:
                forge.together.wait(30)  # nobody creates before everybody has seen none
            self.reply(200, found)
        elif path == listed and self.command == "POST":
            self.reply(201, self.shown(forge.add(forge.own, said["body"])))
        elif match and int(match[1]) in forge.comments and self.command == ("PATCH" if is_github else "PUT"):
            number = int(match[1])
            with forge.lock:
                forge.comments[number] = (forge.comments[number][0], said["body"])
            self.reply(200, self.shown(number))
        elif match and self.command == "DELETE" and forge.comments.pop(int(match[1]), None):
            self.reply(204, b"")
        else:
            self.reply(404, {"message": "Not Found"})

    def shown(self, number: int) -> dict[str, Any]:
        author, text = self.forge.comments[number]
        if self.forge.kind == "github":
            return {"id": number, "body": text, "user": {"login": author}}
        return {"id": number, "body": text, "author": {"id": author}, "system": False}

    def token(self) -> str:
        if self.forge.kind == "github":
            return self.headers.get("Authorization", "").removeprefix("Bearer ")
        return self.headers.get("PRIVATE-TOKEN", "")

    def reply(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served_forge(kind: str) -> Iterator[ForgeServer]:
    """Until the block ends."""
    forge = ForgeServer(kind)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneForge", (Answers,), {"forge": forge}))
    server.daemon_threads = True
    forge.port = server.server_port
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
