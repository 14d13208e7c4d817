"""What a build ends with, and its stable form for scripts (`build --json`; schema in `docs/schemas`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from smallcraft.evaluate.by_task import BY_TASK
from smallcraft.evaluate.choice.superiority import SuperiorityClaim
from smallcraft.pipeline.quality_report import QualityReport
from smallcraft.pipeline.stages.weigh import Weighed
from smallcraft.records import AuditResult, Decision, Evidence, Measurement, Outcome, Release, Verdict

_COSTS = ("mean_ms", "p50_ms", "p95_ms", "p99_ms", "size_mb", "cpu_s_per_1000", "peak_rss_mb", "train_cpu_s")
_QUALITIES = frozenset(name for task in BY_TASK.values() for name in task.names)


@dataclass(frozen=True)
class PlanAnswer:
    """What a pass/fail look told: whether the floor is shown to be met, and nothing else.

    Attributes:
        metric: The project's.
        asked: What was to be shown, such as `macro_f1 at least 0.9`.
        passed: Whether it is shown.
        question: Its number in the plan, from 1.
        questions: How many the plan allows.
        passes: How many of them may pass.
    """

    metric: str
    asked: str
    passed: bool
    question: int
    questions: int
    passes: int

    @property
    def place(self) -> str:
        """Where in the plan it was asked."""
        return f"question {self.question} of {self.questions}"

    @property
    def sentence(self) -> str:
        """The whole in words."""
        told = "PASS" if self.passed else "not shown"
        return f"cert said only whether {self.asked} is shown: {told}; {self.place}"


@dataclass(frozen=True)
class CertAnswer:
    """What the sealed test set said of the winner.

    Attributes:
        rows: Its size.
        bound: How far any of its answers may be from the truth, given all that was asked; None when nothing
            was answered.
        bits: Bits of it revealed so far.
        queries: Answers given so far.
        is_repeated: True when the answer came from the ledger and cost nothing.
        measurements: Scores and slices of the winner.
        ledger_head: Digest of the ledger's last entry right after the look; kept with a release, it shows
            whether entries were cut off or rewritten since. None when nothing was answered.
        wear: A sentence where its answers have become too coarse, or what is left of a plan; may be empty.
        registrations: Pre-registrations under which these rows were asked.
        clock: A sentence for each entry of the ledger that is dated before an earlier one.
        plan: What was told where cert says only PASS or not; None where it tells scores.
    """

    rows: int
    bound: float | None
    bits: float
    queries: int
    is_repeated: bool
    measurements: tuple[Measurement, ...]
    ledger_head: str | None = None
    wear: str = ""
    registrations: int = 1
    clock: tuple[str, ...] = ()
    plan: PlanAnswer | None = None


@dataclass(frozen=True)
class BuildResult:
    """Everything a build found out.

    Attributes:
        name: The project's.
        outcome: FAIL or UNDECIDED when a gate blocks, else PASS.
        release: The registry entry; None when a gate blocks.
        decision: Who won on dev, and why the others lost.
        candidates: Evidence of every rung tried, on dev.
        released: Evidence of the bundle that is released (the winner, refitted on train and dev).
        verdicts: What every gate said.
        cert: What the sealed test set said.
        bundle: Directory of the bundle that is released.
        report: The page.
        quality: What was found about the data; None where it was not looked at.
        audits: What was found about the winner, as it was measured on dev.
        weighed: What the choice rests on.
    """

    name: str
    outcome: Outcome
    release: Release | None
    decision: Decision
    candidates: tuple[Evidence, ...]
    released: Evidence
    verdicts: tuple[Verdict, ...]
    cert: CertAnswer
    bundle: Path
    report: Path
    quality: QualityReport | None = None
    audits: tuple[AuditResult, ...] = ()
    weighed: Weighed = field(default_factory=Weighed)

    def as_json(self) -> Mapping[str, Any]:
        """The stable form."""
        return {
            "release": self.release.label if self.release else None,
            "outcome": self.outcome.value,
            "chosen": self.decision.chosen,
            "sentence": self.decision.sentence,
            "bundle": str(self.bundle),
            "report": str(self.report),
            "data_quality_index": None if self.quality is None else self.quality.index.value,
            "candidates": [candidate_json(evidence) for evidence in self.candidates],
            "released": candidate_json(self.released),
            "verdicts": [verdict_json(verdict) for verdict in self.verdicts],
            "pareto": pareto_json(self.weighed),
            "claims": [claim_json(claim) for claim in self.weighed.claims],
            "ablations": [ablation_json(part) for part in self.weighed.ablations],
            "audits": [audit_json(result) for result in self.audits],
            "cert": cert_json(self.cert),
        }


def cert_json(cert: CertAnswer) -> Mapping[str, Any]:
    """The sealed set's answer, what it cost, and how far it can be trusted."""
    plan = cert.plan
    return {
        "rows": cert.rows,
        "bound": cert.bound,
        "bits": cert.bits,
        "queries": cert.queries,
        "repeated": cert.is_repeated,
        "wear": cert.wear,
        "registrations": cert.registrations,
        "clock": list(cert.clock),
        "plan": None if plan is None else {**asdict(plan), "sentence": plan.sentence},
        "scores": scores_json(cert.measurements),
    }


