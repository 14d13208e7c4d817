"""Where a running server can be found: a small file in its state folder, and a folder of short paths.

Unix sockets have paths of at most 107 bytes, so they live in a private folder below the system's temporary
one, and the state folder says which.
Leaves to others: who listens there (`processes.admin`, `serve.supervisor`).
Always: only this user enters the folder of sockets; one server at a time has a state folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from smallcraft.errors import InvalidInputError, NotFoundError

_FILE = "serving.json"
_PREFIX = "smallcraft-"
LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a server is.

    Attributes:
        pid: Of its supervisor.
        run: The folder of its sockets.
        host: Where it listens.
        port: Where it listens.
    """

    pid: int
    run: str
    host: str
    port: int

    @property
    def admin(self) -> Path:
        """The socket that takes orders."""
        return Path(self.run, "admin.sock")

    @property
    def control(self) -> Path:
        """The socket at which routers without a supervisor find the next one."""
        return Path(self.run, "control.sock")


def make_run_folder() -> Path:
    """A private folder with a short path.

    Raises:
        InvalidInputError: The system's temporary folder has a long one.
    """
    run = Path(tempfile.mkdtemp(prefix=_PREFIX))
    # Room for the longest name that is made in it.
    if len(os.fsencode(run)) > LONGEST_SOCKET_PATH - 32:
        run.rmdir()
        raise InvalidInputError(
            f"unix sockets need short paths, got the temporary folder {run.parent}; "
            "set TMPDIR to a shorter one"
        )
    return run


def remove_run_folder(run: Path) -> None:
    """Remove a folder of sockets that nobody uses any more."""
    if run.name.startswith(_PREFIX):
        shutil.rmtree(run, ignore_errors=True)


def write_whereabouts(state: Path, whereabouts: Whereabouts) -> None:
    """Tell where the server is; a reader finds the old or the new text, never half of one."""
    draft = state / f"{_FILE}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(whereabouts)), "utf-8")
    draft.replace(state / _FILE)


def forget_whereabouts(state: Path) -> None:
    """The server has ended."""
    (state / _FILE).unlink(missing_ok=True)


def read_whereabouts(state: Path) -> Whereabouts:
    """Where the server of a state folder is, or was when it was killed.

    Raises:
        NotFoundError: None is.
    """
    try:
        return Whereabouts(**json.loads((state / _FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise NotFoundError(
            f"no server is running with the state folder {state}; start one with 'smallcraft serve'"
        ) from error


@contextlib.contextmanager
def hold_state_folder(state: Path) -> Iterator[None]:
    """Make a state folder, and keep other servers out of it.

    Raises:
        InvalidInputError: Another server has it, or it cannot be written.
    """
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The folder itself: a disk that lets nothing be written still lets it be held.
        lock = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InvalidInputError(
            f"the state folder {state} cannot be used ({error.strerror}); name another one"
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InvalidInputError(
                f"another server uses the state folder {state}; stop it, or name another folder"
            ) from error
        yield
    finally:
        os.close(lock)
