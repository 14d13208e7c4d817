"""From everything measured to one release: facts, card, and an entry in the registry."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.canonical import canonical_json, plain
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.config import FILE_NAME, Config
from smallcraft.pipeline.machine import describe_machine
from smallcraft.pipeline.quality_report import QualityReport
from smallcraft.pipeline.result import CertAnswer
from smallcraft.pipeline.stages.confirm import Confirmation
from smallcraft.pipeline.stages.data_facts import data_facts
from smallcraft.pipeline.stages.logs import memory_files
from smallcraft.pipeline.stages.measure import Measured
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.pipeline.stages.reference import reference_files
from smallcraft.pipeline.stages.train import describe_environment, recorded_code_digest
from smallcraft.pipeline.stages.weigh import Weighed
from smallcraft.pipeline.version_control import code_version, keep_checkpoint
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import AuditResult, Decision, Evidence, Release, Task, Verdict
from smallcraft.registry.composing import compose_papers
from smallcraft.registry.memory.trials import decisions_of_candidates
from smallcraft.registry.store import Registry


@dataclass(frozen=True)
class Findings:
    """Everything a build found out before the gates speak.

    Attributes:
        decision: Who won on dev, and why the others lost.
        winner: As it was measured on dev, before it was trained on dev too.
        candidates: Evidence of every rung tried, on dev.
        released: The winner as it will ship.
        weighed: What the choice rests on.
        audits: What was found about the winner on dev.
        confirmation: What the sealed test set said.
        quality: What was found about the data.
    """

    decision: Decision
    winner: Measured
    candidates: tuple[Evidence, ...]
    released: Measured
    weighed: Weighed
    audits: tuple[AuditResult, ...]
    confirmation: Confirmation
    quality: QualityReport


def gather_facts(
    config: Config,
    prepared: Prepared,
    workshop: Workshop,
    found: Findings,
    *,
    verdicts: tuple[Verdict, ...],
) -> Mapping[str, Any]:
    """Everything known about the release, as JSON can hold it; nothing in it depends on the time of day."""
    assert found.released.attempt.bundle is not None
    bundle = open_bundle(found.released.attempt.bundle)
    return {
        "name": config.name,
        "smallcraft_version": describe_environment()["smallcraft"],
        "task": {
            **_TASK_FACTS[workshop.task](workshop.classes),
            "text": workshop.spec.text,
            "features": [*workshop.spec.numbers, *workshop.spec.categories],
        },
        "chosen": found.decision.chosen,
        "sentence": found.decision.sentence,
        "metric": config.quality.metric,
        "margin": config.quality.margin,
        "floor": config.quality.floor,
        "confidence": config.quality.confidence,
        "preregistration": config.quality.preregistration,
        "plan": None if config.quality.plan is None else config.quality.plan.model_dump(),
        "decision": plain(found.decision),
        "candidates": plain(found.candidates),
        "released": plain(found.released.evidence),
        "verdicts": plain(verdicts),
        "audits": plain(found.audits),
        "ablations": [part.detail for part in found.weighed.ablations],
        "claims": [claim.sentence for claim in found.weighed.claims],
        "pareto": found.weighed.front.sentence if found.weighed.front else None,
        **card_facts(config, prepared),
        "checks": [
            {"check": result.check, "outcome": result.outcome.value, "summary": result.summary}
            for result in found.quality.checks
        ],
        "quality": _quality_facts(found.quality),
        "bundle": _bundle_facts(bundle),
        "backbone": _backbone_facts(workshop),
        "environment": _environment_facts(config),
        "cert": _cert_facts(found.confirmation.answer),
    }


_TASK_FACTS: Mapping[Task, Callable[[tuple[str, ...]], dict[str, Any]]] = {
    "multiclass": lambda classes: {"kind": "classification", "classes": list(classes)},
    "multilabel": lambda classes: {"kind": "multilabel classification", "classes": list(classes)},
    "regression": lambda classes: {"kind": "regression", "classes": [], "target": classes[0]},
}


def _cert_facts(answer: CertAnswer) -> Mapping[str, Any]:
    """Whether an answer was repeated differs from run to run, what it says does not."""
    told = {name: value for name, value in plain(answer).items() if name != "is_repeated"}
    return told if answer.plan is None else {**told, "told": answer.plan.sentence}


def card_facts(config: Config, prepared: Prepared) -> Mapping[str, Any]:
    """What the card tells that does not depend on any model: where the data are from, what a person said."""
    return {"data": data_facts(config, prepared), "card": config.card.model_dump(exclude_none=True)}


def publish_release(
    config: Config,
    facts: Mapping[str, Any],
    files: Mapping[str, Path | bytes],
    *,
    now: datetime,
    because: str | None = None,
) -> Release:
    """Make the release: bundle, evidence, decision and cards, signed, in one entry of the log.

    Args:
        config: The project.
        facts: Everything known about it.
        files: Path inside the release to bytes, or to a file to copy.
        now: Time of the entry.
        because: Why, by a person; None for the rule's reason.
    """
    registry = project_registry(config)
    code = code_version(config.folder)
    release = registry.publish(
        config.name,
        files,
        facts,
        now=now,
        papers=lambda draft: compose_papers(draft, because=because, code=code),
        trials=decisions_of_candidates(facts),
    )
    keep_checkpoint(config.folder, registry.log())
    return release


def record_trials(config: Config, facts: Mapping[str, Any], *, now: datetime) -> None:
    """Log what was tried by a build that released nothing, its winner too."""
    registry = project_registry(config)
    registry.record_trials(config.name, decisions_of_candidates(facts), now=now)
    keep_checkpoint(config.folder, registry.log())


def project_registry(config: Config) -> Registry:
    """The project's registry; made when there is none."""
    return Registry.create(Workspace(config.folder).registry, origin=config.registry.origin)


