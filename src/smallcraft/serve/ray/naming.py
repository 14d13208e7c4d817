"""What is called what on the cluster, and how a replica reaches the controller by its name.

Always: one server is one state folder, so names are made from that; two servers on one cluster have nothing
in common.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from xxhash import xxh3_64_hexdigest

from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.messages import Message
from smallcraft.serve.ray.cluster import NAMESPACE

if TYPE_CHECKING:
    from ray.actor import ActorHandle

RELEASE, INGRESS = "release", "ingress"
_TELL_S = 10.0


def server_name(state: Path) -> str:
    """What a server's actor and applications begin with.

    >>> server_name(Path("/srv/state"))
    'smallcraft-75675986'
    """
    return f"smallcraft-{xxh3_64_hexdigest(str(state).encode())[:8]}"


def controller_name(server: str) -> str:
    """Of the actor that decides."""
    return f"{server}-controller"


def ingress_name(server: str) -> str:
    """Of the application that reads requests."""
    return f"{server}-ingress"


def release_name(server: str, source: ModelSource) -> str:
    """Of the application that answers for a release."""
    return f"{server}-{source.name}-{source.version}-{source.digest[-12:]}"


def find_controller(name: str) -> ActorHandle:
    """The actor that decides.

    Raises:
        ValueError: There is none.
    """
    import ray

    return ray.get_actor(name, namespace=NAMESPACE)


def tell_controller(name: str, message: Message) -> None:
    """Tell it something; what it does not hear in time is lost, and Serve's own status tells the rest."""
    import ray
    from ray.exceptions import RayError

    with contextlib.suppress(RayError, ValueError):
        ray.get(find_controller(name).hear_replica.remote(message), timeout=_TELL_S)
