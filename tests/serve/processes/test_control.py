"""A child's socket to its supervisor, which comes as its standard input."""

from __future__ import annotations

import socket
import subprocess
import sys

CHILD = """
import sys
from smallcraft.serve.processes.control import take_control
control = take_control()
control.sendall(repr(sys.stdin.read()).encode() + control.recv(100))
"""


def test_the_socket_is_taken_and_nothing_stands_in_its_place():
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    with ours:
        with theirs:
            child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=theirs)
        ours.sendall(b"order")
        assert child.wait(60) == 0
        assert ours.recv(100) == b"''order"
