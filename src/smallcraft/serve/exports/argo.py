"""Argo Rollouts: two AnalysisTemplates that ask the server for its verdict.

The one guards: it fails at the evidence at which the release is rolled back, and is inconclusive where the
rollout holds. The other waits: it succeeds only when the rollout is done, never because time went by.
Source: Argo Rollouts 1.8, `argoproj.io/v1alpha1`, web provider; `consecutiveSuccessLimit` since 1.8.
"""

from __future__ import annotations

from smallcraft.serve.exports.export import Deployment, ExportedFile
from smallcraft.serve.exports.manifests import Resource, check_deployment, metadata, to_yaml

_INTERVAL_S = 10
# A server that starts anew is away for this many measurements at most.
_MOST_ERRORS = 30


class Argo:
    """The export for Argo Rollouts."""

    name = "argo"

    def write(self, deployment: Deployment) -> tuple[ExportedFile, ...]:
        """`analysis-templates.yaml` and how to use them."""
        check_deployment(deployment)
        templates = to_yaml(
            [_guard(deployment), _promotion(deployment)],
            about=f"Verdicts of rollouts at {deployment.address}, for Argo Rollouts 1.8 and later.",
        )
        return (
            ExportedFile("analysis-templates.yaml", templates),
            ExportedFile("README.md", _readme(deployment)),
        )


def _guard(deployment: Deployment) -> Resource:
    hold, back = f"{deployment.plan.advance_below:g}", f"{1.0 / deployment.plan.wrong_rollback:g}"
    # Before there is evidence `e_value` is null, which is neither.
    measured = "result.e_value != nil && result.e_value"
    metric = {
        "name": "evidence-against",
        "successCondition": f"{measured} < {hold}",
        "failureCondition": f"{measured} >= {back}",
        "failureLimit": 0,
    }
    return _template(deployment, "-guard", metric)


def _promotion(deployment: Deployment) -> Resource:
    metric = {
        "name": "verdict",
        "successCondition": 'result.outcome == "PASS"',
        "failureCondition": 'result.outcome == "FAIL"',
        "consecutiveSuccessLimit": 1,
        "failureLimit": 0,
    }
    return _template(deployment, "-promotion", metric)


def _template(deployment: Deployment, suffix: str, metric: Resource) -> Resource:
    url = "{{ args.server }}/v2/rollouts/{{ args.rollout }}/verdict"
    asked = {
        "interval": f"{_INTERVAL_S}s",
        # UNDECIDED is waited for; what is left at the end is for a person.
        "inconclusiveLimit": deployment.patience_h * 3600 // _INTERVAL_S,
        "consecutiveErrorLimit": _MOST_ERRORS,
        "provider": {"web": {"url": url, "jsonPath": "{$}", "timeoutSeconds": 5}},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": metadata(deployment, suffix=suffix),
        "spec": {
            "args": [
                {"name": "server", "value": deployment.address},
                {"name": "rollout", "value": deployment.rollout},
            ],
            "metrics": [metric | asked],
        },
    }


def _readme(deployment: Deployment) -> str:
    back, alpha = f"{1.0 / deployment.plan.wrong_rollback:g}", f"{deployment.plan.wrong_rollback:g}"
    return f"""# {deployment.name} in Argo Rollouts

Traffic between {deployment.stable} and {deployment.canary} is split by the smallcraft server at
{deployment.address}: its routers see both arms and weigh them. Argo asks it how that stands, and goes on with
whatever depends on it: the pods that begin with {deployment.canary}, the next region, the next service.

- `{deployment.name}-guard`, in the background: fails when the evidence against the release reaches {back}.
  While it is no worse, that happens with a chance of {alpha} at most, however often one looks. It succeeds
  below {deployment.plan.advance_below:g}, and is inconclusive between, where smallcraft holds.
- `{deployment.name}-promotion`, as a step: succeeds when the rollout is done, fails when it was rolled back.
  After {deployment.patience_h} h of neither it is inconclusive, which pauses the Rollout for a person.

```yaml
spec:
  strategy:
    canary:
      analysis:
        templates:
        - templateName: {deployment.name}-guard
      steps:
      - analysis:
          templates:
          - templateName: {deployment.name}-promotion
```

For another rollout set the argument `rollout`. Where the server asks for a token, add the header
`Authorization` to both templates.
"""
