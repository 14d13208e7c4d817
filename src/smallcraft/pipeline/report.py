"""The report of a build: one HTML file for the person who must decide; opens offline, reads without scripts.

Decision and gates stand first, then what they rest on. Rows and words come from `report_parts`, charts from
`charts`, the page's layout from `pages`.
Always: equal inputs give equal bytes; whatever a person typed is shown as text, never as markup; the page
loads nothing, and its own policy forbids it to; every chart has its table.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from smallcraft.pipeline.charts import render_svg
from smallcraft.pipeline.pictures import Drawing, class_drawing, cost_drawing, reliability_drawing
from smallcraft.pipeline.report_parts import provenance, tables
from smallcraft.pipeline.report_parts.audit_parts import describe_ablations, describe_audits
from smallcraft.pipeline.report_parts.dev_rows import DevRows
from smallcraft.pipeline.report_parts.figures import words
from smallcraft.pipeline.report_parts.mix_ups import describe_mix_ups
from smallcraft.pipeline.report_parts.moved import Movement, describe_movement
from smallcraft.pipeline.report_parts.next_steps import describe_next
from smallcraft.pipeline.report_parts.points import undrawn_rungs
from smallcraft.pipeline.report_parts.quoting import pieces
from smallcraft.pipeline.report_parts.reliability import Reliability, describe_reliability
from smallcraft.pipeline.report_parts.task_words import SCORE_TITLES, WORDS, task_of_evidence
from smallcraft.pipeline.report_parts.wording import (
    Figure,
    counted,
    describe_cost,
    describe_quality,
    printable,
)
from smallcraft.pipeline.report_parts.worst_parts import describe_worst
from smallcraft.pipeline.result import BuildResult, ledger_notes
from smallcraft.pipeline.templates import page_environment
from smallcraft.records import CheckResult, Outcome, Predictions, Verdict

if TYPE_CHECKING:
    from jinja2 import Environment

_OPEN_PAIRS = 4
_OPEN_WORST = 6
_MARKS = {Outcome.PASS: "✓", Outcome.FAIL: "✕", Outcome.UNDECIDED: "?"}
_COST_TITLES = {
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "cpu_s_per_1000": "CPU-s per 1,000",
    "size_mb": "MB on disk",
    "peak_rss_mb": "peak MB in memory",
    "train_cpu_s": "training CPU-s",
}
_KEY_COSTS = {
    "p95_ms": "p95 latency, ms",
    "cpu_s_per_1000": "CPU-seconds per 1,000",
    "size_mb": "MB on disk",
}


@dataclass(frozen=True)
class Picture:
    """A chart as it stands in the page."""

    svg: str
    caption: str


def render_report(
    result: BuildResult,
    facts: Mapping[str, Any],
    checks: tuple[CheckResult, ...],
    *,
    seen: DevRows | None = None,
    movement: Movement | None = None,
    now: datetime,
) -> str:
    """The report as one HTML document.

    Args:
        result: What the build found out.
        facts: What the release records (`stages.record.gather_facts`); a part that is absent is printed as
            not recorded.
        checks: What the checks of the data found.
        seen: The winner's answers on dev beside the rows; without them there are no examples.
        movement: What moved since the release before; None where nothing was released before or now.
        now: Printed as the time of the build; has a time zone.

    Returns:
        HTML without any reference to another file or host.
    """
    environment = _environment()
    script = environment.get_template("report.js").render()
    return environment.get_template("report.html.jinja").render(
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
        marks=_MARKS,
        open_pairs=_OPEN_PAIRS,
        open_worst=_OPEN_WORST,
        result=result,
        decision=result.decision,
        headline=_headline(result),
        sentence=result.decision.sentence.rstrip(".") + ".",
        figures=_key_figures(result),
        gates=tables.gate_rows(result.verdicts),
        tally=_tally(result.verdicts),
        moved=describe_movement(movement) if movement else None,
        steps=describe_next(result, follows=movement.delta.before if movement else None),
        audits=describe_audits(result.audits),
        usage=provenance.usage(result, facts),
        digests=provenance.digest_lines(result, facts),
        machine=provenance.machine_lines(facts),
        version=facts.get("smallcraft_version"),
        now=now.astimezone(UTC),
        **_cert_parts(result),
        **_choice_parts(result),
        **_winner_parts(result, seen, checks),
        **_data_parts(result, facts, checks),
    )


def _cert_parts(result: BuildResult) -> Mapping[str, Any]:
    """What the sealed test set said, and what its ledger says."""
    return {
        "cert_rows": tables.cert_rows(result),
        "cert_notes": ledger_notes(result.cert),
        "cost_rows": tables.cost_rows(result.released),
    }


def _choice_parts(result: BuildResult) -> Mapping[str, Any]:
    """Who was tried, how each did, and why the winner won."""
    candidates, decision = result.candidates, result.decision
    task = task_of_evidence(candidates)
    front = result.weighed.front
    return {
        "candidates": tables.candidate_rows(result),
        "score_titles": [SCORE_TITLES[name] for name in tables.extra_scores(decision.metric, task)],
        "cost_titles": [_COST_TITLES[name] for name in tables.CANDIDATE_COSTS],
        "cost_picture": _picture(cost_drawing(candidates, decision)),
        "undrawn": ", ".join(undrawn_rungs(candidates, decision)),
        "claims": [claim.sentence for claim in result.weighed.claims],
        "pareto": front.sentence if front else None,
        "ablations": describe_ablations(result.weighed.ablations),
    }


def _winner_parts(
    result: BuildResult, seen: DevRows | None, checks: tuple[CheckResult, ...]
) -> Mapping[str, Any]:
    """What is known of the winner: class by class, group by group, its mistakes and its confidence."""
    winner = tables.find_winner(result.candidates, result.decision)
    task = task_of_evidence(result.candidates)
    reliability = _reliability(seen)
    return {
        "task_words": WORDS[task],
        "group_title": SCORE_TITLES[WORDS[task].group_score],
        "classes": tables.class_rows(winner) if winner else (),
        "groups": tables.group_rows(winner) if winner else (),
        "class_picture": _picture(class_drawing(result.candidates, result.decision)),
        "mix_ups": describe_mix_ups(seen, checks) if seen else None,
        "reliability": reliability,
        "reliability_picture": _picture(reliability_drawing(reliability)),
    }


def _data_parts(
    result: BuildResult, facts: Mapping[str, Any], checks: tuple[CheckResult, ...]
) -> Mapping[str, Any]:
    """Where the rows come from, and what the checks say of them."""
    return {
        "data_lines": provenance.data_lines(facts),
        "data_notes": provenance.data_notes(facts),
        "split_rows": provenance.split_rows(facts),
        "checks": tables.check_rows(checks),
        "worst": describe_worst(result.quality),
    }


def _reliability(seen: DevRows | None) -> Reliability | None:
    """Of one class a row only: several labels or a number have no single confidence."""
    if seen is None or not isinstance(seen.predictions, Predictions):
        return None
    answers = seen.predictions
    return describe_reliability(
        answers.probs.max(axis=1, initial=0.0),
        answers.truth == answers.predicted,
        level=seen.confidence,
        clusters=answers.clusters,
    )


def _picture(drawing: Drawing | None) -> Picture | None:
    return None if drawing is None else Picture(render_svg(drawing.chart, alt=drawing.alt), drawing.caption)


def _tally(verdicts: Sequence[Verdict]) -> str:
    """How many gates say what, in a line."""
    told = Counter(verdict.outcome for verdict in verdicts)
    parts = [f"{told[outcome]} {outcome.value}" for outcome in _MARKS if told[outcome]]
    return ", ".join(parts)


def _headline(result: BuildResult) -> str:
    """The state of affairs in a sentence, before any number."""
    if result.release is not None:
        return f"Released as {result.release.label}: every required gate passed."
    blocking = [verdict.gate for verdict in result.verdicts if verdict.blocks]
    if not blocking:
        return "Nothing was released."
    verb = "blocks" if len(blocking) == 1 else "block"
    return f"Not released: {counted(len(blocking), 'gate')} {verb} it ({', '.join(blocking)})."


def _key_figures(result: BuildResult) -> tuple[tuple[str, Figure], ...]:
    """What ships, in four figures: the metric on cert, and its costs."""
    released = result.released
    return (
        _quality_figure(result),
        *((title, describe_cost(released.find(name))) for name, title in _KEY_COSTS.items()),
    )


def _quality_figure(result: BuildResult) -> tuple[str, Figure]:
    metric, plan = result.decision.metric, result.cert.plan
    if plan is not None:
        told = "shown" if plan.passed else "not shown"
        return f"{plan.asked} on cert", Figure(told, "", is_measured=True, note=plan.sentence)
    on_cert = next((m for m in result.cert.measurements if m.name == metric), None)
    return f"{metric} on cert", describe_quality(on_cert)


@cache
def _environment() -> Environment:
    environment = page_environment(printable)
    environment.filters |= {"pieces": pieces, "words": words}
    return environment
