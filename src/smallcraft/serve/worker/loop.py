"""A worker's main loop: questions from its routers, in batches, answered one batch after the other.

One thread, no framework: what arrives while a batch is answered is the next batch.
Leaves to others: what is answered (`worker.answering`), the process around it (`worker.starting`).
Always: each question has one frame in return while its router is there; told to leave, it takes no more and
answers what it has.
Not covered: a model that never returns; the supervisor reads that in the black box.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time

from smallcraft.serve.worker.answering import BatchAnswerer, Model
from smallcraft.serve.worker.asking import read_asked
from smallcraft.serve.worker.batching import Queue
from smallcraft.serve.worker.blackbox import BlackBox
from smallcraft.serve.worker.connections import Connection
from smallcraft.serve.worker.frames import ASK, CANCEL, LEAVING, kind_of, number_of, short_frame

_READ, _WRITE = select.EPOLLIN, select.EPOLLOUT


class WorkerLoop:
    """Serves a model on a listening socket until it is told to leave.

    Args:
        listener: Bound and listening.
        model: What answers.
        box: Where it notes what it is at.
        hello: The frame each router gets first.
    """

    def __init__(self, listener: socket.socket, model: Model, *, box: BlackBox, hello: bytes) -> None:
        self._listener = listener
        self._answerer = BatchAnswerer(model, box)
        self._hello = hello
        self._queue: Queue[Connection] = Queue()
        self._connections: dict[int, Connection] = {}
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._epoll = select.epoll()
        self._is_leaving = self._is_told = False
        self._leave_by = float("inf")
        listener.setblocking(False)
        self._epoll.register(listener.fileno(), _READ)
        self._epoll.register(self._wake.fileno(), _READ)

    @property
    def wakeup_fd(self) -> int:
        """For `signal.set_wakeup_fd`, so that a signal ends a wait."""
        return self._waker.fileno()

    @property
    def connections(self) -> int:
        """How many routers there are."""
        return len(self._connections)

    def leave(self, *, within_s: float) -> None:
        """Take no more, answer what is there, and end; from a signal handler or another thread.

        Args:
            within_s: When routers that do not close their end are not waited for any more.
        """
        self._is_leaving = True
        self._leave_by = time.monotonic() + within_s
        # It may have left by itself meanwhile.
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def run(self) -> None:
        """Serve until it has left."""
        with self._epoll, self._wake, self._waker, self._listener:
            while not self._has_left():
                self._poll(self._patience())
                if len(self._queue):
                    self._answer_next()
            for connection in self._connections.values():
                connection.close()

    def _patience(self) -> float:
        if len(self._queue):
            return 0.0
        return max(self._leave_by - time.monotonic(), 0.0) if self._is_leaving else -1.0

    def _has_left(self) -> bool:
        if not self._is_leaving or len(self._queue):
            return False
        if not self._is_told:
            self._is_told = True
            self._epoll.unregister(self._listener)
            self._listener.close()
            for connection in list(self._connections.values()):
                self._send(connection, short_frame(LEAVING, 0))
        return not self._connections or time.monotonic() >= self._leave_by

    def _poll(self, patience: float) -> None:
        for fd, event in self._epoll.poll(patience):
            connection = self._connections.get(fd)
            if connection is None:
                self._other(fd)
                continue
            if event & _WRITE:
                connection.flush()
                if connection.is_open and not connection.has_unsent:
                    self._epoll.modify(fd, _READ)
            if event & ~_WRITE:
                self._take_in(connection)
            self._forget_if_closed(connection)

    def _other(self, fd: int) -> None:
        if fd == self._wake.fileno():
            self._wake.recv(4096)
        elif fd == self._listener.fileno():
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(accepted)
            self._connections[connection.fd] = connection
            self._epoll.register(connection.fd, _READ)
            self._send(connection, self._hello)

    def _take_in(self, connection: Connection) -> None:
        """What a router sent: into the queue."""
        for frame in connection.receive():
            kind = kind_of(frame)
            if kind == ASK:
                self._queue.add(read_asked(frame), connection)
            elif kind == CANCEL:
                self._queue.cancel(number_of(frame), connection)

    def _forget_if_closed(self, connection: Connection) -> None:
        if not connection.is_open and self._connections.get(connection.fd) is connection:
            # The kernel has forgotten a closed descriptor by itself.
            del self._connections[connection.fd]
            self._queue.drop(connection)

    def _send(self, connection: Connection, frame: bytes) -> None:
        if connection.send(frame):
            return
        if connection.has_unsent:
            self._epoll.modify(connection.fd, _READ | _WRITE)
        self._forget_if_closed(connection)

    def _answer_next(self) -> None:
        self._answerer.answer(self._queue.next_batch(time.monotonic()), self._send)
