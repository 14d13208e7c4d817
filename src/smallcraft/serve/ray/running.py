"""A server on Ray from start to end, as the command that started it sees it.

    join the cluster -> controller -> releases load -> ingress -> requests ... -> all ends in order

When this process is killed, the server goes on where the cluster does: start it again with the same state
folder, and it is found as it stands.
Leaves to others: deciding (`serve.ray.controlling`), requests (`serve.ray.ingress`).
Always: one command at a time has a server; what it started on the cluster ends with it.
"""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.serve.processes.settings import ServeSettings, check_settings
from smallcraft.serve.processes.whereabouts import Whereabouts, hold_state_folder
from smallcraft.serve.ray.cluster import NAMESPACE, joined
from smallcraft.serve.ray.controlling import RayController
from smallcraft.serve.ray.ingress import IngressOrder, ingress_builder
from smallcraft.serve.ray.naming import INGRESS, controller_name, ingress_name, server_name
from smallcraft.serve.ray.settings import QUIET, RaySettings, check_ray_settings
from smallcraft.serve.supervisor import OnDone, OnReady

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.actor import ActorHandle

_POLL_S = 0.25
_LISTENS_S = 30.0
_STOP_S = 90.0


def serve_on_ray(
    settings: ServeSettings,
    on_ray: RaySettings,
    *,
    on_done: OnDone | None = None,
    on_ready: OnReady | None = None,
) -> None:
    """Serve on the cluster of this machine until SIGTERM or SIGINT; in the main thread of a process.

    Args:
        settings: What, where, and under which limits.
        on_ray: How many replicas, and how large.
        on_done: Told of a rollout that is DONE, until it returns; called in the controller, on this machine.
        on_ready: Told once where the server is, when it accepts connections.

    Raises:
        MissingPartError: Ray is not installed.
        InvalidInputError: The settings, the address, the cluster or the state folder cannot be used.
        SmallcraftError: A release does not load.
    """
    check_settings(settings)
    check_ray_settings(on_ray)
    _refuse_parts_of_one_machine(settings)
    on_ray = replace(on_ray, routers=settings.routers, models=len(settings.models))
    if settings.port == 0:
        settings = replace(settings, port=_free_port(settings.host))
    # A folder in the state's own, which the controller holds.
    with hold_state_folder(settings.state / "ray"), joined(on_ray), ExitStack() as stack:
        RayServer(settings, on_ray, on_done=on_done).run(stack, on_ready)


