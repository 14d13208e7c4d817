"""A release as it is to be deployed elsewhere: names, plan and where its server is.

Leaves to others: the files of each system (`serve.exports`).
Always: a system that asks about a rollout is told the releases and lines of that rollout, as it began.
"""

from __future__ import annotations

import re
from pathlib import Path

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.serving import served_project
from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.reading import Stored
from smallcraft.registry.references import STABLE
from smallcraft.serve.exports.export import Deployment
from smallcraft.serve.rollout.standing import RolloutState
from smallcraft.serve.state.opening import find_rollout

_LONGEST_NAME = 40
# Stands where nothing asks.
_NO_ROLLOUT = "none"


def deployment_of(
    project: Path,
    release: Stored,
    *,
    image: str,
    rollout: str,
    namespace: str,
    server: str,
    prometheus: str,
    asks: bool,
) -> Deployment:
    """A deployment of a project's release.

    Args:
        project: Folder of `smallcraft.toml`, or the file.
        release: The new one.
        image: Of a container with smallcraft and the project in it.
        rollout: Id of the rollout that other systems ask about; empty for the last one.
        namespace: Of Kubernetes.
        server: The server's address; empty for the usual one.
        prometheus: Address of the Prometheus that scrapes it.
        asks: Whether the other system asks about a rollout, so that there has to be one.

    Raises:
        InvalidInputError: It asks, no rollout was named, and none has begun; or it is another release's.
    """
    label, name = release.entry.label, release.entry.name or ""
    found = _known_rollout(project, rollout) if asks else None
    if asks and found is None and not rollout:
        raise InvalidInputError(
            "another system asks about a rollout, and none has begun here; name it with --rollout, as "
            "`smallcraft rollout start` told it"
        )
    if found is not None and found.canary.label != label:
        raise InvalidInputError(
            f"rollout {found.id} is of {found.canary.label}, got {label}; export that one, or name a rollout "
            f"of {label} with --rollout"
        )
    return Deployment(
        name=re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:_LONGEST_NAME].strip("-"),
        image=image,
        stable=_stable(project, release) if found is None else found.stable.label,
        canary=label,
        rollout=rollout or (_NO_ROLLOUT if found is None else found.id),
        plan=load_config(project).rollout.plan() if found is None else found.plan,
        namespace=namespace,
        server=server,
        prometheus=prometheus,
    )


def _stable(project: Path, release: Stored) -> str:
    """What `stable` means now; the release itself where it means nothing yet."""
    try:
        return open_registry(project).find(f"{release.entry.name}@{STABLE}").entry.label
    except (NotFoundError, InvalidInputError):
        return release.entry.label


def _known_rollout(project: Path, rollout: str) -> RolloutState | None:
    """The rollout of that id, or the last one; None where its server keeps its state elsewhere."""
    try:
        return find_rollout(served_project(project).state_of(rollout), rollout)
    except NotFoundError:
        return None
