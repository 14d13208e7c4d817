"""The pages for tests: a real server in a thread, on the loopback, over a real project.

Always: it has ended when the test is over, also when the test failed.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.serve import rolling
from tests.serving_projects import PATIENCE_S, until

from smallcraft.dashboard.app import make_app
from smallcraft.dashboard.running import bind, server_of
from smallcraft.serve.rollout.named_release import NamedRelease

TOKEN = "a-token-of-many-letters"
STABLE = NamedRelease("rows@1", "sha256:" + "1" * 64)
CANARY = NamedRelease("rows@2", "sha256:" + "2" * 64)


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class ShownHere:
    """Pages that answer.

    Attributes:
        project: Whose.
        port: On the loopback.
        desk: Behind them.
    """

    project: Path
    port: int
    desk: Any

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, path: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Ask for a path, or send a form to it; a redirect is not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            kind = {"content-type": "application/x-www-form-urlencoded"}
            body = None if form is None else urlencode(form)
            connection.request(
                "GET" if form is None else "POST", path, body, {**(kind if form else {}), **(headers or {})}
            )
            reply = connection.getresponse()
            text = reply.read().decode()
            return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, text)
        finally:
            connection.close()

    def sign_in(self) -> dict[str, str]:
        """The cookie that the token gives."""
        reply = self.ask("/sign-in", form={"token": TOKEN})
        assert reply.status == 303
        return {"cookie": reply.headers["set-cookie"].partition(";")[0]}


@contextmanager
def showing(project: Path, *, root: str = "", **options: Any) -> Iterator[ShownHere]:
    """The pages of a project, until the block ends; options as `make_app` has them."""
    app = make_app(project, **options)
    listener = bind("127.0.0.1", 0)
    server = server_of(app, root=root)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started)
        yield ShownHere(project, listener.getsockname()[1], app.state.desk)
    finally:
        app.state.desk.is_ending.set()
        server.should_exit = True
        thread.join(PATIENCE_S)
        listener.close()


def roll_out(project: Path) -> None:
    """A rollout that was promoted, then one that was rolled back, as a server of the project keeps them."""
    server = rolling.server(project / ".smallcraft/serving/rows", stable=STABLE)
    server.start(canary=CANARY)
    server.pass_shadow()
    list(server.until_done())
    server.controller.close()
    began, sent = server.now + 60.0, server.sequence
    server = rolling.server(project / ".smallcraft/serving/rows", stable=CANARY, now=began)
    server.sequence = sent  # a shipment of one router counts once
    server.start(canary=NamedRelease("rows@3", "sha256:" + "3" * 64))
    server.pass_shadow()
    for _ in range(60):
        if server.state.is_ended:
            break
        # As many of each as the weight of the first stage wants.
        server.serve(rolling.counts(stable=90, canary=10, errors=(0, 4)), seconds=2.0)
    server.controller.close()
    assert server.state.phase == "rolled_back"
