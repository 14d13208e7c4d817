"""Flagger: MetricTemplates over the server's metrics, and a Canary that waits for the rollout to be done.

Flagger knows checks that pass or fail, and counts the failed ones; there is no third answer. So a check that
fails waits, and only the count ends it: traffic was given back by smallcraft long before.
Source: Flagger 1.4x, `flagger.app/v1beta1`.
"""

from __future__ import annotations

from smallcraft.serve.exports.export import Deployment, ExportedFile
from smallcraft.serve.exports.manifests import Resource, check_deployment, metadata, to_yaml

_INTERVAL_S = 30
_API = "flagger.app/v1beta1"
_EVIDENCE, _DONE = "-e-value", "-done"
_ROLLOUT = 'rollout="{{ variables.rollout }}"'
QUERIES = {
    _EVIDENCE: f'max(smallcraft_rollout_e_value{{{_ROLLOUT}, guardrail="combined"}})',
    _DONE: f'max(smallcraft_rollout_phase{{{_ROLLOUT}, phase="done"}})',
}


class Flagger:
    """The export for Flagger."""

    name = "flagger"

    def write(self, deployment: Deployment) -> tuple[ExportedFile, ...]:
        """`metric-templates.yaml`, `canary.yaml` and how to use them."""
        check_deployment(deployment)
        templates = [_template(deployment, suffix) for suffix in QUERIES]
        return (
            ExportedFile(
                "metric-templates.yaml",
                to_yaml(templates, about=f"What {deployment.prometheus} knows of smallcraft's rollouts."),
            ),
            ExportedFile(
                "canary.yaml",
                to_yaml(
                    [_canary(deployment)],
                    about=f"Pods that begin with {deployment.canary} follow when rollout"
                    f" {deployment.rollout} is done.",
                ),
            ),
            ExportedFile("README.md", _readme(deployment)),
        )


def _template(deployment: Deployment, suffix: str) -> Resource:
    return {
        "apiVersion": _API,
        "kind": "MetricTemplate",
        "metadata": metadata(deployment, suffix=suffix),
        "spec": {
            "provider": {"type": "prometheus", "address": deployment.prometheus},
            "query": QUERIES[suffix],
        },
    }


def _canary(deployment: Deployment) -> Resource:
    return {
        "apiVersion": _API,
        "kind": "Canary",
        "metadata": metadata(deployment),
        "spec": {
            # Blue/green without a mesh: the traffic of customers is split by smallcraft and by nobody else.
            "provider": "kubernetes",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment.name},
            "service": {"port": deployment.port},
            "analysis": {
                "interval": f"{_INTERVAL_S}s",
                "iterations": 1,
                "threshold": deployment.patience_h * 3600 // _INTERVAL_S,
                "metrics": [
                    _check(deployment, _EVIDENCE, {"max": 1.0 / deployment.plan.wrong_rollback}),
                    _check(deployment, _DONE, {"min": 1}),
                ],
            },
        },
    }


def _check(deployment: Deployment, suffix: str, accepted: Resource) -> Resource:
    name = f"{deployment.name}{suffix}"
    return {
        "name": name,
        "templateRef": {"name": name, "namespace": deployment.namespace},
        "templateVariables": {"rollout": deployment.rollout},
        "thresholdRange": accepted,
        "interval": f"{_INTERVAL_S}s",
    }


def _readme(deployment: Deployment) -> str:
    back, alpha = f"{1.0 / deployment.plan.wrong_rollback:g}", f"{deployment.plan.wrong_rollback:g}"
    return f"""# {deployment.name} with Flagger

Traffic between {deployment.stable} and {deployment.canary} is split by the smallcraft server at
{deployment.address}: its routers see both arms, weigh them, and give the traffic back by themselves when the
evidence says so. Flagger moves the Deployment `{deployment.name}`, the pods that begin with
{deployment.canary}, after the rollout is done.

1. `kubectl apply -f metric-templates.yaml -f canary.yaml`
2. `smallcraft rollout start {deployment.canary}` on the server.
3. Set the Deployment's release to {deployment.canary}. Flagger checks every {_INTERVAL_S} s, and promotes it
   at the first check at which rollout {deployment.rollout} is done.

A check fails while the rollout is under way, and after it was rolled back; after {deployment.patience_h} h of
that Flagger gives up and keeps the old pods. `{deployment.name}{_EVIDENCE}` is the evidence against the
release: while it is no worse, {back} is reached with a chance of {alpha} at most, however often one looks.
Do not let Flagger split this server's traffic by weights as well: an arm inside an arm is neither.
"""
