"""The socket that takes orders: this user's alone, and every order has an answer."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import threading

import pytest

from smallcraft.errors import InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.serve.processes.admin import AdminChannel, ask_server, listen_privately, peer_of
from smallcraft.serve.processes.whereabouts import Whereabouts, write_whereabouts


@pytest.fixture
def state(tmp_path):
    """A state folder whose server obeys three orders."""

    def obey(message):
        if message["command"] == "refuse":
            raise InvalidInputError("not now; wait")
        if message["command"] == "break":
            raise SmallcraftError("broken")
        return {"said": message["command"]}

    where = Whereabouts(os.getpid(), str(tmp_path), "127.0.0.1", 1)
    started, over = threading.Event(), threading.Event()

    async def serve():
        server = await listen_privately(where.admin, lambda: AdminChannel(obey))
        started.set()
        await asyncio.get_running_loop().run_in_executor(None, over.wait)
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(30)
    write_whereabouts(tmp_path, where)
    yield tmp_path
    over.set()
    thread.join(30)


def test_an_order_is_answered(state):
    assert ask_server(state, {"command": "status"}) == {"said": "status"}
    assert ask_server(state, {"command": "x" * 200_000}) == {"said": "x" * 200_000}


def test_a_refusal_comes_back_as_the_error_that_it_was(state):
    with pytest.raises(InvalidInputError, match="not now; wait"):
        ask_server(state, {"command": "refuse"})
    with pytest.raises(SmallcraftError, match="broken") as caught:
        ask_server(state, {"command": "break"})
    assert type(caught.value) is SmallcraftError


def test_the_socket_is_this_users_alone(state):
    assert stat.S_IMODE((state / "admin.sock").stat().st_mode) == 0o600


def test_the_kernel_says_who_is_at_the_other_end():
    one, other = socket.socketpair()
    with one, other:
        assert peer_of(one) == os.geteuid()


def test_where_no_server_is_the_remedy_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="smallcraft serve"):
        ask_server(tmp_path, {"command": "status"})
    write_whereabouts(tmp_path, Whereabouts(1, str(tmp_path), "127.0.0.1", 1))
    with pytest.raises(NotFoundError, match="smallcraft serve"):
        ask_server(tmp_path, {"command": "status"})


def test_a_server_that_does_not_answer_is_not_waited_for(tmp_path):
    where = Whereabouts(7, str(tmp_path), "127.0.0.1", 1)
    write_whereabouts(tmp_path, where)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(where.admin))
        listener.listen()
        with pytest.raises(SmallcraftError, match="process 7"):
            ask_server(tmp_path, {"command": "status"}, within_s=0.1)
