"""The server of the pages: an address that is taken is told; it ends also while streams are open."""

from __future__ import annotations

import socket
import stat

import pytest
from tests.dashboard.showing import showing
from tests.serving_projects import PATIENCE_S

from smallcraft.dashboard.running import bind, bind_privately
from smallcraft.errors import InvalidInputError


def test_a_port_that_is_taken_is_one_clear_error():
    with bind("127.0.0.1", 0) as taken, pytest.raises(InvalidInputError, match="name another port"):
        bind("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize("port", [-1, 70000])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(InvalidInputError, match="--port"):
        bind("127.0.0.1", port)


def test_a_unix_socket_is_this_users_alone_and_replaces_one_that_was_left(tmp_path):
    path = tmp_path / "s"
    bind_privately(path).close()
    with bind_privately(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_ends_while_a_browser_still_listens(rolled):
    with showing(rolled) as shown:
        stream = socket.create_connection(("127.0.0.1", shown.port), timeout=PATIENCE_S)
        stream.sendall(b"GET /changes?page=/ HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert stream.recv(1 << 12).startswith(b"HTTP/1.1 200")
    with stream:
        while stream.recv(1 << 12):
            pass
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", shown.port), timeout=PATIENCE_S)
