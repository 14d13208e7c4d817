"""`smallcraft gate`: the gates of the project file as it is now, over evidence that is on record.

Nothing is trained and no label of cert is opened: what a release (or the last build) recorded is judged.
Always: what was declared before cert was asked may be made stricter afterwards, never laxer; bytes that are
not what was recorded are refused; a gate over something that was not measured is undecided.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smallcraft.canonical import canonical_json
from smallcraft.errors import ConfigError, NotFoundError
from smallcraft.gates.policy import QUALITY_GATE
from smallcraft.pipeline.config import FILE_NAME, Config
from smallcraft.pipeline.recorded import evidence_of
from smallcraft.pipeline.result import overall_outcome
from smallcraft.pipeline.stages.audit import read_result
from smallcraft.pipeline.stages.confirm import CERT_GATE, INCUMBENT_GATE
from smallcraft.pipeline.stages.judge import evidence_to_judge, judge_declared
from smallcraft.pipeline.stages.looks import is_floor_kept
from smallcraft.pipeline.workspace import Workspace, open_registry, write_whole
from smallcraft.records import AuditResult, Outcome, Verdict
from smallcraft.registry.verify.registry import verify_registry

_ANEW = "declare the next [quality] preregistration and run `smallcraft build`, which pays for another look"
NOT_RELEASED = "the last build (not released)"
_FROM_CERT = (CERT_GATE, INCUMBENT_GATE)


@dataclass(frozen=True)
class Gated:
    """What the gates say.

    Attributes:
        subject: The release, or `NOT_RELEASED`.
        outcome: FAIL or UNDECIDED when a gate blocks, else PASS.
        verdicts: Of every gate.
    """

    subject: str
    outcome: Outcome
    verdicts: tuple[Verdict, ...]


def gate_project(config: Config, reference: str | None = None) -> Gated:
    """Judge a release, or what was built last.

    Args:
        config: The project, with its gates as they are declared now.
        reference: A release such as `helpdesk@3`, `3` or `latest`; None for what was built last.

    Raises:
        NotFoundError: Nothing was built or released here.
        IntegrityError: Stored bytes are not what was recorded.
        ConfigError: What was fixed before cert was asked was changed since.
    """
    subject, facts = _find_facts(config, reference)
    _require_preregistration(config, facts, subject)
    candidates = [evidence_of(entry) for entry in facts["candidates"]]
    majority = next((found for found in candidates if found.rung == "majority"), None)
    evidence = evidence_to_judge(
        evidence_of(facts["released"]),
        candidates,
        chosen=facts["chosen"],
        audits=_audits(facts),
        facts=facts,
    )
    verdicts = judge_declared(config, majority, evidence, from_cert=_verdicts_of_cert(facts))
    return Gated(subject, overall_outcome(verdicts), verdicts)


def keep_last_build(config: Config, facts: Mapping[str, Any], *, release: str | None) -> None:
    """Remember what a build found, so that its gates can be judged again; a release has its own record."""
    kept = {"release": release, "facts": None if release else facts}
    write_whole(Workspace(config.folder).last_build, canonical_json(kept))


def _find_facts(config: Config, reference: str | None) -> tuple[str, Mapping[str, Any]]:
    path = Workspace(config.folder).last_build
    kept: dict[str, Any] = {}
    if reference is None and path.exists():
        kept = json.loads(path.read_bytes())
    if kept.get("facts"):
        facts: Mapping[str, Any] = kept["facts"]
        return NOT_RELEASED, facts
    try:
        registry = open_registry(config.folder)
        # A verdict about weights that are not those on record would be about nothing.
        verify_registry(registry.root)
        release = registry.read(reference or kept.get("release") or "latest")
    except NotFoundError as error:
        raise NotFoundError(f"there is nothing to judge: {error}; run `smallcraft build` first") from error
    return release.label, release.facts


def _require_preregistration(config: Config, facts: Mapping[str, Any], subject: str) -> None:
    """Metric, margin, confidence, plan and floor are those that stood in the file before cert was asked.

    Without a plan a floor may have been raised since (`stages.looks.is_floor_kept`); by a plan, cert said
    nothing of a higher one.
    """
    quality = config.quality
    now = {**quality.model_dump(include={"metric", "margin", "confidence", "plan"})}
    for name, value in now.items():
        if facts.get(name) != value:
            raise ConfigError(
                f"[quality] {name} was {_said(facts.get(name))} when cert was asked about {subject}, and "
                f"{FILE_NAME} says {_said(value)} now; what was declared before the look stays as it is - "
                f"put it back, or {_ANEW}"
            )
    floor = facts.get("floor")
    is_kept = quality.floor == floor if quality.plan else is_floor_kept(quality.metric, floor, quality.floor)
    if not is_kept:
        may = "is the plan's bar" if quality.plan else "may be made stricter after the look, never laxer"
        raise ConfigError(
            f"[quality] floor was {_said(floor)} when cert was asked about {subject}, and {FILE_NAME} says "
            f"{_said(quality.floor)} now; a floor {may} - put it back, or {_ANEW}"
        )


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in sorted(value.items()))
    return "nothing" if value is None else f"{value}"


def _verdicts_of_cert(facts: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """What cert told as a verdict is not judged again; by a plan the floor's is one of these."""
    names = (*_FROM_CERT, QUALITY_GATE) if facts.get("plan") else _FROM_CERT
    return tuple(_read_verdict(entry) for entry in facts["verdicts"] if entry["gate"] in names)


def _audits(facts: Mapping[str, Any]) -> tuple[AuditResult, ...]:
    return tuple(read_result(entry) for entry in facts.get("audits", ()))


def _read_verdict(entry: Mapping[str, Any]) -> Verdict:
    return Verdict(**{**entry, "outcome": Outcome(entry["outcome"])})
