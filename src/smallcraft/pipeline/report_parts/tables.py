"""Rows of the report's tables about quality, cost and gates, from the records of a build.

Always: every candidate, gate, class and group that was recorded has a row; what needs a look stands first.
Left to others: how a row looks (`pipeline/pages`), where data and digests come from (`provenance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.pipeline.report_parts.task_words import WORDS, task_of_evidence
from smallcraft.pipeline.report_parts.wording import Figure, describe_cost, describe_quality
from smallcraft.pipeline.result import BuildResult, by_gate_and_outcome
from smallcraft.records import (
    CandidateStatus,
    CheckResult,
    Decision,
    Evidence,
    Finding,
    Outcome,
    Task,
    Verdict,
)

SHOWN_FINDINGS = 5
MEASURED_STANDINGS = frozenset({"chosen", "tied", "lost"})
CLASS_SCORES = ("f1", "recall", "precision")
CANDIDATE_COSTS = (
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "cpu_s_per_1000",
    "size_mb",
    "peak_rss_mb",
    "train_cpu_s",
)


@dataclass(frozen=True)
class CandidateRow:
    """One rung that was tried.

    Attributes:
        rung: Its name.
        standing: `chosen`, `tied`, `lost`, `skipped`, `stopped` or `crashed`.
        reason: Why it is not the winner; empty for the winner.
        quality: The declared metric on dev.
        scores: Those of the task that stand beside the declared metric, on dev.
        costs: `CANDIDATE_COSTS`.
    """

    rung: str
    standing: str
    reason: str
    quality: Figure
    scores: tuple[Figure, ...]
    costs: tuple[Figure, ...]

    @property
    def is_measured(self) -> bool:
        """False for a rung that was skipped or crashed."""
        return self.standing in MEASURED_STANDINGS


@dataclass(frozen=True)
class ClassRow:
    """One class on dev; `rows` is how many rows carry its label, None when that is not recorded."""

    name: str
    f1: Figure
    recall: Figure
    precision: Figure
    rows: int | None


@dataclass(frozen=True)
class GroupRow:
    """One value of a group column on dev."""

    column: str
    value: str
    score: Figure
    rows: int


@dataclass(frozen=True)
class MethodRow:
    """One measurement with how it was made."""

    name: str
    unit: str
    figure: Figure
    n: int
    method: str
    detail: str


@dataclass(frozen=True)
class CheckRow:
    """One check of the data; `more` findings are not shown."""

    result: CheckResult
    shown: tuple[Finding, ...]
    more: int


def standing(evidence: Evidence, decision: Decision) -> str:
    """How a candidate ended: `chosen`, `tied`, `lost`, `skipped`, `stopped` or `crashed`."""
    if evidence.status is not CandidateStatus.MEASURED:
        return evidence.status.value
    if evidence.rung == decision.chosen:
        return "chosen"
    return "tied" if evidence.rung in decision.tied else "lost"


def find_winner(candidates: Sequence[Evidence], decision: Decision) -> Evidence | None:
    """The chosen candidate as it was measured on dev."""
    return next((evidence for evidence in candidates if evidence.rung == decision.chosen), None)


def extra_scores(metric: str, task: Task = "multiclass") -> tuple[str, ...]:
    """The scores that stand beside the declared metric."""
    return tuple(name for name in WORDS[task].beside if name != metric)


def candidate_rows(result: BuildResult) -> tuple[CandidateRow, ...]:
    """Every rung tried, in the ladder's order."""
    metric = result.decision.metric
    beside = extra_scores(metric, task_of_evidence(result.candidates))
    return tuple(
        CandidateRow(
            rung=evidence.rung,
            standing=standing(evidence, result.decision),
            reason=evidence.reason or result.decision.lost.get(evidence.rung, ""),
            quality=describe_quality(evidence.find(metric, split="dev")),
            scores=tuple(describe_quality(evidence.find(name, split="dev")) for name in beside),
            costs=tuple(describe_cost(evidence.find(name)) for name in CANDIDATE_COSTS),
        )
        for evidence in result.candidates
    )


