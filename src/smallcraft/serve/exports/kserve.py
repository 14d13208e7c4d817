"""KServe: an InferenceService whose server splits the traffic itself, and two in which KServe splits it.

The first runs rollouts inside its one pod, so everything of `smallcraft rollout` holds. In the other two
KServe draws an arm a request in front of separate pods: nobody counts both arms, so nobody decides.
Source: KServe 0.21, `serving.kserve.io/v1beta1`; `spec.canary` since 0.20.
"""

from __future__ import annotations

from smallcraft.serve.exports.export import Deployment, ExportedFile
from smallcraft.serve.exports.manifests import (
    STATE_FOLDER,
    Resource,
    check_deployment,
    container,
    metadata,
    number_of,
    percents,
    state_claim,
    state_volume,
    to_yaml,
)

_MODE = "serving.kserve.io/deploymentMode"
# The container that KServe asks has this name.
_CONTAINER = "kserve-container"
_GROUP = 1000


class KServe:
    """The export for KServe."""

    name = "kserve"

    def write(self, deployment: Deployment) -> tuple[ExportedFile, ...]:
        """`inference-service.yaml`, `canary.yaml`, `canary-knative.yaml` and how to choose.

        Of a single release, stable already, the first alone: there is nothing to split.
        """
        check_deployment(deployment)
        inside = ExportedFile(
            "inference-service.yaml",
            to_yaml(
                [state_claim(deployment), _inside(deployment)],
                about=f"One server, which splits traffic itself when a new release comes:\n"
                f"  {_start(deployment)}",
            ),
        )
        if deployment.stable == deployment.canary:
            return (inside, ExportedFile("README.md", _readme_of_one(deployment)))
        first = percents(deployment)[0]
        return (
            inside,
            ExportedFile(
                "canary.yaml",
                to_yaml(
                    [_canary(deployment, first)],
                    about=f"KServe splits (0.20, Standard mode): {first} % for {deployment.canary}.",
                ),
            ),
            ExportedFile(
                "canary-knative.yaml",
                to_yaml(
                    [_knative(deployment, first)],
                    about=f"KServe splits (Knative mode): {first} % for {deployment.canary}, the rest for the"
                    f" revision before,\nwhich has to be {deployment.stable}.",
                ),
            ),
            ExportedFile("README.md", _readme(deployment)),
        )


def _service(deployment: Deployment, mode: str, spec: Resource) -> Resource:
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata(deployment, annotations={_MODE: mode}),
        "spec": spec,
    }


def _inside(deployment: Deployment) -> Resource:
    # One pod: the arms are counted, and decided on, in one place.
    predictor = {
        "minReplicas": 1,
        "maxReplicas": 1,
        "deploymentStrategy": {"type": "Recreate"},
        "containers": [container(deployment, deployment.stable, name=_CONTAINER, has_state=True)],
        "volumes": [state_volume(deployment)],
        # Without it a new disk is root's alone.
        "securityContext": {"fsGroup": _GROUP},
    }
    return _service(deployment, "Standard", {"predictor": predictor})


def _canary(deployment: Deployment, percent: int) -> Resource:
    canary = {
        "name": f"v{number_of(deployment.canary)}",
        "minReplicas": 1,
        "containers": [container(deployment, deployment.canary, name=_CONTAINER)],
    }
    stable = {
        "minReplicas": 1,
        "containers": [container(deployment, deployment.stable, name=_CONTAINER)],
    }
    spec = {"predictor": stable, "canary": [{"trafficPercent": percent, "predictor": canary}]}
    return _service(deployment, "Standard", spec)


def _knative(deployment: Deployment, percent: int) -> Resource:
    predictor = {
        "canaryTrafficPercent": percent,
        "minReplicas": 1,
        "containers": [container(deployment, deployment.canary, name=_CONTAINER)],
    }
    return _service(deployment, "Knative", {"predictor": predictor})


def _address(deployment: Deployment) -> str:
    """Of the service that KServe makes in Standard mode."""
    return deployment.server or f"http://{deployment.name}-predictor.{deployment.namespace}"


def _start(deployment: Deployment) -> str:
    """The command that begins a rollout in the pod."""
    is_single = deployment.stable == deployment.canary
    release = "RELEASE" if is_single else deployment.canary
    where = f"-n {deployment.namespace} deploy/{deployment.name}-predictor"
    told = f"--project {deployment.project} --state {STATE_FOLDER}"
    return f"kubectl exec {where} -- smallcraft rollout start {release} {told}"


def _readme_of_one(deployment: Deployment) -> str:
    return f"""# {deployment.name} on KServe

`kubectl apply -f inference-service.yaml` serves {deployment.stable} at {_address(deployment)}.

A new release is rolled out in the pod, by the evidence of both: put it into the image's registry, then

    {_start(deployment)}

One pod: more routers in it (`--routers`), not more pods beside it.

{_image(deployment)}"""


def _image(deployment: Deployment) -> str:
    return (
        f"The image has to hold smallcraft and, in `{deployment.project}`, the project with its registry.\n"
    )


def _readme(deployment: Deployment) -> str:
    steps = ", ".join(f"{percent} %" for percent in percents(deployment))
    return f"""# {deployment.name} on KServe

Choose one:

- `inference-service.yaml`: smallcraft splits. Apply it, then begin the rollout in its pod:
  `{_start(deployment)}`.
  Keys stay with their arm, the evidence of both arms is weighed together, a worse release is rolled back by
  itself, and `{_address(deployment)}/v2/rollouts/ID/verdict` says how it stands; ID is what the command told.
  One pod: more routers in it, not more pods beside it. When it is done, export again with
  {deployment.canary} as the stable release.
- `canary.yaml`: KServe splits, 0.20 and later in Standard mode. Raise `trafficPercent` by hand ({steps}); to
  promote, name the canary in `spec.predictor.name`; to go back, delete the entry of `spec.canary`.
- `canary-knative.yaml`: the same with the older field, in Knative mode. {deployment.stable} has to be applied
  before it. Raise `canaryTrafficPercent` by hand; to promote, delete the field; to go back, set it to 0.

Where KServe splits, it draws an arm a request, so the same customer meets both releases in turn, and neither
pod sees what the other answers: there is no verdict there, only each pod's own `/metrics`.

{_image(deployment)}"""
