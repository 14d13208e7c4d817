"""What a server on Ray is told beside what every server is told.

Always: explicit; nothing is looked up in the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError
from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.loading.opening import open_model
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.loading.trial import try_model
from smallcraft.serve.worker.answering import Model

# Serve logs each request otherwise, in every process that it passes.
QUIET = {"log_level": "WARNING", "enable_access_log": False}
# Opens a release in a replica, under limits.
OpenRelease = Callable[[ModelSource, LoadLimits], Model]


def open_tried(source: ModelSource, limits: LoadLimits) -> Model:
    """Open a release in this process, when a child that is held to limits could.

    Raises:
        SmallcraftError: It is not what was recorded, does not answer its own test, or takes too much.
    """
    try_model(source, limits=limits)
    return open_model(source, limits=limits).answerer


@dataclass(frozen=True, slots=True)
class RaySettings:
    """How to serve on Ray.

    Attributes:
        routers: Replicas of the ingress.
        replicas: Of each release.
        models: How many models there are.
        processors: That each of these processes reserves in the cluster; it may use more.
        open_release: Opens a release in a replica; one that a module has, since replicas look it up there.
    """

    routers: int = 3
    replicas: int = 2
    models: int = 1
    processors: float = 1.0
    open_release: OpenRelease = open_tried


def check_ray_settings(settings: RaySettings) -> None:
    """Refuse what cannot be served.

    Raises:
        InvalidInputError: Names the setting.
    """
    if settings.routers < 1 or settings.replicas < 1:
        raise InvalidInputError(
            f"routers and replicas must be 1 or more, got {settings.routers} and {settings.replicas}"
        )
    if not 0.0 < settings.processors <= 64.0:
        raise InvalidInputError(
            f"processors of a process must be above 0 and at most 64, got {settings.processors:g}; "
            "write 1, or a part of one where processes share"
        )
