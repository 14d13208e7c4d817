"""The socket that clients connect to, opened by the supervisor and inherited by its routers.

Routers of a supervisor that was killed still hold the old socket while they finish. So that the next
supervisor need not wait for them, the address is shared with them, and with nobody else.
Leaves to others: accepting (the routers).
Always: an address that a stranger has is refused, with the remedy.
"""

from __future__ import annotations

import socket

from smallcraft.errors import InvalidInputError

_BACKLOG = 2048


def listen(host: str, port: int, *, may_share: bool) -> socket.socket:
    """Bind and listen.

    Args:
        host: Address or name.
        port: 0 for any.
        may_share: Whether routers of this server's last life may still hold the address.

    Raises:
        InvalidInputError: The address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if not may_share:
            _refuse_taken(family, address)
        listener = _bind(family, address, is_shared=True)
    except OSError as error:
        raise InvalidInputError(
            f"{host}:{port} cannot be listened on ({error.strerror or error}); name another port, "
            "or stop who has it"
        ) from error
    listener.listen(_BACKLOG)
    return listener


def _refuse_taken(family: int, address: tuple[object, ...]) -> None:
    """An address that is asked for alone is given only when nobody has it."""
    _bind(family, address, is_shared=False).close()


def _bind(family: int, address: tuple[object, ...], *, is_shared: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
