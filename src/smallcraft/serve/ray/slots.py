"""What answers for one release on the cluster: an application of Ray Serve with one deployment.

It stands where a worker on this machine stands (`processes.workers`), and tells the same things of itself.
Leaves to others: replicas (Ray Serve starts them, starts them again, and ends them in order), what a death
means for a rollout (the controller).
Always: no call of Serve holds up who decides: each is made in a thread; an application that is there already,
from before the controller was started again, is taken as it is; one that nobody needs ends when routers have
had time to hear of it.
Not covered: telling a replica that died from one that a node took with it; either counts as a crash.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.processes.served import Served
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.ray.heads import replica_class
from smallcraft.serve.ray.naming import RELEASE, controller_name, release_name
from smallcraft.serve.ray.replica import ReplicaOrder
from smallcraft.serve.ray.settings import QUIET, RaySettings

if TYPE_CHECKING:
    from ray.serve.schema import ApplicationStatusOverview

_LOG = logging.getLogger("smallcraft.serve")
# Routers hear of a new assignment four times a second.
_LINGER_S = 3.0
_HEALTH_S = 5.0


@dataclass(frozen=True, slots=True)
class Seen:
    """An application as Serve tells it.

    Attributes:
        running: Replicas that answer.
        failure: Why it could not be deployed; empty while it may yet be.
    """

    running: int
    failure: str = ""


class Applications(Protocol):
    """The applications of a cluster."""

    def seen(self, name: str) -> Seen | None:
        """One of them, as it was last seen; None where there is none of that name."""

    def deploy(self, name: str, order: ReplicaOrder, *, replicas: int, processors: float, most: int) -> None:
        """Deploy one, unless it is there."""

    def delete(self, name: str) -> None:
        """Let one answer what it has, and end."""


class ReleaseSlot:
    """One release's application.

    Args:
        source: The release.
        watcher: Who is told what happens to it.
        applications: Of the cluster.
        calls: A thread for calls of Serve: one, so that they are made in order.
        server: Name of the server.
        settings: Of the server.
        on_ray: How many replicas, and how large.
    """

    def __init__(
        self,
        source: ModelSource,
        watcher: Served,
        *,
        applications: Applications,
        calls: Executor,
        server: str,
        settings: ServeSettings,
        on_ray: RaySettings,
    ) -> None:
        self.source = source
        self.application = release_name(server, source)
        self._watcher = watcher
        self._applications = applications
        self._calls = calls
        self._on_ray = on_ray
        self._memory_limit = settings.workers.memory_bytes
        self._is_ready = False
        self._has_failed = False
        self._leave_at: float | None = None
        self._sizes: dict[int, int | None] = {}
        self._starts = 0
        order = ReplicaOrder(
            application=self.application,
            controller=controller_name(server),
            source=source,
            limits=settings.loading,
            memory_bytes=self._memory_limit,
            open_release=on_ray.open_release,
        )
        self._under_way: Future[None] = calls.submit(
            applications.deploy,
            self.application,
            order,
            replicas=on_ray.replicas,
            processors=on_ray.processors,
            most=settings.open_requests,
        )

    @property
    def is_ready(self) -> bool:
        """Whether a replica answers."""
        return self._is_ready

    @property
    def is_running(self) -> bool:
        """Whether any of it is there."""
        return not self._under_way.done() or self._applications.seen(self.application) is not None

    @property
    def has_left(self) -> bool:
        """Whether nobody needs it any more, and it is gone."""
        return self._leave_at is not None and not self.is_running

    @property
    def reach(self) -> Mapping[str, str | None]:
        """Where it can be asked."""
        return {"application": self.application} if self._is_ready else {}

    def readings(self) -> list[tuple[int, int | None]]:
        """Process and resident bytes of each replica, as it told them last."""
        return list(self._sizes.items())

    def hear(self, message: Message) -> None:
        """A replica tells of itself."""
        kind = message["kind"]
        if kind == "failed":
            self._fail(str(message["reason"]))
            return
        size = message["memory_bytes"]
        if kind == "loaded":
            self._count_start(message["pid"])
        self._sizes[message["pid"]] = size
        if size is not None and size > self._memory_limit:
            self._watcher.worker_grew(self, size)

    def look(self, now: float) -> None:
        """See how it stands; called a few times a second."""
        if self._leave_at is not None:
            if now >= self._leave_at and self._under_way.done():
                self._leave_at = float("inf")
                self._under_way = self._calls.submit(self._applications.delete, self.application)
            return
        if self._under_way.done() and self._under_way.exception() is not None:
            self._fail(str(self._under_way.exception()))
            return
        seen = self._applications.seen(self.application)
        is_ready = seen is not None and seen.running > 0
        if seen is not None and seen.failure and not is_ready:
            self._fail(seen.failure)
        if is_ready and not self._is_ready:
            self._is_ready = True
            self._watcher.worker_ready(self)
        elif self._is_ready and not is_ready:
            self._is_ready = False
            self._watcher.worker_gone(self)

    def stop(self) -> None:
        """End, when routers have heard that nobody needs it."""
        self._leave(_LINGER_S)

    def kill(self) -> None:
        """End as soon as Serve does it."""
        self._leave(0.0)

    def hand_over(self) -> None:
        """Another slot has the application from now on; this one ends nothing any more."""
        self._leave_at, self._is_ready = float("inf"), False

    def _leave(self, within_s: float) -> None:
        if self._leave_at is None or self._leave_at > time.monotonic() + within_s:
            if self._leave_at != float("inf"):
                self._leave_at = time.monotonic() + within_s
            self._is_ready = False

    def _count_start(self, process: int) -> None:
        """Each start beyond the first ones stands for a replica that died."""
        if process in self._sizes:
            return
        self._starts += 1
        if self._starts > self._on_ray.replicas:
            # Whose place it took is not known; the oldest is as good as any.
            self._sizes.pop(next(iter(self._sizes)), None)
            self._watcher.worker_died(self, None, "crashed")

    def _fail(self, why: str) -> None:
        if not self._has_failed and self._leave_at is None:
            self._has_failed = True
            _LOG.error("%s does not load: %s", self.source.label, why)
            self._watcher.worker_unloadable(self, why)


class ServeApplications:
    """The applications of the cluster that this process is in; `refresh` looks at them anew."""

    def __init__(self) -> None:
        self._seen: Mapping[str, Seen] = {}

    def refresh(self) -> None:
        """Look at all of them."""
        from ray import serve

        self._seen = {name: _seen(app) for name, app in serve.status().applications.items()}

    def seen(self, name: str) -> Seen | None:
        """One of them, as it was last seen."""
        return self._seen.get(name)

    def deploy(self, name: str, order: ReplicaOrder, *, replicas: int, processors: float, most: int) -> None:
        """Deploy a release, unless it is there and well, or may be yet."""
        from ray import serve

        there = serve.status().applications.get(name)
        if there is not None and not _seen(there).failure and there.status != "DELETING":
            return
        made = serve.deployment(replica_class(has_heads=bool(order.source.heads))).options(
            name=RELEASE,
            num_replicas=replicas,
            max_ongoing_requests=most,
            health_check_period_s=_HEALTH_S,
            logging_config=QUIET,
            ray_actor_options={"num_cpus": processors},
        )
        target = serve.RunTarget(made.bind(order), name=name, route_prefix=None)
        serve.run_many(
            [target], wait_for_ingress_deployment_creation=False, wait_for_applications_running=False
        )

    def delete(self, name: str) -> None:
        """End one in order."""
        from ray import serve

        serve.delete(name, _blocking=False)


def _seen(application: ApplicationStatusOverview) -> Seen:
    deployments = application.deployments.values()
    running = sum(int(told.replica_states.get("RUNNING", 0)) for told in deployments)
    failed = application.status == "DEPLOY_FAILED"
    return Seen(running, str(application.message) or "it could not be deployed" if failed else "")
