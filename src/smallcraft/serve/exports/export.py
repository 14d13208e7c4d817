"""What an export is given and what it gives back.

Leaves to others: writing files (`smallcraft export`), applying them (`kubectl`).
Always: nothing is asked of a cluster; the same deployment gives the same text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from smallcraft.serve.rollout.plan import RolloutPlan


@dataclass(frozen=True)
class Deployment:
    """A server as it is, or is to be, deployed on Kubernetes.

    Attributes:
        name: Of its resources: lower-case letters, digits and `-`, at most 40 characters.
        image: Of a container that has smallcraft and the project in it.
        stable: The release that answers now, `helpdesk@3`.
        canary: The new one, `helpdesk@4`.
        rollout: Id of the rollout from the one to the other.
        plan: Its declared settings.
        namespace: Where it all is.
        port: That the server listens on.
        project: Folder in the image with `smallcraft.toml` and the registry.
        server: Its address in the cluster; empty for `http://NAME.NAMESPACE:PORT`.
        prometheus: Address of the Prometheus that scrapes it.
        patience_h: Hours after which a pipeline stops waiting for a verdict.
    """

    name: str
    image: str
    stable: str
    canary: str
    rollout: str
    plan: RolloutPlan = field(default_factory=RolloutPlan)
    namespace: str = "default"
    port: int = 8080
    project: str = "/project"
    server: str = ""
    prometheus: str = "http://prometheus.monitoring:9090"
    patience_h: int = 24

    @property
    def address(self) -> str:
        """Of the server in the cluster, without a slash at its end."""
        return (self.server or f"http://{self.name}.{self.namespace}:{self.port}").rstrip("/")


@dataclass(frozen=True)
class ExportedFile:
    """One text file, by its name in the export's folder."""

    name: str
    text: str


class Export(Protocol):
    """Writes a deployment down for one system (`serve/exports`)."""

    @property
    def name(self) -> str:
        """Its key in the folder's table."""

    def write(self, deployment: Deployment) -> tuple[ExportedFile, ...]:
        """Its files, a `README.md` among them that says what to do with the others."""