@dataclass(frozen=True)
class GateRows:
    """Verdicts; of a gate over many slices the first few stand open, the others are folded away."""

    opened: tuple[Verdict, ...]
    folded: tuple[Verdict, ...]


def gate_rows(verdicts: Sequence[Verdict]) -> GateRows:
    """What blocks first, then what is not settled, then what passed; otherwise in the order of judging."""
    ordered = sorted(verdicts, key=lambda verdict: (not verdict.blocks, verdict.outcome is Outcome.PASS))
    parts = by_gate_and_outcome(ordered)
    return GateRows(
        tuple(verdict for shown, _ in parts for verdict in shown),
        tuple(verdict for _, rest in parts for verdict in rest),
    )


def class_rows(evidence: Evidence) -> tuple[ClassRow, ...]:
    """Every class measured on dev, lowest F1 first, those without an F1 last."""
    found: dict[str, dict[str, Figure]] = {}
    rows: dict[str, int] = {}
    order: dict[str, float] = {}
    for measurement in evidence.measurements:
        kind, _, name = measurement.slice.partition("=")
        if kind != "class" or measurement.split != "dev" or measurement.name not in CLASS_SCORES:
            continue
        found.setdefault(name, {})[measurement.name] = describe_quality(measurement)
        if measurement.name == "recall":
            rows[name] = measurement.n
        if measurement.name == "f1" and measurement.value is not None:
            order[name] = measurement.value
    names = sorted(found, key=lambda name: (order.get(name, 2.0), name))
    missing = describe_quality(None)
    return tuple(
        ClassRow(
            name,
            f1=found[name].get("f1", missing),
            recall=found[name].get("recall", missing),
            precision=found[name].get("precision", missing),
            rows=rows.get(name),
        )
        for name in names
    )


def group_rows(evidence: Evidence) -> tuple[GroupRow, ...]:
    """Every group measured on dev, column by column, the worst first."""
    words = WORDS[task_of_evidence([evidence])]
    sign = 1 if words.is_lowest_worst else -1
    measured = [
        (measurement, *measurement.slice.partition("=")[::2])
        for measurement in evidence.measurements
        if measurement.name == words.group_score and measurement.split == "dev" and measurement.slice != "all"
    ]
    columns = list(dict.fromkeys(column for _, column, _ in measured))
    measured.sort(
        key=lambda entry: (
            columns.index(entry[1]),
            entry[0].value is None,
            sign * (entry[0].value or 0.0),
        )
    )
    return tuple(
        GroupRow(column, value, describe_quality(measurement), measurement.n)
        for measurement, column, value in measured
    )


def cost_rows(evidence: Evidence) -> tuple[MethodRow, ...]:
    """Every measurement that belongs to no split, with its method."""
    return tuple(
        MethodRow(m.name, m.unit, describe_cost(m), m.n, m.method, m.detail)
        for m in evidence.measurements
        if m.split is None
    )


def cert_rows(result: BuildResult) -> tuple[MethodRow, ...]:
    """What the sealed test set said."""
    return tuple(
        MethodRow(m.name, m.unit, describe_quality(m), m.n, m.method, m.detail)
        for m in result.cert.measurements
    )


@dataclass(frozen=True)
class CheckRows:
    """Checks that need a look, FAIL first, and those that passed."""

    opened: tuple[CheckRow, ...]
    passed: tuple[CheckRow, ...]


def check_rows(checks: Sequence[CheckResult]) -> CheckRows:
    """Every check, FAIL first, with the findings that it put first itself."""
    order = (Outcome.FAIL, Outcome.UNDECIDED, Outcome.PASS)
    rows = [
        CheckRow(check, check.findings[:SHOWN_FINDINGS], max(0, len(check.findings) - SHOWN_FINDINGS))
        for check in sorted(checks, key=lambda check: order.index(check.outcome))
    ]
    return CheckRows(
        tuple(row for row in rows if row.result.outcome is not Outcome.PASS),
        tuple(row for row in rows if row.result.outcome is Outcome.PASS),
    )
