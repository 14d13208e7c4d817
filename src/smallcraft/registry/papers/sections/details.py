"""What the model is, what it is for, and what a person has to know before using it.

Leaves to others: numbers (`sections.quality`), where the data came from (`sections.data`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from smallcraft.registry.memory.evidence import Facts, list_of, map_of
from smallcraft.registry.papers.facts import (
    BY_BUILD,
    bullet,
    carded,
    is_number,
    missing,
    said,
    text_of,
    texts_of,
)
from smallcraft.registry.papers.markdown import escape, listing, one_line, show
from smallcraft.registry.papers.measured import (
    GROUPS_UNSAID,
    audit_of,
    check_of,
    classes_of,
    costs_of,
    group_columns,
    intersections,
)

_MOST_CLASSES = 30
_MOST_SLICES = 10
_WORST_CLASSES = 3
_OF_PEOPLE: Mapping[str, str] = {
    "fairness": "groups",
    "counterfactual": "words of identity",
    "identity_words": "words of identity in the data",
    "privacy": "what it remembers of single rows",
}


def model_details(facts: Facts) -> list[str]:
    """Who, what and when."""
    task = map_of(facts, "task")
    return [
        bullet("name", said(facts, "name", "the model's name", BY_BUILD)),
        bullet("version", said(facts, "version", "the version", "publishing gives it")),
        bullet("date", said(facts, "created", "the date", "publishing gives it")),
        bullet("kind of model", said(facts, "chosen", "the chosen candidate", BY_BUILD) + _parts(facts)),
        bullet("task", said(task, "kind", "the task", BY_BUILD)),
        bullet("classes", _class_names(task)),
        bullet("text column", show(task["text"]) if task.get("text") else "none"),
        bullet("feature columns", show(task["features"]) if task.get("features") else "none"),
        *_sizes(facts),
        bullet("owner", carded(facts, "owner")),
        bullet("contact", carded(facts, "contact")),
        bullet("license", carded(facts, "license")),
        bullet("language", carded(facts, "language")),
        bullet("made with", f"smallcraft {text_of(facts, 'smallcraft_version', '(not recorded)')}"),
    ]


def _class_names(task: Facts) -> str:
    if task.get("target"):
        return f"none: the answer is a number, {show(task['target'])}"
    names = task.get("classes")
    if not isinstance(names, list | tuple) or not names:
        return said(task, "classes", "the classes", BY_BUILD)
    return f"{len(names):,}: {listing(names, most=_MOST_CLASSES)}"


def _parts(facts: Facts) -> str:
    stages = texts_of(map_of(facts, "bundle"), "stages")
    return f", asked in turn: {escape(', then '.join(stages))}" if len(stages) > 1 else ""


def _sizes(facts: Facts) -> list[str]:
    found = {str(m.get("name")): m.get("value") for m in costs_of(facts)}
    lines = [bullet("learned numbers", show(found["parameters"]))] if found.get("parameters") else []
    return [*lines, bullet("size", f"{show(found['size_mb'])} MB")] if found.get("size_mb") else lines


def intended_use(facts: Facts) -> list[str]:
    """What it is for, and what it is not for."""
    return [
        bullet("intended use", carded(facts, "intended_use")),
        bullet("intended users", carded(facts, "intended_users")),
        bullet("out of scope", carded(facts, "out_of_scope")),
        *_scope(facts),
    ]


def _scope(facts: Facts) -> list[str]:
    summary = audit_of(facts, "scope").get("summary")
    return [bullet("what it does with what is out of scope", show(summary))] if summary else []


def factors(facts: Facts) -> list[str]:
    """For whom and under what conditions it may do better or worse, and which of these were measured."""
    columns, crossed = group_columns(facts), intersections(facts)
    classes = classes_of(facts)
    lines = [
        bullet("relevant factors", carded(facts, "factors")),
        bullet("groups measured", show(columns) if columns else GROUPS_UNSAID),
    ]
    if columns:
        within = listing(crossed, most=_MOST_SLICES) if crossed else "none was measured"
        lines.append(bullet("groups within groups", within))
    lines.append(bullet("classes measured", show(len(classes)) if classes else "no class was measured"))
    conditions = [
        bullet(f"conditions, {name}", show(audit_of(facts, name).get("summary")))
        for name in ("shift", "robustness")
        if audit_of(facts, name)
    ]
    return [*lines, *conditions]


def ethical_considerations(facts: Facts) -> list[str]:
    """What a person said, and what the checks and audits found that bears on it."""
    personal = check_of(facts, "personal_data").get("summary")
    found = [
        bullet(what, show(audit_of(facts, name)["summary"]))
        for name, what in _OF_PEOPLE.items()
        if audit_of(facts, name).get("summary")
    ]
    if not group_columns(facts):
        found.append(bullet("groups", GROUPS_UNSAID))
    return [
        bullet("in words", carded(facts, "ethical_considerations")),
        bullet(
            "personal data",
            show(personal) if personal else missing("a check for it", "`smallcraft check` makes it"),
        ),
        *found,
    ]


def caveats(facts: Facts) -> list[str]:
    """What a person said, what is not settled, and where it is weakest."""
    return [
        bullet("in words", carded(facts, "caveats")),
        *(bullet("not settled", line) for line in _unsettled(facts)),
        *_weakest(facts),
        *(bullet(f"found by the audit of {show(name)}", show(what)) for name, what in _limits(facts)),
        *_wear(facts),
    ]


def _unsettled(facts: Facts) -> list[str]:
    verdicts = [v for v in list_of(facts, "verdicts") if v.get("outcome") == "UNDECIDED"]
    return [
        f"{show(v.get('gate'))}: {show(v.get('needs') or v.get('reason') or 'nothing recorded')}"
        for v in verdicts
    ]


def _weakest(facts: Facts) -> list[str]:
    told = [
        f"{escape(one.name)} (f1 {show(one.scores['f1'].get('value'))}, {show(one.rows)} rows)"
        for one in classes_of(facts)
        if is_number(one.scores.get("f1", {}).get("value"))
    ]
    return [bullet("weakest classes on dev", ", ".join(told[:_WORST_CLASSES]))] if told else []


def _limits(facts: Facts) -> list[tuple[object, object]]:
    """Audits that found something, each in a sentence; those of people stand among the ethical ones."""
    return [
        (audit.get("audit", "unnamed"), audit.get("summary"))
        for audit in list_of(facts, "audits")
        if list_of(audit, "findings") and audit.get("summary") and audit.get("audit") not in _OF_PEOPLE
    ]


def _wear(facts: Facts) -> list[str]:
    wear = map_of(facts, "cert").get("wear")
    return [bullet("the sealed test set is coarse", show(wear))] if wear else []


def how_to_use(facts: Facts) -> list[str]:
    """Lines to copy."""
    reference = reference_of(facts)
    shell_name = shlex.quote(reference)
    task = map_of(facts, "task")
    rows = '["..."]' if task.get("text") else "frame"
    answer, probabilities = _ANSWERS.get(str(task.get("kind")), _ANSWERS["classification"])
    return [
        "```python",
        "from smallcraft.api import load",
        "",
        f"predictor = load({json.dumps(reference, ensure_ascii=False)})",
        f"predictor.predict({rows})        # {answer}",
        f"predictor.predict_proba({rows})  # {probabilities}",
        "```",
        "",
        "```sh",
        f"smallcraft predict --release {shell_name} --input rows.csv --output answers.csv",
        f"smallcraft show {shell_name}  # what was measured, decided and why",
        "smallcraft verify  # every stored byte is what the log says",
        "```",
    ]


_ANSWERS = {
    "classification": ("a label a row", "(rows, classes), in the order of predictor.classes_"),
    "multilabel classification": (
        "a tuple of labels a row",
        "(rows, labels), each on its own, in the order of predictor.classes_",
    ),
    "regression": ("a number a row", "(rows, 1), the same numbers"),
}


def reference_of(facts: Facts) -> str:
    """`helpdesk@3`; the name alone where no version was given yet."""
    name, version = one_line(str(facts.get("name") or "NAME")), facts.get("version")
    return f"{name}@{version}" if is_number(version) else name
