"""A real Label Studio on this machine, asked over its HTTP API as its clients ask it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

STARTS_WITHIN_S = 540
PERSON = "ann@example.com"
_WORD, _TOKEN = "a-word-of-a-test", "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class LabelStudioServer:
    """Its address, for the one person that it knows."""

    root: str

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {_TOKEN}", "Content-Type": "application/json"}
        request = Request(f"{self.root}/api/{path}", data=data, headers=headers, method=method)
        try:
            with urlopen(request, timeout=120) as answer:
                return answer.read()
        except HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:2000]}") from error

    def told(self, method: str, path: str, body: object = None) -> Any:
        return json.loads(self.ask(method, path, body))

    def new_project(self, view: str) -> int:
        """With the page that people label on; it is refused where it is none."""
        self.ask("POST", "projects/validate/", {"label_config": view})
        made = self.told("POST", "projects/", {"title": "round", "label_config": view})
        return int(made["id"])

    def import_tasks(self, project: int, tasks: object) -> Mapping[str, Any]:
        return self.told("POST", f"projects/{project}/import?return_task_ids=true", tasks)

    def tasks(self, project: int) -> list[dict[str, Any]]:
        found = self.told("GET", f"tasks/?project={project}&page_size=1000&fields=all")
        return list(found["tasks"])

    def annotate(self, task: int, label: str | None) -> None:
        """What the page sends when a person submits; None where the person skips."""
        value = {"choices": [label]}
        region = {"id": "r1", "from_name": "label", "to_name": "text", "type": "choices", "value": value}
        result = [] if label is None else [region]
        self.ask(
            "POST",
            f"tasks/{task}/annotations/",
            {"result": result, "was_cancelled": label is None, "lead_time": 3.5},
        )

    def export(self, project: int) -> bytes:
        return self.ask("GET", f"projects/{project}/export?exportType=JSON&download_all_tasks=true")


@contextmanager
def served_label_studio(python: Path, folder: Path) -> Iterator[LabelStudioServer]:
    """Until the block ends; its database is in a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "HOME": str(folder),
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "COLLECT_ANALYTICS": "false",
        "COLLECT_VERSION_CHECK": "false",
    }
    words = ["start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    words += ["--username", PERSON, "--password", _WORD, "--user-token", _TOKEN]
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(
            [str(python.with_name("label-studio")), *words],
            env=settings,
            cwd=folder,
            stdout=said,
            stderr=said,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            server = LabelStudioServer(f"http://127.0.0.1:{port}")
            _wait(server, process, folder / "said")
            yield server
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def _wait(server: LabelStudioServer, process: subprocess.Popen[bytes], said: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        assert process.poll() is None, said.read_text(encoding="utf-8")[-3000:]
        try:
            with urlopen(f"{server.root}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"Label Studio did not start: {said.read_text(encoding='utf-8')[-3000:]}")
