"""A child process of the supervisor: started with a socket as its standard input, watched until it ends.

Leaves to others: what it is told (`processes.messages`), starting another one.
Always: its end is told once, with the code; it ends no later than its supervisor lets it; signals of a
terminal do not reach it, so the supervisor alone decides in which order things end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence

from smallcraft.serve.processes.messages import Channel, Message

# As many processes as there are cores beat one that fights itself for them; who knows better may say so.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Child:
    """One child process.

    Args:
        command: Starts it.
        on_message: Called with what it says.
        on_end: Called once when it has ended.
        keep: Descriptors that it inherits.

    Attributes:
        pid: Its number.
        code: As `subprocess` has it; None while it runs.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        on_message: Callable[[Message], None],
        on_end: Callable[[Child], None],
        keep: Sequence[int] = (),
    ) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                pass_fds=tuple(keep),
                start_new_session=True,
                cwd="/",
                env={**_ONE_THREAD, **os.environ},
            )
        ours.setblocking(False)
        self.pid = self._process.pid
        self.code: int | None = None
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._unsent: list[Message] = []
        self._channel = Channel(lambda message, _: on_message(message), lambda _: None)
        self._connecting = self._loop.create_task(self._connect(ours))
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._pidfd, self._end)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.code is None

    def send(self, message: Message) -> None:
        """Tell it something."""
        if self._connecting.done():
            self._channel.send(message)
        else:
            self._unsent.append(message)

    def signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.is_running:
            self._process.send_signal(number)

    def stop(self, *, within_s: float) -> None:
        """Ask it to end, and end it when it does not."""
        self.signal(signal.SIGTERM)
        self._loop.call_later(within_s, self.signal, signal.SIGKILL)

    async def _connect(self, ours: socket.socket) -> None:
        await self._loop.create_connection(lambda: self._channel, sock=ours)
        for message in self._unsent:
            self._channel.send(message)
        self._unsent.clear()

    def _end(self) -> None:
        code = self._process.poll()
        if code is None:
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.code = code
        self._channel.close()
        self._on_end(self)


def memory_of(pid: int) -> int | None:
    """Resident bytes of a process; None when it cannot be read."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - four times a second
            pages = file.read().split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class Backoff:
    """How long to wait before something that failed is tried again.

    Args:
        first_s: At first; doubled each time.
        longest_s: And no longer.
        forget_s: What went well for so long is new.
    """

    def __init__(self, first_s: float, longest_s: float, *, forget_s: float = 60.0) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._forget_s = forget_s
        self._next_s = first_s

    def wait_s(self, lived_s: float) -> float:
        """Seconds to wait after something lived for so long."""
        if lived_s >= self._forget_s:
            self._next_s = self._first_s
        wait, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        return wait
