"""The socket that clients connect to: a stranger's address is refused, our own last life's is shared."""

from __future__ import annotations

import socket

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.serve.processes.listening import listen


def test_an_address_that_somebody_has_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        for may_share in (True, False):
            with pytest.raises(InvalidInputError, match="another port"):
                listen("127.0.0.1", port, may_share=may_share)


def test_an_address_is_shared_with_the_last_life_and_not_by_chance():
    with listen("127.0.0.1", 0, may_share=False) as last:
        port = last.getsockname()[1]
        with pytest.raises(InvalidInputError):
            listen("127.0.0.1", port, may_share=False)
        with listen("127.0.0.1", port, may_share=True) as next_one:
            assert next_one.getsockname() == last.getsockname()
    with listen("127.0.0.1", port, may_share=False) as again, socket.create_connection(("127.0.0.1", port)):
        again.settimeout(30)
        again.accept()[0].close()


def test_a_host_that_is_none_is_refused():
    with pytest.raises(InvalidInputError, match="cannot be listened on"):
        listen("no such host.invalid", 0, may_share=False)
