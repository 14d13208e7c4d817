"""Who stands in the table: this project's plan as it is by default, and the peers' rules.

A peer stands there as its documentation sets it up, and tuned: with the settings that `tuning` found best,
with hindsight, on these very scenarios (`python -m benchmarks.rollouts --tune flagger`).
"""

from __future__ import annotations

from dataclasses import dataclass

from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.simulation.argo import Argo
from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.kayenta import Kayenta
from smallcraft.serve.simulation.ours import Smallcraft
from smallcraft.serve.simulation.rules import Rule
from smallcraft.serve.simulation.simulate import HORIZON_S
from smallcraft.serve.simulation.traffic import Traffic

OURS = "smallcraft"


@dataclass(frozen=True)
class Contestant:
    """A line of the table.

    Attributes:
        rule: Decides.
        settings: In words.
        horizon_s: A rollout that goes on for longer is left as it is.
    """

    rule: Rule
    settings: str
    horizon_s: float = HORIZON_S

    @property
    def name(self) -> str:
        """As the rule has it."""
        return self.rule.name


@dataclass(frozen=True)
class Source:
    """Where a peer's rule was read.

    Attributes:
        peer: Its name.
        repository: On GitHub.
        files: Path to the commit that was read.
    """

    peer: str
    repository: str
    files: tuple[tuple[str, str], ...]


_TRAFFIC = Traffic()
_EVENLY = tuple(percent / 100 for percent in range(5, 55, 5))

CONTESTANTS = (
    Contestant(
        Smallcraft(RolloutPlan(), name=OURS),
        "the default plan: weights 5, 10, 25, 50 %, then 95 % while the old release keeps 5 %; looked at "
        "four times a second, as the controller does",
    ),
    Contestant(
        Flagger("Flagger, Istio guide"),
        "documentation, Istio Canary Deployments: every minute success rate >= 99 % and p99 <= 500 ms, 5 "
        "failed checks roll back, weight 10 to 50 % by 10",
    ),
    Contestant(
        Flagger("Flagger, App Mesh guide", weights=_EVENLY),
        "documentation, App Mesh Canary Deployments: the same checks, weight 5 to 50 % by 5",
    ),
    Contestant(
        Flagger(
            "Flagger, tuned",
            threshold=3,
            weights=_EVENLY,
            least_success=0.98,
            most_p99_s=1.35 * _TRAFFIC.p99_s,
        ),
        "every minute success rate >= 98 % and p99 <= 1.35 times the old release's, 3 failed checks roll "
        "back, weight 5 to 50 % by 5",
    ),
    Contestant(
        Argo("Argo Rollouts, guide"),
        "documentation, Analysis & Progressive Delivery: weights 20, 40, 60, 80 % for ten minutes each, from "
        "the second on every five minutes success rate >= 95 %, a fourth failure aborts",
    ),
    Contestant(
        Argo(
            "Argo Rollouts, tuned",
            tick_s=30.0,
            weights=(0.05, 0.10, 0.25, 0.50),
            pause_s=120.0,
            starts=0,
            least_success=0.975,
            most_p99_s=1.5 * _TRAFFIC.p99_s,
            failure_limit=3,
        ),
        "weights 5, 10, 25, 50 % for two minutes each; every half minute success rate >= 97.5 % and p99 <= "
        "1.5 times the old release's, a fourth failure of one of them aborts",
    ),
    Contestant(
        Kayenta("Kayenta, guide"),
        "Spinnaker's documentation, Best practices for configuring canary: 10 % of the traffic and a "
        "baseline of the same size, a point a minute, three judgements of an hour each, pass 95, marginal 75",
        horizon_s=3 * 3600.0,
    ),
    Contestant(
        Kayenta("Kayenta, tuned", weight=0.25, step_s=5.0, points=50, judgements=2),
        "25 % of the traffic and a baseline of the same size, a point every five seconds, two judgements of "
        "50 points each, pass 95, marginal 75",
    ),
)

SOURCES = (
    Source(
        "Flagger",
        "fluxcd/flagger",
        (
            ("pkg/controller/scheduler.go", "0016895489a8"),
            ("pkg/controller/scheduler_metrics.go", "06d32049c843"),
            ("docs/gitbook/tutorials/istio-progressive-delivery.md", "128c883755d2"),
            ("docs/gitbook/tutorials/appmesh-progressive-delivery.md", "0eaf054e8b70"),
        ),
    ),
    Source(
        "Argo Rollouts",
        "argoproj/argo-rollouts",
        (("analysis/analysis.go", "045c1cf0cd40"), ("docs/features/analysis.md", "010ad554e932")),
    ),
    Source(
        "Kayenta",
        "spinnaker/kayenta",
        (
            ("kayenta-judge/.../NetflixACAJudge.scala", "8a754a1651fb"),
            ("kayenta-judge/.../MannWhitneyClassifier.scala", "5e8bc1a67ff2"),
            ("kayenta-mannwhitney/.../MannWhitney.scala", "bde40ee11ec9"),
        ),
    ),
)
