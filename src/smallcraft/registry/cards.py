"""Renders a release's model card: Markdown with Hugging Face front matter, from its facts alone.

Leaves to others: escaping (`registry.markdown`), which facts there are (whoever published them).
Always: equal facts give equal bytes; a fact that is not there is printed as missing, with where to
say it; nothing is guessed.
Not covered: whether what a person wrote under `[card]` is true.

Source:
    Sections of Mitchell et al. (2019), Model Cards for Model Reporting, section 4; front matter of
    the Hugging Face model card with `model-index`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence

from smallcraft.records import Release
from smallcraft.registry.facts import (
    BY_BUILD,
    Facts,
    bullet,
    carded,
    interval_of,
    is_number,
    list_of,
    map_of,
    measurement_row,
    missing,
    said,
    text_of,
)
from smallcraft.registry.markdown import escape, front_matter, one_line, show, table

_SHOWN_FINDINGS = 3
_LICENSE_ID = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def render_release_card(release: Release) -> str:
    """The card of a release as read from the registry, with the version and digest it got there."""
    recorded = {
        "name": release.name,
        "version": release.version,
        "created": release.created,
        "manifest_digest": release.manifest_digest,
    }
    return render_model_card({**release.facts, **recorded})


def render_model_card(facts: Facts) -> str:
    """A model card in Markdown.

    Args:
        facts: `name`, `version`, `created`, `smallcraft_version`, `task`, `chosen`, `sentence`,
            `metric`, `margin`, `confidence`, `candidates`, `verdicts`, `audits`, `ablations`, `data`,
            `checks`, `bundle`, `backbone`, `environment`, `card`, `cert`, `manifest_digest`; each may be
            absent.

    Returns:
        The card, ending in a newline.
    """
    lines = [*front_matter(_front_matter(facts)), "", f"# {text_of(facts, 'name', 'unnamed model')}"]
    lines += ["", said(facts, "sentence", "the decision", BY_BUILD)]
    for title, section in _SECTIONS:
        lines += ["", f"## {title}", "", *section(facts)]
    return "\n".join(lines) + "\n"


def list_missing(facts: Facts) -> tuple[str, ...]:
    """What the card of these facts prints as missing, in the card's order, each once."""
    found = re.findall(r"\*\*missing: (.*?) \(", render_model_card(facts))
    return tuple(dict.fromkeys(found))


def list_unsaid(facts: Facts) -> tuple[str, ...]:
    """What the card of these facts lacks that only a person can say, in the card's order, each once."""
    found = re.findall(r"\*\*missing: (.*?) \(say it in ", render_model_card(facts))
    return tuple(dict.fromkeys(found))


def _front_matter(facts: Facts) -> dict[str, object]:
    kind = "text-classification" if map_of(facts, "task").get("text") else "tabular-classification"
    card = map_of(facts, "card")
    languages = card.get("language") or card.get("languages")
    license_id = str(card.get("license") or "unknown").lower()
    is_plain = _LICENSE_ID.fullmatch(license_id) is not None
    return {
        "license": license_id if is_plain else "other",
        **({} if is_plain else {"license_name": str(card.get("license"))}),
        "language": [languages] if isinstance(languages, str) else languages or [],
        "library_name": "smallcraft",
        "pipeline_tag": kind,
        "tags": ["smallcraft", "on-device", kind, str(facts.get("chosen") or "no-candidate")],
        "model-index": _model_index(facts, kind),
    }


def _model_index(facts: Facts, kind: str) -> list[object]:
    measured = [
        m
        for m in _evidence(facts)
        if m.get("split") and m.get("slice", "all") == "all" and is_number(m.get("value"))
    ]
    source = str(map_of(facts, "data").get("source") or "not stated")
    results = [
        {
            "task": {"type": kind},
            "dataset": {"name": source, "type": "custom", "split": split},
            "metrics": [_index_metric(m) for m in measured if m["split"] == split],
        }
        for split in dict.fromkeys(str(m["split"]) for m in measured)
    ]
    name = str(facts.get("name") or "unnamed model")
    return [{"name": name, "results": results}] if results else []


def _index_metric(measurement: Facts) -> dict[str, object]:
    interval = interval_of(measurement)
    name = str(measurement.get("name"))
    return {
        "type": name,
        "name": f"{name}, {interval}" if interval else name,
        "value": measurement["value"],
    }


