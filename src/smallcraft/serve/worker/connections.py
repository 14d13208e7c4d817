"""A worker's end of the link to one router: bytes in, frames out, never waiting for one that does not read.

Always: one read call gives all that has arrived, up to the buffer; what the kernel does not take is kept and
sent when it does.
"""

from __future__ import annotations

import socket

from smallcraft.errors import IntegrityError
from smallcraft.serve.worker.frames import FrameCutter

# Read into one buffer again and again: a fresh one a call costs three times the call.
_BUFFER_BYTES = 1 << 18
# A router that leaves more than this unread is taken for gone.
_MOST_UNREAD = 64 << 20


class Connection:
    """One router, as long as it is there.

    Args:
        accepted: Its socket.
    """

    __slots__ = ("_buffer", "_cutter", "_unsent", "fd", "is_open", "socket")

    def __init__(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        self.socket = accepted
        self.fd = accepted.fileno()
        self.is_open = True
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._cutter = FrameCutter()
        self._unsent = bytearray()

    @property
    def has_unsent(self) -> bool:
        """Whether frames wait for the kernel to take them."""
        return bool(self._unsent)

    def receive(self) -> list[bytes]:
        """Frames that have arrived; the connection is closed when the router is gone."""
        try:
            count = self.socket.recv_into(self._buffer)
        except BlockingIOError:
            return []
        except OSError:
            count = 0
        if count == 0:
            self.close()
            return []
        try:
            return self._cutter.feed(bytes(self._buffer[:count]))
        except IntegrityError:
            self.close()
            return []

    def send(self, frame: bytes) -> bool:
        """Send a frame, or keep what does not fit; whether all of it went."""
        if not self.is_open:
            return False
        if not self._unsent:
            try:
                sent = self.socket.send(frame)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return False
            if sent == len(frame):
                return True
            frame = frame[sent:]
        self._unsent += frame
        if len(self._unsent) > _MOST_UNREAD:
            self.close()
        return False

    def flush(self) -> None:
        """Send what was kept, as far as it goes."""
        try:
            sent = self.socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        del self._unsent[:sent]

    def close(self) -> None:
        """The router is gone, or has to go."""
        if self.is_open:
            self.is_open = False
            self._unsent.clear()
            self.socket.close()
