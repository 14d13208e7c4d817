"""A small Hub on this machine: the few questions that huggingface_hub's client asks, over files in memory."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from smallcraft.registry.remotes.remote import Remote
from smallcraft.registry.sharing.addressing import open_remote


@dataclass
class Hub:
    """Commits of each repository, oldest first: id, and files by path."""

    port: int = 0
    commits: dict[str, list[tuple[str, dict[str, bytes]]]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, repository: str, files: Mapping[str, bytes]) -> str:
        made = self.commits.setdefault(repository, [])
        name = hashlib.sha1(f"{repository} {len(made)}".encode(), usedforsecurity=False).hexdigest()
        made.append((name, dict(files)))
        return name


@dataclass(frozen=True)
class HubPlace:
    """A repository of it."""

    hub: Hub
    repository: str
    has_conditions: bool = True

    @property
    def address(self) -> str:
        return f"hf://{self.repository}"

    def open(self) -> Remote:
        found = open_remote(self.address)
        assert found is not None
        return found

    def read(self, path: str) -> bytes:
        return self.state()[path]

    def write(self, path: str, data: bytes) -> None:
        self.hub.add(self.repository, {**self.state(), path: data})

    def state(self) -> Mapping[str, bytes]:
        return dict(self.hub.commits[self.repository][-1][1])

    def put_back(self, state: Mapping[str, bytes]) -> None:
        self.hub.add(self.repository, state)


def why_not_front_matter(card: str) -> list[str]:
    """What the Hub would refuse in a README, as far as its documentation says."""
    lines = card.split("\n")
    if lines[0] != "---":
        return []
    try:
        found = yaml.safe_load("\n".join(lines[1 : lines.index("---", 1)]))
    except (ValueError, yaml.YAMLError) as error:
        return [str(error)]
    kinds = {"license": str, "library_name": str, "pipeline_tag": str, "tags": list, "model-index": list}
    return [
        f"{key} is of the wrong kind"
        for key, kind in kinds.items()
        if not isinstance(found.get(key, kind()), kind)
    ]


class Answers(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts[:2] == ["api", "models"]:
            repository, rest = "/".join(parts[2:4]), parts[4:]
        else:
            repository, rest = "/".join(parts[:2]), parts[2:]
        made = self.hub.commits.get(repository)
        if made is None:
            self.reply(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif not rest or rest[0] == "revision":
            self.reply(200, {"id": repository, "sha": made[-1][0], "siblings": []})
        else:
            files = dict(made)[rest[1]]
            if rest[0] == "tree":
                listed = [{"type": "file", "path": p, "size": len(d), "oid": "0"} for p, d in files.items()]
                self.reply(200, listed)
            else:
                data = files["/".join(rest[2:])]
                tag = hashlib.sha256(data).hexdigest()
                self.reply(200, data, {"X-Repo-Commit": rest[1], "ETag": f'"{tag}"'})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = self.path.strip("/").split("/")
        if parts[:3] == ["api", "repos", "create"]:
            said = json.loads(body)
            repository = f"{said['organization']}/{said['name']}"
            with self.hub.lock:
                is_new = repository not in self.hub.commits
                if is_new:
                    self.hub.add(repository, {".gitattributes": b""})
            self.reply(200 if is_new else 409, {"url": f"{self.hub.endpoint}/{repository}"})
        elif parts[:2] == ["api", "validate-yaml"]:
            wrong = why_not_front_matter(json.loads(body)["content"])
            self.reply(400 if wrong else 200, {"errors": [{"message": one} for one in wrong], "warnings": []})
        elif parts[4] == "preupload":
            asked = json.loads(body)["files"]
            modes = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked]
            self.reply(200, {"files": modes})
        else:
            self.commit("/".join(parts[2:4]), [json.loads(line) for line in body.splitlines()])

    def commit(self, repository: str, lines: list[dict[str, Any]]) -> None:
        with self.hub.lock:
            newest, files = self.hub.commits[repository][-1]
            if lines[0]["value"]["parentCommit"] != newest:
                self.reply(412, {"error": "A commit has happened since. Please refresh and try again."})
                return
            added = {line["value"]["path"]: line["value"] for line in lines if line["key"] == "file"}
            gone = {line["value"]["path"] for line in lines if line["key"] == "deletedFile"}
            kept = {path: data for path, data in files.items() if path not in gone}
            new = {path: base64.b64decode(value["content"]) for path, value in added.items()}
            name = self.hub.add(repository, {**kept, **new})
        url = f"{self.hub.endpoint}/{repository}/commit/{name}"
        self.reply(200, {"success": True, "commitUrl": url, "commitOid": name})

    def reply(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served_hub() -> Iterator[Hub]:
    """Until the block ends."""
    hub = Hub()
    handler = type("OneHub", (Answers,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.port = server.server_port
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