def _model_details(facts: Facts) -> list[str]:
    task = map_of(facts, "task")
    return [
        bullet("name", said(facts, "name", "the model's name", BY_BUILD)),
        bullet("version", said(facts, "version", "the version", "publishing gives it")),
        bullet("date", said(facts, "created", "the date", "publishing gives it")),
        bullet("kind of model", said(facts, "chosen", "the chosen candidate", BY_BUILD)),
        bullet("task", said(task, "kind", "the task", BY_BUILD)),
        bullet("classes", said(task, "classes", "the classes", BY_BUILD)),
        bullet("text column", show(task["text"]) if task.get("text") else "none"),
        bullet("feature columns", show(task["features"]) if task.get("features") else "none"),
        bullet("owner", carded(facts, "owner", "who answers for the model")),
        bullet("license", carded(facts, "license", "the model's license")),
        bullet("language", carded(facts, "language", "the language of the text")),
        bullet("made with", f"smallcraft {text_of(facts, 'smallcraft_version', '(not recorded)')}"),
    ]


def _intended_use(facts: Facts) -> list[str]:
    return [
        bullet("intended use", carded(facts, "intended_use", "intended use")),
        bullet("intended users", carded(facts, "intended_users", "intended users")),
        bullet("out of scope", carded(facts, "out_of_scope", "out-of-scope use")),
    ]


def _factors(facts: Facts) -> list[str]:
    slices = {str(m.get("slice", "all")) for m in _evidence(facts)} - {"all"}
    measured = show(sorted(slices)) if slices else "no slice was measured"
    return [
        bullet("relevant factors", carded(facts, "factors", "groups and conditions that matter")),
        bullet("measured slices", measured),
    ]


def _metrics(facts: Facts) -> list[str]:
    return [
        bullet("metric, declared beforehand", said(facts, "metric", "the metric", BY_BUILD)),
        bullet("non-inferiority margin", said(facts, "margin", "the margin", BY_BUILD)),
        bullet("confidence", said(facts, "confidence", "the confidence", BY_BUILD)),
    ]


def _evaluation_data(facts: Facts) -> list[str]:
    cert = map_of(facts, "cert")
    # A plan is told as a sentence; wear and clock are told where there is something to tell.
    skipped = {"measurements", "plan", *(key for key in ("wear", "clock") if not cert.get(key))}
    told = (key for key in cert if key not in skipped)
    sealed = [bullet(f"sealed test set, {escape(str(key))}", show(cert[key])) for key in told]
    return [
        *_splits(facts, ("dev", "cert")),
        *(sealed or [bullet("sealed test set", missing("its ledger", BY_BUILD))]),
    ]


def _training_data(facts: Facts) -> list[str]:
    data = map_of(facts, "data")
    notes = data.get("notes")
    in_data = "say it in smallcraft.toml under [data] {}".format
    return [
        bullet("source", said(data, "source", "the data's source", in_data("source"))),
        bullet("license", said(data, "license", "the data's license", in_data("license"))),
        bullet("digest", said(data, "digest", "the data's digest", BY_BUILD)),
        *_splits(facts, ("train",)),
        bullet("collection", carded(facts, "collection", "how the data was collected")),
        bullet("consent", carded(facts, "consent", "what people agreed to")),
        *([bullet("notes", show(notes))] if notes else []),
        *_check_table(facts),
    ]


def _quantitative_analyses(facts: Facts) -> list[str]:
    measurements = _evidence(facts)
    if not measurements:
        return [missing("measurements of the chosen candidate", BY_BUILD)]
    header = ["measurement", "split", "slice", "value", "interval", "unit", "n", "method"]
    return table(header, [measurement_row(m) for m in measurements])


def _ethical_considerations(facts: Facts) -> list[str]:
    return [carded(facts, "ethical_considerations", "ethical considerations")]


def _caveats(facts: Facts) -> list[str]:
    undecided = [v for v in list_of(facts, "verdicts") if v.get("outcome") == "UNDECIDED"]
    return [
        carded(facts, "caveats", "caveats and recommendations"),
        *(
            ["", *(f"- not settled: {show(v.get('gate'))}: {_needs(v)}" for v in undecided)]
            if undecided
            else []
        ),
    ]


def _how_to_use(facts: Facts) -> list[str]:
    name = one_line(str(facts.get("name") or "NAME"))
    version = facts.get("version")
    reference = f"{name}@{version}" if is_number(version) else name
    call = f"smallcraft predict --release {shlex.quote(reference)}"
    rows = '["..."]' if map_of(facts, "task").get("text") else "frame"
    return [
        "```python",
        "from smallcraft.api import load",
        "",
        f"predictor = load({json.dumps(reference, ensure_ascii=False)})",
        f"predictor.predict({rows})",
        "```",
        "",
        "```sh",
        f"{call} --input rows.csv --output answers.csv",
        "```",
    ]


def _verdicts(facts: Facts) -> list[str]:
    verdicts = list_of(facts, "verdicts")
    if not verdicts:
        return [missing("verdicts of the gates", BY_BUILD)]
    rows = [
        [
            show(v.get("gate", "unnamed")),
            show(v.get("outcome", "not recorded")),
            show(v.get("required", "not recorded")),
            show(v.get("reason") or "none given"),
            _needs(v) if v.get("needs") else "",
        ]
        for v in verdicts
    ]
    return table(["gate", "outcome", "required", "reason", "what would settle it"], rows)