def release_files(
    config: Config, prepared: Prepared, found: Findings, facts: Mapping[str, Any]
) -> Mapping[str, Path | bytes]:
    """What a release holds beside its papers: bundle, evidence, row logs, reference and the project file."""
    bundle = found.released.attempt.bundle
    assert bundle is not None
    files: dict[str, Path | bytes] = {
        f"bundle/{path.relative_to(bundle)}": path for path in sorted(bundle.rglob("*")) if path.is_file()
    }
    files |= memory_files(prepared, found.winner)
    files |= reference_files(config, prepared, winner=found.winner, released=found.released)
    files["evidence.json"] = canonical_json(
        {"candidates": facts["candidates"], "released": facts["released"]}
    )
    project_file = config.folder / FILE_NAME
    if project_file.exists():
        files[FILE_NAME] = project_file
    return files


def _quality_facts(quality: QualityReport) -> Mapping[str, Any]:
    """As `check --json` has it, without findings in words: a release is no place for what rows hold."""
    told = quality.as_json()
    return {**told, "checks": [{**check, "findings": len(check["findings"])} for check in told["checks"]]}


def _bundle_facts(bundle: Bundle) -> Mapping[str, Any]:
    files = bundle.description["files"]
    return {
        "digest": bundle.digest,
        "size_bytes": sum(path.stat().st_size for path in bundle.path.rglob("*") if path.is_file()),
        "files": [{"path": path, **entry} for path, entry in sorted(files.items())],
        "stages": [stage.name for stage in bundle.stages],
        "decoder": bundle.description["decoder"],
    }


def _backbone_facts(workshop: Workshop) -> Mapping[str, Any] | None:
    backbone = workshop.backbone
    if backbone is None:
        return None
    return {"name": backbone.name, "digest": backbone.digest, "license": backbone.license}


def _environment_facts(config: Config) -> Mapping[str, Any]:
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
        "seed": config.seed,
        "code": recorded_code_digest(),
        **describe_environment(),
        "machine": dict(describe_machine()),
    }
