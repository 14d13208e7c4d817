"""The report of a build: one HTML file for the person who must decide; opens offline, reads without scripts.

Decision and gates stand first, then what they rest on. Rows and words come from `report_parts`, charts from
`charts`, the page's layout from `pages`.
Always: equal inputs give equal bytes; whatever a person typed is shown as text, never as markup; the page
loads nothing, and its own policy forbids it to; every chart has its table.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from smallcraft.pipeline.charts import draw_classes, draw_costs, render_svg
from smallcraft.pipeline.report_parts import provenance, tables
from smallcraft.pipeline.report_parts.audit_parts import describe_ablations, describe_audits
from smallcraft.pipeline.report_parts.points import MOST_CLASSES, class_points, cost_points, undrawn_rungs
from smallcraft.pipeline.report_parts.task_words import SCORE_TITLES, WORDS, task_of_evidence
from smallcraft.pipeline.report_parts.wording import (
    Figure,
    counted,
    describe_cost,
    describe_quality,
    printable,
)
from smallcraft.pipeline.result import BuildResult, ledger_notes
from smallcraft.pipeline.templates import page_environment
from smallcraft.records import CheckResult, Outcome

if TYPE_CHECKING:
    from jinja2 import Environment

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
    result: BuildResult, facts: Mapping[str, Any], checks: tuple[CheckResult, ...], *, now: datetime
) -> str:
    """The report as one HTML document.

    Args:
        result: What the build found out.
        facts: What the release records (`stages.record.gather_facts`); a part that is absent is printed as
            not recorded.
        checks: What the checks of the data found.
        now: Printed as the time of the build; has a time zone.

    Returns:
        HTML without any reference to another file or host.
    """
    environment = _environment()
    script = environment.get_template("report.js").render()
    task = task_of_evidence(result.candidates)
    return environment.get_template("report.html.jinja").render(
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
        marks=_MARKS,
        result=result,
        decision=result.decision,
        headline=_headline(result),
        sentence=result.decision.sentence.rstrip(".") + ".",
        figures=_key_figures(result),
        gates=tables.gate_rows(result.verdicts),
        cert_rows=tables.cert_rows(result),
        cert_notes=ledger_notes(result.cert),
        candidates=tables.candidate_rows(result),
        score_titles=[SCORE_TITLES[name] for name in tables.extra_scores(result.decision.metric, task)],
        task_words=WORDS[task],
        group_title=SCORE_TITLES[WORDS[task].group_score],
        cost_titles=[_COST_TITLES[name] for name in tables.CANDIDATE_COSTS],
        undrawn=", ".join(undrawn_rungs(result)),
        cost_rows=tables.cost_rows(result.released),
        audits=describe_audits(result.audits),
        claims=[claim.sentence for claim in result.weighed.claims],
        pareto=result.weighed.front.sentence if result.weighed.front else None,
        ablations=describe_ablations(result.weighed.ablations),
        checks=tables.check_rows(checks),
        usage=provenance.usage(result, facts),
        digests=provenance.digest_lines(result, facts),
        machine=provenance.machine_lines(facts),
        version=facts.get("smallcraft_version"),
        now=now.astimezone(UTC),
        **_winner_parts(result),
        **_data_parts(facts),
        most_classes=MOST_CLASSES,
    )


def _winner_parts(result: BuildResult) -> Mapping[str, Any]:
    """What is known of the winner class by class and group by group, and both charts."""
    winner = tables.find_winner(result)
    return {
        "classes": tables.class_rows(winner) if winner else (),
        "groups": tables.group_rows(winner) if winner else (),
        "cost_picture": _cost_picture(result),
        "class_picture": _class_picture(result),
    }


def _data_parts(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "data_lines": provenance.data_lines(facts),
        "data_notes": provenance.data_notes(facts),
        "split_rows": provenance.split_rows(facts),
    }


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


def _cost_picture(result: BuildResult) -> Picture | None:
    points = cost_points(result)
    if not points:
        return None
    metric = result.decision.metric
    words = "; ".join(f"{point.rung} {point.quality:.3f} at {point.cost:.3g} s" for point in points)
    alt = f"{metric} on dev against CPU-seconds per 1,000 predictions: {words}"
    return Picture(
        render_svg(draw_costs(points, metric=metric), alt=alt),
        f"Each candidate's {metric} on dev, with its interval, against what 1,000 predictions cost. Tied: "
        "shown to be within the margin of the best; the cheapest of the best and these is chosen.",
    )


def _class_picture(result: BuildResult) -> Picture | None:
    winner = tables.find_winner(result)
    points = class_points(winner) if winner else ()
    if not points:
        return None
    worst = f"lowest {points[0].name} at {points[0].f1:.3f}"
    alt = f"F1 on dev of {counted(len(points), 'class')}, lowest first; {worst}"
    shown = "Every class" if len(points) < MOST_CLASSES else f"The {MOST_CLASSES} classes with the lowest F1"
    return Picture(render_svg(draw_classes(points), alt=alt), f"{shown}, with intervals.")


@cache
def _environment() -> Environment:
    return page_environment(printable)
