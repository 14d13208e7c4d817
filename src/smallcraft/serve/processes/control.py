"""A child's end of its socket to the supervisor, which is its standard input.

Leaves to others: what is said over it (`processes.messages`).
Always: nothing that reads standard input later meets it.
"""

from __future__ import annotations

import os
import socket


def take_control() -> socket.socket:
    """The socket that is standard input, moved out of the way; nothing stands in its place."""
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return control