class RayServer:
    """One server.

    Args:
        settings: What, where, and under which limits.
        on_ray: How many replicas, and how large.
        on_done: As `serve_on_ray` has it.
    """

    def __init__(self, settings: ServeSettings, on_ray: RaySettings, *, on_done: OnDone | None) -> None:
        self._settings = settings
        self._on_ray = on_ray
        self._on_done = on_done
        self._server = server_name(settings.state)
        self._is_over = threading.Event()

    def run(self, stack: ExitStack, on_ready: OnReady | None) -> None:
        """Start, serve, end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._is_over.set())
        self._start_serve(stack)
        controller = self._controller()
        stack.callback(self._end, controller)
        if not self._until_loaded(controller):
            return
        self._start_ingress(stack)
        if self._is_over.is_set():
            return
        where = _get(controller.listen_at.remote(self._settings.host, self._settings.port))
        if on_ready is not None:
            on_ready(Whereabouts(**where))
        while not self._is_over.wait(_POLL_S):
            if _is_stopped(controller):
                return

    def _start_serve(self, stack: ExitStack) -> None:
        from ray import serve

        if not serve.status().proxies:
            stack.callback(serve.shutdown)
        http_options = {"host": self._settings.host, "port": self._settings.port}
        serve.start(http_options=http_options, logging_config=QUIET)

    def _controller(self) -> ActorHandle:
        import ray
        from ray.exceptions import RayActorError
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        controller = (
            ray.remote(RayController)
            .options(
                name=controller_name(self._server),
                namespace=NAMESPACE,
                lifetime="detached",
                get_if_exists=True,
                max_restarts=-1,
                max_concurrency=32,
                num_cpus=0,
                scheduling_strategy=here,
            )
            .remote(self._settings, self._on_ray, self._on_done)
        )
        try:
            serves = _get(controller.serves.remote())
        except RayActorError as error:
            raise SmallcraftError(f"the controller did not start: {error}") from error
        wanted = [source.label for source in self._settings.models]
        if serves != wanted:
            raise InvalidInputError(
                f"the server of {self._settings.state} runs on this cluster with {', '.join(serves)}, got "
                f"{', '.join(wanted)}; start it with what it has and stop it first, or roll the other one out"
            )
        return controller

    def _until_loaded(self, controller: ActorHandle) -> bool:
        """Whether every model answers; False when told to end before."""
        while not self._is_over.wait(_POLL_S):
            standing = _get(controller.standing.remote())
            if standing["failure"]:
                raise SmallcraftError(standing["failure"])
            if standing["is_ready"]:
                return True
        return False

    def _start_ingress(self, stack: ExitStack) -> None:
        from ray import serve
        from ray.serve.exceptions import RayServeException

        settings, name = self._settings, ingress_name(self._server)
        stack.callback(serve.delete, name)
        there = serve.status().applications.get(name)
        if there is None or there.status != "RUNNING":
            order = IngressOrder(
                controller=controller_name(self._server),
                models=tuple(source.name for source in settings.models),
                patience=settings.patience,
                open_requests=settings.open_requests,
                tokens=settings.tokens,
                most_bytes=settings.http.body_bytes,
            )
            made = serve.deployment(serve.ingress(ingress_builder(order))(_Ingress)).options(
                name=INGRESS,
                num_replicas=self._on_ray.routers,
                max_ongoing_requests=settings.open_requests,
                logging_config=QUIET,
                ray_actor_options={"num_cpus": self._on_ray.processors},
            )
            try:
                serve.run(made.bind(), name=name, route_prefix="/")
            except (RayServeException, RuntimeError) as error:
                raise SmallcraftError(f"the ingress did not start: {error}") from error
        if not self._is_over.is_set():
            self._check_listening()

    def _check_listening(self) -> None:
        """A cluster whose Serve was there before reads requests where that was told to."""
        host, port = self._settings.host, self._settings.port
        until = time.monotonic() + _LISTENS_S
        while not _is_live(host, port):
            if time.monotonic() > until:
                raise InvalidInputError(
                    f"requests must be read at {host}:{port}, where nobody answers; Ray Serve was running on "
                    "this cluster and reads them elsewhere: name its --host and --port, or end it by "
                    "`serve shutdown`"
                )
            time.sleep(_POLL_S)

    def _end(self, controller: ActorHandle) -> None:
        import ray
        from ray.exceptions import RayError

        try:
            ray.get(controller.stop.remote(), timeout=_STOP_S)
        except RayError as error:
            raise SmallcraftError(f"the controller did not end in order: {error}") from error
        finally:
            ray.kill(controller)


class _Ingress:
    """What Ray Serve makes the class of the ingress of; all of it is the application."""


def _refuse_parts_of_one_machine(settings: ServeSettings) -> None:
    asked: tuple[tuple[str, bool], ...] = (
        ("--in-process", settings.in_process),
        ("--traces", settings.tracing is not None),
        ("--ui", bool(settings.pages_command)),
    )
    unfit = [option for option, is_asked in asked if is_asked]
    if unfit:
        raise InvalidInputError(
            f"a server on Ray has no {' and no '.join(unfit)}: they are of the server of one machine; "
            "leave them out"
        )


def _free_port(host: str) -> int:
    """Serve wants to be told a port."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _is_live(host: str, port: int) -> bool:
    asked = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - compared, not bound
    connection = http.client.HTTPConnection(asked, port, timeout=5.0)
    try:
        connection.request("GET", "/v2/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _get(ref: ObjectRef) -> Any:  # noqa: ANN401 - whatever it gives
    """What a call of the controller gave, however often it was started again meanwhile."""
    import ray
    from ray.exceptions import ActorUnavailableError

    try:
        return ray.get(ref)
    except ActorUnavailableError as error:
        raise SmallcraftError("the controller was lost while the server started; start it again") from error


def _is_stopped(controller: ActorHandle) -> bool:
    import ray
    from ray.exceptions import RayActorError

    try:
        return bool(ray.get(controller.is_stopped.remote()))
    except RayActorError:
        # It is being started again.
        return False