def ledger_notes(cert: CertAnswer) -> tuple[str, ...]:
    """What a reader of cert's answer should know of the looks before it: wear, changed minds, clocks."""
    changed = (
        f"asked under {cert.registrations} pre-registrations: what was declared was changed after a look"
        if cert.registrations > 1
        else ""
    )
    return tuple(note for note in (cert.wear, changed, *cert.clock) if note)


def candidate_json(evidence: Evidence) -> Mapping[str, Any]:
    """One candidate: scores over all rows, and costs as plain numbers."""
    costs = {measurement.name: measurement.value for measurement in evidence.measurements}
    return {
        "rung": evidence.rung,
        "status": evidence.status.value,
        "reason": evidence.reason,
        "digest": evidence.candidate,
        "scores": scores_json(evidence.measurements),
        "cost": {**{name: costs.get(name) for name in _COSTS}, "energy": energy_json(evidence)},
    }


def energy_json(evidence: Evidence) -> Mapping[str, Any] | None:
    """Joules of 1,000 answers: a value where a counter gave one, else bounds that are an estimate.

    `method` opens with `measured:` or `estimated:`; an estimate has no value. None where nothing is known.
    """
    found = evidence.find("energy_j_per_1000")
    if found is None or found.high is None:
        return None
    return {
        "j_per_1000": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "method": found.method,
        "detail": found.detail,
    }


def scores_json(measurements: tuple[Measurement, ...]) -> Mapping[str, Any]:
    """Scores over all rows by name."""
    return {
        m.name: {
            "value": m.value,
            "low": m.low,
            "high": m.high,
            "n": m.n,
            "split": m.split,
            "method": m.method,
        }
        for m in measurements
        if m.slice == "all" and m.name in _QUALITIES
    }


def pareto_json(weighed: Weighed) -> Mapping[str, Any] | None:
    """Who is on the front, and by whom the others are beaten on every axis."""
    front = weighed.front
    if front is None:
        return None
    return {
        "front": list(front.front),
        "dominated": {rung: list(by) for rung, by in front.dominated.items()},
        "axes": list(front.axes),
        "sentence": front.sentence,
    }


def claim_json(claim: SuperiorityClaim) -> Mapping[str, Any]:
    """Whether the winner is shown to be better than another candidate."""
    return {
        "over": claim.over,
        "value": claim.difference.value,
        "low": claim.difference.interval.low,
        "high": claim.difference.interval.high,
        "p_value": claim.p_value,
        "adjusted": claim.adjusted,
        "is_shown": claim.is_shown,
        "sentence": claim.sentence,
    }


def ablation_json(part: Measurement) -> Mapping[str, Any]:
    """What a part of the winner adds."""
    return {
        "part": part.slice.partition("=")[2],
        "measurement": part.name,
        "value": part.value,
        "low": part.low,
        "high": part.high,
        "sentence": part.detail,
    }


def audit_json(result: AuditResult) -> Mapping[str, Any]:
    """One audit: its sentence, every measurement with its slice, every finding."""
    return {
        "audit": result.audit,
        "summary": result.summary,
        "measurements": [
            {
                "name": m.name,
                "slice": m.slice,
                "value": m.value,
                "low": m.low,
                "high": m.high,
                "unit": m.unit,
                "n": m.n,
                "method": m.method,
                "detail": m.detail,
            }
            for m in result.measurements
        ],
        "findings": [
            {"what": f.what, "split": f.split, "row": f.row, "kind": f.kind} for f in result.findings
        ],
    }


def verdict_json(verdict: Verdict) -> Mapping[str, Any]:
    """One gate's word."""
    return {
        "gate": verdict.gate,
        "measurement": verdict.measurement,
        "slice": verdict.slice,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "needs": verdict.needs,
        "required": verdict.required,
    }


def by_gate_and_outcome(
    verdicts: Sequence[Verdict], *, most: int = 5
) -> tuple[tuple[tuple[Verdict, ...], tuple[Verdict, ...]], ...]:
    """Verdicts of one gate that say the same, as those to show and the others.

    Args:
        verdicts: In any order; the order in which gates first appear is kept.
        most: A gate over more slices than this shows so many of FAIL and of UNDECIDED, and one PASS.
    """
    found: dict[tuple[str, Outcome], list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault((verdict.gate, verdict.outcome), []).append(verdict)
    parts = []
    for (_, outcome), alike in found.items():
        shown = 1 if outcome is Outcome.PASS and len(alike) > most else most
        parts.append((tuple(alike[:shown]), tuple(alike[shown:])))
    return tuple(parts)


def overall_outcome(verdicts: tuple[Verdict, ...]) -> Outcome:
    """FAIL when any gate failed, UNDECIDED when a required one is, else PASS."""
    blocking = {verdict.outcome for verdict in verdicts if verdict.blocks}
    if Outcome.FAIL in blocking:
        return Outcome.FAIL
    return Outcome.UNDECIDED if blocking else Outcome.PASS