def _audits(facts: Facts) -> list[str]:
    """What each audit found, in a sentence, and the first rows and patterns it would show a person."""
    audits = list_of(facts, "audits")
    if not audits:
        return [missing("audits of whom it fails", "`smallcraft build` makes those of [audits] run")]
    rows = [
        [
            show(audit.get("audit", "unnamed")),
            show(audit.get("summary") or "nothing recorded"),
            show([found.get("what") for found in list_of(audit, "findings")[:_SHOWN_FINDINGS]] or "none"),
        ]
        for audit in audits
    ]
    return table(["audit", "what was found", "to look at first"], rows)


def _ablations(facts: Facts) -> list[str]:
    """What each part of the winner is worth."""
    sentences = facts.get("ablations")
    if not isinstance(sentences, list | tuple) or not sentences:
        return ["No part of it was taken away to see what that does."]
    return [f"- {show(sentence)}" for sentence in sentences]


def _candidates(facts: Facts) -> list[str]:
    candidates = list_of(facts, "candidates")
    if not candidates:
        return [missing("the candidates that were tried", BY_BUILD)]
    metric = facts.get("metric")
    rows = [
        [
            show(candidate.get("rung", "unnamed")),
            show(candidate.get("status", "not recorded")),
            _quality(candidate, metric),
            "**chosen**" if candidate.get("rung") == facts.get("chosen") else "lost",
            show(candidate.get("reason") or "none recorded"),
        ]
        for candidate in candidates
    ]
    quality = escape(str(metric)) if metric else "quality"
    return table(["candidate", "status", quality, "decision", "reason"], rows)


def _provenance(facts: Facts) -> list[str]:
    bundle, backbone = map_of(facts, "bundle"), map_of(facts, "backbone")
    files = bundle.get("files")
    return [
        bullet("manifest", show(facts.get("manifest_digest") or "given when published")),
        bullet("bundle", said(bundle, "digest", "the bundle's digest", BY_BUILD)),
        bullet("bundle bytes", show(bundle.get("size_bytes"))),
        *([bullet("bundle files", show(files))] if files else []),
        bullet("backbone", show(backbone) if backbone else "none"),
        bullet("environment", said(facts, "environment", "the environment", BY_BUILD)),
    ]


_SECTIONS: tuple[tuple[str, Callable[[Facts], list[str]]], ...] = (
    ("Model details", _model_details),
    ("Intended use", _intended_use),
    ("Factors", _factors),
    ("Metrics", _metrics),
    ("Evaluation data", _evaluation_data),
    ("Training data", _training_data),
    ("Quantitative analyses", _quantitative_analyses),
    ("Audits", _audits),
    ("Ethical considerations", _ethical_considerations),
    ("Caveats and recommendations", _caveats),
    ("How to use", _how_to_use),
    ("Verdicts", _verdicts),
    ("Candidates tried", _candidates),
    ("What its parts are worth", _ablations),
    ("Provenance", _provenance),
)


def _splits(facts: Facts, names: Sequence[str]) -> list[str]:
    splits = map_of(map_of(facts, "data"), "splits")
    return [bullet(f"{name} split", said(splits, name, f"the {name} split", BY_BUILD)) for name in names]


def _check_table(facts: Facts) -> list[str]:
    rows = [
        [show(c.get("check", "unnamed")), show(c.get("outcome")), show(c.get("summary", ""))]
        for c in list_of(facts, "checks")
    ]
    if not rows:
        return [bullet("checks", missing("the data's checks", "`smallcraft check` makes them"))]
    return ["", *table(["check", "outcome", "summary"], rows)]


def _quality(candidate: Facts, metric: object) -> str:
    """The declared metric on the best-founded split that has it."""
    named = [m for m in list_of(candidate, "measurements") if m.get("name") == metric]
    named = [m for m in named if m.get("slice", "all") == "all"]
    for split in ("cert", "dev"):
        for measurement in named:
            if measurement.get("split") == split:
                interval = interval_of(measurement)
                return f"{show(measurement.get('value'))} ({split}{interval and ', '}{interval})"
    return "not measured"


def _needs(verdict: Facts) -> str:
    return show(verdict.get("needs") or verdict.get("reason") or "nothing recorded")


def _chosen(facts: Facts) -> Facts:
    for candidate in list_of(facts, "candidates"):
        if candidate.get("rung") == facts.get("chosen"):
            return candidate
    return {}


def _evidence(facts: Facts) -> list[Facts]:
    """What was measured of the bundle that ships, then of the candidate on dev that it is a refit of."""
    released = list_of(map_of(facts, "released"), "measurements")
    candidate = list_of(_chosen(facts), "measurements")
    return [*released, *(m for m in candidate if not released or m.get("split") is not None)]
