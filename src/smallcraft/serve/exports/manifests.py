"""Kubernetes resources as YAML, and what is the same in all of them: names, labels, the server's container.

Always: a name that Kubernetes would refuse is refused here, with the rule.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from typing import Any

from smallcraft.errors import InvalidInputError, MissingPartError
from smallcraft.serve.exports.export import Deployment

Resource = dict[str, Any]
# Kubernetes allows 63; what exports add, such as `-promotion`, has to fit.
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
# It stands in addresses and queries.
_ROLLOUT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
STATE_FOLDER = "/var/lib/smallcraft"


def to_yaml(resources: Sequence[Resource], *, about: str) -> str:
    """Resources as one YAML file that begins with what they are.

    Args:
        resources: In the order in which they are to be applied.
        about: Lines for people.

    Raises:
        MissingPartError: PyYAML is not installed.
    """
    try:
        yaml = importlib.import_module("yaml")
    except ImportError as error:
        raise MissingPartError(
            "exports need PyYAML, which is not installed; pip install 'smallcraft[serve]'"
        ) from error
    head = "".join(f"# {line}\n" for line in about.splitlines())
    documents = [
        yaml.safe_dump(resource, sort_keys=False, allow_unicode=True, width=100) for resource in resources
    ]
    return head + "---\n".join(["", *documents])


def check_deployment(deployment: Deployment) -> None:
    """Refuse what no cluster would take.

    Raises:
        InvalidInputError: A name breaks Kubernetes' rules, a release has no number, a rollout no id; a
            port or time is out of range.
    """
    for what, name in (("name", deployment.name), ("namespace", deployment.namespace)):
        if not _NAME.fullmatch(name):
            raise InvalidInputError(
                f"the {what} of a deployment has lower-case letters, digits and '-', begins with a letter and"
                f" is at most 40 long, got {name!r}"
            )
    if not 1 <= deployment.port <= 65_535:
        raise InvalidInputError(f"a port is in 1 to 65535, got {deployment.port}")
    if deployment.patience_h < 1:
        raise InvalidInputError(f"patience_h is at least 1 hour, got {deployment.patience_h}")
    for release in (deployment.stable, deployment.canary):
        number_of(release)
    if not deployment.image:
        raise InvalidInputError("a deployment needs the name of an image, got an empty one")
    if not _ROLLOUT.fullmatch(deployment.rollout):
        raise InvalidInputError(
            "the id of a rollout, as `smallcraft rollout status` shows it, has letters, digits, '.', '_' and"
            f" '-', got {deployment.rollout!r}"
        )


def number_of(release: str) -> str:
    """The number of a release named in full, as text.

    >>> number_of("helpdesk@4")
    '4'

    Raises:
        InvalidInputError: There is none.
    """
    _, at, number = release.rpartition("@")
    if not at or not number.isdecimal():
        raise InvalidInputError(f"a release is named in full, such as helpdesk@4, got {release!r}")
    return number


def percents(deployment: Deployment) -> tuple[int, ...]:
    """Shares of traffic of a plan's stages, in whole percent.

    Raises:
        InvalidInputError: One is no whole percent, and these systems know no other shares.
    """
    found = []
    for share in deployment.plan.stages:
        percent = round(100 * share)
        if abs(100 * share - percent) > 1e-9 or not 1 <= percent <= 99:
            raise InvalidInputError(
                f"traffic is split by whole percents here, got a stage of {share:g}; choose 0.01 to 0.99 in"
                " steps of 0.01, or let smallcraft split"
            )
        found.append(percent)
    return tuple(found)


def metadata(
    deployment: Deployment, *, suffix: str = "", annotations: dict[str, str] | None = None
) -> Resource:
    """Name, namespace and labels of a resource."""
    found: Resource = {
        "name": f"{deployment.name}{suffix}",
        "namespace": deployment.namespace,
        "labels": {"app.kubernetes.io/name": deployment.name, "app.kubernetes.io/component": "smallcraft"},
    }
    return found if annotations is None else found | {"annotations": annotations}


def container(deployment: Deployment, release: str, *, name: str, has_state: bool = False) -> Resource:
    """The server's container, which answers with a release.

    Args:
        deployment: The whole.
        release: Which one.
        name: Of the container.
        has_state: Whether rollouts run in it, so that it keeps what they have seen.
    """
    arguments = ["serve", release, "--project", deployment.project, "--host", "0.0.0.0"]  # noqa: S104 - in a pod
    arguments += ["--port", str(deployment.port)]
    found: Resource = {
        "name": name,
        "image": deployment.image,
        "command": ["smallcraft"],
        "args": [*arguments, "--state", STATE_FOLDER] if has_state else arguments,
        "ports": [{"name": "http1", "containerPort": deployment.port, "protocol": "TCP"}],
        "readinessProbe": _probe("/v2/health/ready", deployment.port),
        "livenessProbe": _probe("/v2/health/live", deployment.port),
        "securityContext": {"allowPrivilegeEscalation": False, "runAsNonRoot": True},
    }
    if has_state:
        found["volumeMounts"] = [{"name": "state", "mountPath": STATE_FOLDER}]
    return found


def state_claim(deployment: Deployment) -> Resource:
    """The disk on which rollouts survive the pod."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(deployment, suffix="-state"),
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def state_volume(deployment: Deployment) -> Resource:
    """The volume of `state_claim`, for a pod."""
    return {"name": "state", "persistentVolumeClaim": {"claimName": f"{deployment.name}-state"}}


def _probe(path: str, port: int) -> Resource:
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": 5, "timeoutSeconds": 2}
