"""From everything measured to one release: facts, card, and an entry in the registry."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.canonical import canonical_json, plain
from smallcraft.errors import NotFoundError
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.config import FILE_NAME, Config
from smallcraft.pipeline.quality_report import QualityReport
from smallcraft.pipeline.result import CertAnswer
from smallcraft.pipeline.stages.confirm import Confirmation, Incumbent
from smallcraft.pipeline.stages.measure import Measured
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.pipeline.stages.train import code_digest, describe_environment
from smallcraft.pipeline.stages.weigh import Weighed
from smallcraft.pipeline.workspace import Workspace, open_released
from smallcraft.records import AuditResult, Decision, Evidence, Release, Verdict
from smallcraft.registry.cards import render_model_card
from smallcraft.registry.datasheet import render_datasheet
from smallcraft.registry.store import Registry


def find_incumbent(config: Config, workshop: Workshop, *, released: str | None) -> Incumbent | None:
    """The newest release that reads the same columns, knows the same classes, and is another bundle.

    Args:
        config: The project.
        workshop: Knows columns and classes.
        released: Digest of the bundle that is about to be released; a build run again must not be compared
            with what it released itself.
    """
    workspace = Workspace(config.folder)
    try:
        registry = Registry.open(workspace.registry)
        releases = registry.releases(config.name)
    except NotFoundError:
        return None
    others = [release for release in releases if _bundle_digest(release) != released]
    if not others:
        return None
    bundle = open_released(workspace, registry, others[-1])
    is_comparable = bundle.classes == workshop.classes and set(bundle.inputs) == set(workshop.spec.names)
    return Incumbent(others[-1].label, bundle) if is_comparable else None


def _bundle_digest(release: Release) -> object:
    bundle = release.facts.get("bundle")
    return bundle.get("digest") if isinstance(bundle, Mapping) else None


@dataclass(frozen=True)
class Findings:
    """Everything a build found out before the gates speak.

    Attributes:
        decision: Who won on dev, and why the others lost.
        candidates: Evidence of every rung tried, on dev.
        released: The winner as it will ship.
        weighed: What the choice rests on.
        audits: What was found about the winner on dev.
        confirmation: What the sealed test set said.
        quality: What was found about the data.
    """

    decision: Decision
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
            "kind": "classification",
            "classes": list(workshop.classes),
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


def _cert_facts(answer: CertAnswer) -> Mapping[str, Any]:
    """Whether an answer was repeated differs from run to run, what it says does not."""
    told = {name: value for name, value in plain(answer).items() if name != "is_repeated"}
    return told if answer.plan is None else {**told, "told": answer.plan.sentence}


def card_facts(config: Config, prepared: Prepared) -> Mapping[str, Any]:
    """What the card tells that does not depend on any model: where the data are from, what a person said."""
    return {"data": _data_facts(config, prepared), "card": config.card.model_dump(exclude_none=True)}


def publish_release(config: Config, facts: Mapping[str, Any], bundle: Path, *, now: datetime) -> Release:
    """Store the bundle, the card, the datasheet, the facts' parts and the project file as one release."""
    files: dict[str, Path | bytes] = {
        f"bundle/{path.relative_to(bundle)}": path for path in sorted(bundle.rglob("*")) if path.is_file()
    }
    # The card is made from what will be read back: JSON knows no difference between 1.0 and 1.
    recorded = json.loads(canonical_json(facts))
    files["card.md"] = render_model_card(recorded).encode("utf-8")
    files["datasheet.md"] = render_datasheet(recorded).encode("utf-8")
    files["evidence.json"] = canonical_json(
        {"candidates": facts["candidates"], "released": facts["released"]}
    )
    files["decision.json"] = canonical_json({"decision": facts["decision"], "verdicts": facts["verdicts"]})
    project_file = config.folder / FILE_NAME
    if project_file.exists():
        files[FILE_NAME] = project_file
    # Without its head a ledger of two looks or more is refused: a copy can be put back only with both.
    ledger = Workspace(config.folder).ledger
    for part in (ledger, ledger.with_name(f"{ledger.name}.head")):
        if part.exists():
            files[part.name] = part
    registry = Registry.create(Workspace(config.folder).registry)
    return registry.publish(config.name, files, facts, now=now)


def _data_facts(config: Config, prepared: Prepared) -> Mapping[str, Any]:
    return {
        "path": config.data.path,
        "source": config.data.source,
        "license": config.data.license,
        "digest": prepared.table.ref.digest,
        "rows_read": prepared.rows_read,
        "rows_quarantined": prepared.rows_quarantined,
        "rows_held_out": prepared.splits.removed.height,
        "splits": {
            name: {"rows": ref.rows, "digest": ref.digest} for name, ref in prepared.splits.refs.items()
        },
        "notes": list(prepared.splits.notes),
    }


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
        "code": code_digest(),
        **describe_environment(),
    }
