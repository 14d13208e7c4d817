"""How good the model is: the declared metric, every score with its interval, classes, groups, audits, gates.

Leaves to others: what it costs (`sections.costs`), arranging measurements (`papers.measured`).
"""

from __future__ import annotations

from smallcraft.registry.memory.evidence import Facts, list_of, map_of
from smallcraft.registry.papers.facts import (
    BY_BUILD,
    bullet,
    interval_of,
    measurement_row,
    missing,
    said,
    value_of,
)
from smallcraft.registry.papers.markdown import cut_table, escape, listing, show, table
from smallcraft.registry.papers.measured import (
    GROUPS_UNSAID,
    ClassScores,
    classes_of,
    groups_of,
    methods_of,
    scores_of,
)

MEASUREMENT_HEADER = ("measurement", "split", "slice", "value", "interval", "unit", "n", "method")
_SHOWN_CLASSES = 20
_SHOWN_GROUPS = 40
_SHOWN_VERDICTS = 40
_SHOWN_FINDINGS = 3
_IN_FACTS = "are in the release's facts"


def metrics(facts: Facts) -> list[str]:
    """What was declared before anything was looked at, and how uncertainty was measured."""
    plan = map_of(facts, "plan")
    questions = (
        f"{show(plan.get('questions'))} questions of pass or not shown, {show(plan.get('passes'))} may pass"
    )
    decoder = map_of(map_of(facts, "bundle"), "decoder")
    return [
        bullet("metric, declared beforehand", said(facts, "metric", "the metric", BY_BUILD)),
        bullet("non-inferiority margin", said(facts, "margin", "the margin", BY_BUILD)),
        bullet("floor", show(facts["floor"]) if facts.get("floor") is not None else "none declared"),
        bullet("confidence", said(facts, "confidence", "the confidence", BY_BUILD)),
        *([bullet("pre-registration", show(facts["preregistration"]))] if "preregistration" in facts else []),
        *([bullet("plan for the sealed test set", questions)] if plan else []),
        *([bullet("probabilities and thresholds", _decoding(decoder))] if decoder else []),
        *_methods(facts),
    ]


def _decoding(decoder: Facts) -> str:
    threshold = decoder.get("threshold")
    scale = show(decoder.get("scale"))
    told = f"logits times {scale}, fitted to be calibrated; {_answered(map_of(decoder, 'decision'))}"
    if isinstance(threshold, int | float) and threshold > 0:
        told += f"; where its probability is below {show(threshold)}, the next stage is asked"
    return told


def _answered(decision: Facts) -> str:
    """What is said of a row; without a record, the most probable class."""
    kind, promise = decision.get("kind"), map_of(decision, "promise")
    if kind in (None, "argmax"):
        return "the most probable class is given"
    told = f"answers are decided by '{show(kind)}'"
    if coverage := decision.get("coverage"):
        told += f", which holds the truth for {show(coverage)} of the rows"
    if promise:
        kept = "shown" if promise.get("is_kept") else "not shown"
        told += f"; at most {show(promise.get('errors_at_most'))} of them wrong, {kept} to hold"
    return told


def _methods(facts: Facts) -> list[str]:
    return [
        bullet(f"interval of {listing(names, most=12)}", show(method))
        for method, names in methods_of(scores_of(facts))
    ]


def quantitative_analyses(facts: Facts) -> list[str]:
    """Scores over all rows, then classes, the worst first, then groups and groups within groups."""
    scores = scores_of(facts)
    if not scores:
        return [missing("measurements of the chosen candidate", BY_BUILD)]
    rows = [measurement_row(measurement) for measurement in scores]
    return [
        "### All rows",
        "",
        *table(MEASUREMENT_HEADER, rows),
        "",
        "### Classes, the worst first",
        "",
        *_class_table(facts),
        "",
        "### Groups, and groups within groups",
        "",
        *_group_table(facts),
    ]


def _class_table(facts: Facts) -> list[str]:
    found = classes_of(facts)
    if not found:
        return ["No class was measured by itself."]
    rows = [_class_row(one) for one in found]
    return cut_table(
        ["class", "rows of dev", "recall", "precision", "f1"],
        rows,
        most=_SHOWN_CLASSES,
        left=f"classes, none worse than these, {_IN_FACTS}",
    )


def _class_row(one: ClassScores) -> list[str]:
    scores = [value_of(one.scores.get(name, {})) for name in ("recall", "precision", "f1")]
    return [escape(one.name), "not counted" if one.rows is None else show(one.rows), *scores]


def _group_table(facts: Facts) -> list[str]:
    found = groups_of(facts)
    if not found:
        return [f"No group was measured: {GROUPS_UNSAID}."]
    rows = [measurement_row(measurement) for measurement in found]
    left = f"measurements of groups {_IN_FACTS}"
    return cut_table(MEASUREMENT_HEADER, rows, most=_SHOWN_GROUPS, left=left)


def audits(facts: Facts) -> list[str]:
    """What each audit found, in a sentence, and the first rows and patterns it would show a person."""
    made = list_of(facts, "audits")
    if not made:
        return [missing("audits of whom it fails", "`smallcraft build` makes those of [audits] run")]
    rows = [
        [
            show(audit.get("audit", "unnamed")),
            show(audit.get("summary") or "nothing recorded"),
            _first_findings(audit),
        ]
        for audit in made
    ]
    return table(["audit", "what was found", "to look at first"], rows)


def _first_findings(audit: Facts) -> str:
    told = dict.fromkeys(show(found.get("what")) for found in list_of(audit, "findings"))
    return "; ".join([*told][:_SHOWN_FINDINGS]) or "none"


def verdicts(facts: Facts) -> list[str]:
    """What every gate said, and why."""
    given = list_of(facts, "verdicts")
    if not given:
        return [missing("verdicts of the gates", BY_BUILD)]
    rows = [
        [
            show(v.get("gate", "unnamed")),
            show(v.get("outcome", "not recorded")),
            show(v.get("required", "not recorded")),
            show(v.get("reason") or "none given"),
            show(v["needs"]) if v.get("needs") else "",
        ]
        for v in sorted(given, key=_urgency)
    ]
    header = ["gate", "outcome", "required", "reason", "what would settle it"]
    return cut_table(header, rows, most=_SHOWN_VERDICTS, left=f"verdicts {_IN_FACTS}")


def _urgency(verdict: Facts) -> int:
    order = ("FAIL", "UNDECIDED", "PASS")
    outcome = verdict.get("outcome")
    return order.index(str(outcome)) if outcome in order else 0


def quality_of(candidate: Facts, metric: object) -> str:
    """The declared metric on the best-founded split that has it."""
    named = [m for m in list_of(candidate, "measurements") if m.get("name") == metric]
    named = [m for m in named if m.get("slice", "all") == "all"]
    for split in ("cert", "dev"):
        for measurement in named:
            if measurement.get("split") == split:
                interval = interval_of(measurement)
                return f"{show(measurement.get('value'))} ({split}{interval and ', '}{interval})"
    return "not measured"
