"""The model card inside a CycloneDX bill of materials: parameters, metrics with intervals, considerations.

Leaves to others: the document around it (`papers.bom`), the card that people read (`papers.model_card`).
Always: a metric stands here with its split and slice; what was not measured is left out, never 0.

Source:
    CycloneDX 1.6 (ECMA-424), `modelCard`.
"""

from __future__ import annotations

from typing import Any

from smallcraft.registry.memory.evidence import Facts, list_of, map_of
from smallcraft.registry.papers.facts import is_number, texts_of
from smallcraft.registry.papers.measured import audit_of, evidence_of
from smallcraft.registry.papers.sections.choice import has_graph

_Json = dict[str, Any]
_OF_PEOPLE = ("fairness", "counterfactual", "privacy")


def model_card(facts: Facts, *, data_ref: str | None) -> _Json:
    """The value of `modelCard`.

    Args:
        facts: As for a model card.
        data_ref: The reference of the data's component in the same document; None where there is none.
    """
    analysis = {"performanceMetrics": [_metric(m) for m in evidence_of(facts) if is_number(m.get("value"))]}
    return _present(
        {
            "modelParameters": _parameters(facts, data_ref),
            "quantitativeAnalysis": _present(analysis),
            "considerations": _considerations(facts),
        }
    )


def _present(document: _Json) -> _Json:
    return {key: value for key, value in document.items() if value not in (None, [], {}, "")}


def _parameters(facts: Facts, data_ref: str | None) -> _Json:
    task = map_of(facts, "task")
    features = task.get("features")
    inputs = ["string"] if task.get("text") else []
    inputs += ["number or category"] * (len(features) if isinstance(features, list | tuple) else 0)
    return _present(
        {
            "approach": {"type": "supervised"},
            "task": str(task.get("kind") or "classification"),
            "architectureFamily": "transformer encoder with linear heads" if has_graph(facts) else None,
            "modelArchitecture": str(facts["chosen"]) if facts.get("chosen") else None,
            "datasets": [{"ref": data_ref}] if data_ref else [],
            "inputs": [{"format": kind} for kind in inputs],
            "outputs": [{"format": "label, and a probability a class"}],
        }
    )


def _metric(measurement: Facts) -> _Json:
    low, high = measurement.get("low"), measurement.get("high")
    interval = {"lowerBound": _number(low), "upperBound": _number(high)}
    return _present(
        {
            "type": _type(measurement),
            "value": _number(measurement.get("value")),
            "slice": _slice(measurement),
            "confidenceInterval": interval if is_number(low) and is_number(high) else None,
        }
    )


def _type(measurement: Facts) -> str:
    """The name; a cost has no split, and its name carries the unit."""
    return str(measurement.get("name") or "unnamed")


def _slice(measurement: Facts) -> str:
    """`split=dev & class=refund`; empty for what belongs to no split."""
    split, part = measurement.get("split"), str(measurement.get("slice") or "all")
    said = [f"split={split}"] if split else []
    return " & ".join([*said, *([part] if part != "all" else [])])


def _number(value: object) -> str:
    """As short as it reads back exactly."""
    return repr(float(value)) if isinstance(value, float) else str(value)


def _considerations(facts: Facts) -> _Json:
    card = map_of(facts, "card")
    return _present(
        {
            "users": _said(card, "intended_users"),
            "useCases": _said(card, "intended_use"),
            "technicalLimitations": _limitations(facts),
            "performanceTradeoffs": [str(facts[key]) for key in ("sentence", "pareto") if facts.get(key)],
            "ethicalConsiderations": _ethical(facts),
            "fairnessAssessments": _fairness(facts),
        }
    )


def _said(card: Facts, key: str) -> list[str]:
    return [str(card[key])] if card.get(key) else []


def _limitations(facts: Facts) -> list[str]:
    """What it is not for, what a person warns of, what is not settled, and what audits found."""
    card, wear = map_of(facts, "card"), map_of(facts, "cert").get("wear")
    unsettled = [
        f"not settled: {v.get('gate')}: {v.get('needs') or v.get('reason')}"
        for v in list_of(facts, "verdicts")
        if v.get("outcome") == "UNDECIDED"
    ]
    found = [
        f"{audit.get('audit')}: {audit['summary']}"
        for audit in list_of(facts, "audits")
        if audit.get("summary") and list_of(audit, "findings") and audit.get("audit") not in _OF_PEOPLE
    ]
    out_of_scope = [f"out of scope: {text}" for text in _said(card, "out_of_scope")]
    limits = texts_of(map_of(facts, "decision_record"), "limits")
    told = [
        *out_of_scope,
        *_said(card, "caveats"),
        *unsettled,
        *found,
        *([str(wear)] if wear else []),
        *limits,
    ]
    return list(dict.fromkeys(told))


def _ethical(facts: Facts) -> list[_Json]:
    card = map_of(facts, "card")
    found = [
        f"{name}: {audit_of(facts, name).get('summary')}" for name in _OF_PEOPLE if audit_of(facts, name)
    ]
    return [{"name": text} for text in (*_said(card, "ethical_considerations"), *found)]


def _fairness(facts: Facts) -> list[_Json]:
    """A group that the audit found to be served worse."""
    found = list_of(audit_of(facts, "fairness"), "findings")
    return [{"groupAtRisk": _group(str(f["what"])), "harms": str(f["what"])} for f in found if f.get("what")]


def _group(what: str) -> str:
    """`region=south` out of `accuracy of region=south is 0.102 below the rest`."""
    named = what.partition(" is ")[0]
    return named.rpartition(" of ")[2] if " of " in named else named
