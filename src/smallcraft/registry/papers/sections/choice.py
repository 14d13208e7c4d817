"""Why this candidate was released: the decision, who else was tried, and what it is made of.

Leaves to others: what is different from the release before (`sections.changes`).
"""

from __future__ import annotations

from smallcraft.registry.memory.evidence import Facts, list_of, map_of
from smallcraft.registry.papers.facts import BY_BUILD, bullet, missing, said, texts_of
from smallcraft.registry.papers.markdown import cut_table, escape, show
from smallcraft.registry.papers.measured import costs_of
from smallcraft.registry.papers.sections.changes import changes
from smallcraft.registry.papers.sections.quality import quality_of

_SHOWN = 30
_BY_RECORD = "recorded when it is published"


def decision(facts: Facts) -> list[str]:
    """What was decided and why, and what is different from the release before."""
    record = map_of(facts, "decision_record")
    lines = [bullet("by the measurements", said(facts, "sentence", "the decision", BY_BUILD))]
    if facts.get("pareto"):
        lines.append(bullet("quality beside cost", show(facts["pareto"])))
    if not record:
        return [*lines, bullet("rationale", missing("the decision record", _BY_RECORD))]
    return [
        *lines,
        bullet("verdict", said(record, "verdict", "the verdict", _BY_RECORD)),
        bullet("parents", _parents(record)),
        bullet("rationale", _rationale(record)),
        bullet("to go back", show(record.get("rollback") or "nothing before it to go back to")),
        *(bullet("limit", show(limit)) for limit in _listed(record, "limits")),
        *changes(record),
    ]


def _parents(record: Facts) -> str:
    """`helpdesk@2, sha256:...`."""
    parents = [
        f"{show(parent.get('release'))}, {show(parent.get('manifest') or 'manifest not recorded')}"
        for parent in list_of(record, "parents")
    ]
    return "; ".join(parents) or show(_listed(record, "parents") or "none: the first release")


def _rationale(record: Facts) -> str:
    given = map_of(record, "rationale")
    by = {"person": " (said by a person)", "rule": " (by the rule; nobody said more)"}
    return said(given, "text", "why it was accepted", "`--because` says it") + by.get(
        str(given.get("by")), ""
    )


def _listed(record: Facts, key: str) -> list[object]:
    value = record.get(key)
    return [*value] if isinstance(value, list | tuple) else [value] if value else []


def candidates(facts: Facts) -> list[str]:
    """Every rung that was tried, those that crashed or were skipped included, with the reason."""
    tried = list_of(facts, "candidates")
    if not tried:
        return [missing("the candidates that were tried", BY_BUILD)]
    metric = facts.get("metric")
    rows = [
        [
            show(candidate.get("rung", "unnamed")),
            show(candidate.get("status", "not recorded")),
            quality_of(candidate, metric),
            *_dear(candidate),
            "**chosen**" if candidate.get("rung") == facts.get("chosen") else "lost",
            _reason(candidate, facts),
        ]
        for candidate in tried
    ]
    quality = escape(str(metric)) if metric else "quality"
    header = ["candidate", "status", quality, "CPU-s of 1,000 answers", "MB", "decision", "reason"]
    claims = [f"- {show(claim)}" for claim in texts_of(facts, "claims")]
    lines = cut_table(header, rows, most=_SHOWN, left="were tried")
    return [*lines, "", *claims] if claims else lines


def _dear(candidate: Facts) -> list[str]:
    found = {m.get("name"): m.get("value") for m in list_of(candidate, "measurements") if not m.get("split")}
    return [show(found.get(name)) for name in ("cpu_s_per_1000", "size_mb")]


def _reason(candidate: Facts, facts: Facts) -> str:
    """What it says of itself, else why it lost, else why it won."""
    lost = map_of(map_of(facts, "decision"), "lost")
    is_chosen = candidate.get("rung") == facts.get("chosen")
    told = candidate.get("reason") or lost.get(str(candidate.get("rung")))
    return show(told or ("the decision above" if is_chosen else "none recorded"))


def parts_worth(facts: Facts) -> list[str]:
    """What each part of the winner is worth."""
    sentences = texts_of(facts, "ablations")
    if not sentences:
        return ["No part of it was taken away to see what that does."]
    return [f"- {show(sentence)}" for sentence in sentences]


def provenance(facts: Facts) -> list[str]:
    """Digests of everything the release is made of, and with what it was made."""
    bundle, environment = map_of(facts, "bundle"), map_of(facts, "environment")
    versions = {key: value for key, value in environment.items() if key not in _OWN}
    return [
        bullet("manifest", show(facts.get("manifest_digest") or "given when published")),
        bullet("bundle", said(bundle, "digest", "the bundle's digest", BY_BUILD)),
        bullet("bundle bytes", show(bundle.get("size_bytes"))),
        bullet("backbone", _backbone(facts)),
        bullet("code", said(environment, "code", "the digest of the code", BY_BUILD)),
        bullet("seed", said(environment, "seed", "the seed", BY_BUILD)),
        bullet("machine", show([environment.get(key) or "not recorded" for key in ("system", "processor")])),
        bullet("made with", said({"all": versions}, "all", "the versions", BY_BUILD)),
        *_trained(facts),
        *_files(bundle),
    ]


_OWN = frozenset(("code", "seed", "system", "processor"))


def _backbone(facts: Facts) -> str:
    backbone = map_of(facts, "backbone")
    if not backbone:
        return "none"
    license_ = f"license {escape(str(backbone.get('license') or 'not recorded'))}"
    where = "its weights are in the bundle" if has_graph(facts) else "tried by candidates, not in the bundle"
    return f"{show(backbone.get('name'))}, {license_}, {show(backbone.get('digest'))}; {where}"


def has_graph(facts: Facts) -> bool:
    """True when the bundle holds an encoder: a graph made from the backbone."""
    files = list_of(map_of(facts, "bundle"), "files")
    return any(str(file.get("path")).endswith(".onnx") for file in files)


def _trained(facts: Facts) -> list[str]:
    found = [m for m in costs_of(facts) if m.get("name") == "train_cpu_s" and m.get("value") is not None]
    return [bullet("processor time of training", f"{show(found[0]['value'])} s")] if found else []


def _files(bundle: Facts) -> list[str]:
    rows = [[show(f.get(key)) for key in ("path", "size_bytes", "digest")] for f in list_of(bundle, "files")]
    if not rows:
        return []
    return ["", *cut_table(["file", "bytes", "digest"], rows, most=_SHOWN, left="files")]
