"""All that a server is told: what it serves, where, under which limits.

Leaves to others: where these come from (the command line, `smallcraft.toml`).
Always: explicit; nothing is looked up in the environment.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from smallcraft.errors import InvalidInputError
from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.router.connections import HttpLimits
from smallcraft.serve.router.desk import Patience
from smallcraft.serve.tracing import TraceSettings
from smallcraft.serve.windows.settings import WindowSettings, check_windows

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What a worker may take while it serves.

    Attributes:
        memory_bytes: Resident; past it a worker is replaced, and a rollout of its release goes back.
        batch_s: For one batch; past it the worker is ended.
        leave_s: To answer what it has when it is told to leave.
        restart_s: Between two starts of a worker that keeps dying, at first; doubled each time.
        longest_restart_s: And no longer than this.
    """

    memory_bytes: int = 2048 * _MIB
    batch_s: float = 30.0
    leave_s: float = 10.0
    restart_s: float = 0.1
    longest_restart_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How to serve.

    Attributes:
        models: The stable releases, one of each name; the first answers where a path names no model.
        state: Folder of what must survive, the server's own.
        registry: Where the releases are, so that leases keep them; None for none.
        host: Address to listen on.
        port: Port to listen on; 0 for any.
        routers: Processes that read requests.
        in_process: Whether stable releases answer in the routers themselves.
        tokens: Any of which a client must send; none for no such rule.
        open_requests: That may be open at once, a router and model.
        http: What a client may do.
        patience: How long is waited.
        workers: What workers may take.
        loading: What loading may take.
        tracing: Of sampled requests; None for none.
        windows: Of what was asked and answered, to be watched; None for none.
        orphan_s: How long routers serve without a supervisor, so that it can be started again.
        worker_command: Starts a worker.
        router_command: Starts a router.
        pages_command: Starts the web pages that routers show at /ui; `{socket}` in it stands for the unix
            socket to answer at. Empty for no such pages.
    """

    models: tuple[ModelSource, ...]
    state: Path
    registry: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    routers: int = 1
    in_process: bool = False
    tokens: tuple[str, ...] = ()
    open_requests: int = 512
    http: HttpLimits = field(default_factory=HttpLimits)
    patience: Patience = field(default_factory=Patience)
    workers: WorkerLimits = field(default_factory=WorkerLimits)
    loading: LoadLimits = field(default_factory=LoadLimits)
    tracing: TraceSettings | None = None
    windows: WindowSettings | None = None
    orphan_s: float = 30.0
    worker_command: tuple[str, ...] = field(default=(sys.executable, "-P", "-m", "smallcraft.serve.worker"))
    router_command: tuple[str, ...] = field(default=(sys.executable, "-P", "-m", "smallcraft.serve.router"))
    pages_command: tuple[str, ...] = ()


def check_settings(settings: ServeSettings) -> None:
    """Refuse what cannot be served.

    Raises:
        InvalidInputError: Names the setting.
    """
    names = [source.name for source in settings.models]
    if not names:
        raise InvalidInputError(
            "there must be a release to serve, got none; name one, such as helpdesk@stable"
        )
    if len(set(names)) < len(names):
        raise InvalidInputError(
            f"one release of each model answers, got {[source.label for source in settings.models]}; "
            "name one, and roll the other out"
        )
    if settings.routers < 1 or settings.open_requests < 1:
        raise InvalidInputError(
            "routers and open_requests must be 1 or more, "
            f"got {settings.routers} and {settings.open_requests}"
        )
    if not 0 <= settings.port < 1 << 16:
        raise InvalidInputError(
            f"port must be from 0 to 65535, got {settings.port}; 8080 is usual, 0 takes a free one"
        )
    if any(len(token) < 16 for token in settings.tokens):
        raise InvalidInputError(
            "a token must have 16 characters or more; make one with `openssl rand -hex 24`"
        )
    if settings.windows is not None:
        check_windows(settings.windows)
