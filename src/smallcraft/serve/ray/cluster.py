"""The Ray cluster that a server runs on: the one this machine is in, else one of its own.

Ray is imported inside functions here and beside: it is the optional extra [scale], takes a second to load,
and nothing else of serving needs it.
Always: a cluster of our own listens on the loopback alone, tells nobody of its use, and ends with the server;
one that was there before is left as it was.
Not covered: a Ray client (`ray://`); state, registry and orders are files of a machine of the cluster.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from importlib.util import find_spec

from smallcraft.errors import InvalidInputError, MissingPartError
from smallcraft.serve.ray.settings import RaySettings

NAMESPACE = "smallcraft"
_CLIENT = "ray://"
# Looked for and not imported: that takes seconds. The second is what Ray Serve is built on.
_PARTS = ("ray", "fastapi")
_OBJECT_STORE_BYTES = 128 << 20
_PROXY_COMES_S = "30"


def require_ray() -> None:
    """Refuse to go on without Ray.

    Raises:
        MissingPartError: It is not installed; says how to.
    """
    absent = [name for name in _PARTS if find_spec(name) is None]
    if absent:
        raise MissingPartError(
            f"serving on Ray needs {absent[0]}, which is not installed; pip install 'smallcraft[serve,scale]'"
        )


def read_place(place: str) -> bool:
    """Whether a server is to be on Ray, by what a person wrote.

    Args:
        place: `here` for this machine alone, `ray` for its cluster.

    Raises:
        InvalidInputError: It is neither.
    """
    if place in {"here", "ray"}:
        return place == "ray"
    refuse_client(place)
    raise InvalidInputError(f"a server is on 'here' or 'ray', got {place!r}; write --on ray for Ray Serve")


def refuse_client(address: str) -> None:
    """Refuse the address of a Ray client.

    Raises:
        InvalidInputError: It is one.
    """
    if address.startswith(_CLIENT):
        raise InvalidInputError(
            f"a server on Ray runs on a machine of the cluster, got the address {address} of a client; "
            "make this machine one (`ray start --address HOST:6379`), then say --on ray"
        )


@contextlib.contextmanager
def joined(settings: RaySettings) -> Iterator[None]:
    """Join the cluster of this machine, or start one that ends with this block.

    Raises:
        MissingPartError: Ray is not installed.
        InvalidInputError: The cluster has too few processors.
    """
    require_ray()
    # No use of it is told to anybody.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Serve takes a proxy that is not there in five seconds for dead; on a busy machine it is on its way.
    os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", _PROXY_COMES_S)
    import ray

    refuse_client(os.environ.get("RAY_ADDRESS", ""))
    quiet = {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": logging.WARNING}
    try:
        # Without an address Ray finds what `ray start` began here, and else begins one of its own.
        ray.init(
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            _node_ip_address="127.0.0.1",
            **quiet,
        )
    except ValueError:
        # There is one; how it is made up is not ours to say.
        ray.init(**quiet)
    try:
        check_processors(settings, has=float(ray.cluster_resources().get("CPU", 0.0)))
        yield
    finally:
        ray.shutdown()


def check_processors(settings: RaySettings, *, has: float) -> None:
    """Refuse a cluster on which the server would wait for processors for ever.

    Args:
        settings: What is to run.
        has: Processors of the cluster.

    Raises:
        InvalidInputError: There are too few.
    """
    # The releases of a rollout run side by side.
    processes = settings.routers + 2 * settings.replicas * settings.models
    if processes * settings.processors > has + 1e-9:
        most = int(100 * has / processes) / 100
        raise InvalidInputError(
            f"{processes} processes at {settings.processors:g} processors each want "
            f"{processes * settings.processors:g} of them, the cluster has {has:g}; "
            f"write --cpus {most:g} or less, or take fewer --routers and --replicas"
        )
