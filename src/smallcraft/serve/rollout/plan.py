"""What a rollout may do and what it must show: fixed before it starts and stored with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """How much of the evidence against a release each guardrail may bring; they add up to 1."""

    errors: float = 0.4
    latency: float = 0.35
    drift: float = 0.15
    router_health: float = 0.1


@dataclass(frozen=True)
class RolloutPlan:
    """The declared settings.

    Attributes:
        stages: Shares of traffic for the new release, rising, each in (0, 1).
        wrong_rollback: Chance of rolling back a release that is no worse, at most; alpha.
        mature_requests: Canary requests that each stage must have seen before the next.
        dwell_s: Seconds that each stage holds at least.
        hold_back: Share that stays on the old release while the new one is watched.
        watch_requests: Canary requests of WATCH before DONE.
        shadow_requests: Requests compared in SHADOW before the first stage.
        baseline_requests: Answers of the old release before the first stage, from which latency and
            confidence are frozen.
        error_margin: The new release's error rate may be this many times the old one's; r0, 1 for none.
        latency_margin: Its latency may be longer by this share; m. Whole bins are compared, so it is rounded
            up to a power of `LATENCY_RATIO`.
        latency_floor_s: Below this every latency is as good as any other; an idle process on a shared
            machine is a few milliseconds late at times, whatever it runs.
        non_inferior_errors: Promotion needs the error rate shown to be below this many times the old one's.
        non_inferior_latency: ... and latency longer by less than this share; rounded down.
        tolerated_errors: A lower error rate than this is non-inferior, whatever the old one's.
        drift_margin: A class may become this many times as frequent, or as rare; rows may escalate this many
            times as often.
        confidence_margin: Confidence may rise or fall by this much.
        non_inferior_drift: Promotion needs shares of classes, of disagreement and of escalation shown to be
            within this many times what they should be.
        disagreement: Share of rows on which the releases may disagree; None for what the release declares.
        escalation: Share of rows that may escalate; None for what the release declares.
        mismatch: Chance of freezing for a sample-ratio mismatch where there is none.
        advance_below: Evidence (an e-value) at or above this holds the rollout where it is; a mismatch at or
            above it means that no evidence is believed for now.
        shown: An e-value that counts as shown, for non-inferiority.
        weights: Of the guardrails.
    """

    stages: tuple[float, ...] = (0.05, 0.10, 0.25, 0.50)
    wrong_rollback: float = 0.05
    mature_requests: tuple[int, ...] = (300, 600, 1500, 3000)
    dwell_s: float = 30.0
    hold_back: float = 0.05
    watch_requests: int = 3000
    shadow_requests: int = 100
    baseline_requests: int = 1000
    error_margin: float = 1.0
    latency_margin: float = 0.05
    latency_floor_s: float = 0.005
    non_inferior_errors: float = 2.0
    non_inferior_latency: float = 0.5
    tolerated_errors: float = 0.002
    drift_margin: float = 1.25
    confidence_margin: float = 0.1
    non_inferior_drift: float = 2.0
    disagreement: float | None = None
    escalation: float | None = None
    mismatch: float = 0.001
    advance_below: float = 5.0
    shown: float = 20.0
    weights: Weights = Weights()
