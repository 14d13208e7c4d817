"""The job of `smallcraft reproduce`: a release built again in an empty folder, and set beside its record.

1. what the release was made from, read from its own files
2. the rows as they are now; which inputs differ
3. the build once more, up to the bundle
4. cert's answer again, for a bundle that is byte for byte the recorded one only
5. outputs beside the record, noise where they differ, the verdict

Always: project, registry and ledger are only read; nothing is taken from the project's cache; the folder is
removed on success, on an error and on Ctrl-C, unless it is to be kept.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smallcraft.bundle.runtime import open_bundle
from smallcraft.canonical import plain
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.pipeline.events import Listener, SilentListener
from smallcraft.pipeline.reproducing.clock import why_not_promised
from smallcraft.pipeline.reproducing.inputs import compare_inputs
from smallcraft.pipeline.reproducing.judging import judge, measure_noise
from smallcraft.pipeline.reproducing.origin import MovedConfig, Origin, read_origin
from smallcraft.pipeline.reproducing.outputs import compare_outputs
from smallcraft.pipeline.reproducing.rebuild import Rebuilt, costs_beside, rebuild
from smallcraft.pipeline.reproducing.record import Noise, Reproduction
from smallcraft.pipeline.reproducing.sealed import repeat_look
from smallcraft.pipeline.stages.audit import require_audit_inputs
from smallcraft.pipeline.stages.conclude import assess_quality, judge_build, with_money
from smallcraft.pipeline.stages.confirm import Confirmation
from smallcraft.pipeline.stages.prepare import Prepared, prepare_data
from smallcraft.pipeline.stages.record import Findings, gather_facts
from smallcraft.pipeline.stages.train import open_workshop
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Release
from smallcraft.registry.store import Registry


def reproduce(
    project: Path,
    release: Release,
    registry: Registry,
    *,
    listener: Listener | None = None,
    keep: Path | None = None,
) -> Reproduction:
    """Build a release again and say how the outcome stands to the record.

    Args:
        project: Folder of the project, or its file: what relative paths of the data are relative to.
        release: As read from the registry.
        registry: Holds the release.
        listener: Told as things happen.
        keep: Build there and leave it; an absent or empty folder. None for a temporary one.

    Raises:
        NotFoundError: The release keeps no project file.
        DataError: The data are gone, or cannot be used as they are now.
        InvalidInputError: It cannot be built here, or `keep` holds something.
        IntegrityError: Stored bytes are not what was recorded.
    """
    started = time.perf_counter()
    listener = listener or SilentListener()
    origin = read_origin(release, lambda path: registry.read_file(release, path), registry.looks())
    folder = project.parent if project.is_file() else project
    with _empty_folder(keep) as place:
        config = MovedConfig.of(origin.config, workspace=place, data=folder)
        with Workspace(place).locked():
            found = _reproduce(config, origin, release, registry, listener=listener)
    seconds = time.perf_counter() - started
    return replace(found, seconds=seconds, kept=None if keep is None else str(keep))


def _reproduce(
    config: MovedConfig, origin: Origin, release: Release, registry: Registry, *, listener: Listener
) -> Reproduction:
    # (2) rows and inputs; a difference does not stop the rebuild
    prepared = _prepare(config, origin, listener)
    workshop = open_workshop(config, prepared.splits, progress=listener.progress)
    inputs = compare_inputs(origin, prepared, workshop.backbone, project=config.data_folder)
    for item in inputs:
        if item.differs:
            listener.note(f"{item.what} is not as recorded: {item.detail or item.now}")
    # (3) the bundle
    rebuilt = rebuild(config, origin, prepared, workshop, listener=listener)
    # (4) cert
    sealed = repeat_look(config, origin, rebuilt, registry=registry, release=release, now=datetime.now(UTC))
    told = sealed.confirmation
    facts = None if told is None else _facts_now(config, rebuilt, told, listener=listener)
    # (5) side by side
    outputs = compare_outputs(origin, rebuilt, facts, cert=sealed.compared)
    noise = _noise(config, origin, rebuilt, release, registry) if any(o.differs for o in outputs) else None
    judgement = judge(origin.label, inputs, outputs, noise)
    return Reproduction(
        release=origin.label,
        verdict=judgement.verdict,
        sentence=judgement.sentence,
        inputs=inputs,
        outputs=outputs,
        first_difference=judgement.first,
        noise=noise,
        not_promised=why_not_promised(config, origin.facts),
        costs=costs_beside(origin, rebuilt),
        notes=_notes(config, rebuilt, noise),
        seconds=0.0,
    )


def _prepare(config: MovedConfig, origin: Origin, listener: Listener) -> Prepared:
    try:
        prepared = prepare_data(config, listener, dealing=origin.dealing)
        require_audit_inputs(config, prepared)
    except DataError as error:
        digest = origin.facts["data"].get("digest", "")
        raise DataError(
            f"{origin.label} cannot be built again from {config.data.path}: {error}; put back the data that "
            f"it was built from ({digest[:19]}...)"
        ) from error
    return prepared


def _facts_now(
    config: MovedConfig, rebuilt: Rebuilt, told: Confirmation, *, listener: Listener
) -> Mapping[str, Any]:
    """What this build would record, with the costs on record."""
    prepared, workshop = rebuilt.prepared, rebuilt.workshop
    quality = assess_quality(config, prepared, workshop, told, listener)
    more = (*told.answer.measurements, quality.index, *rebuilt.weighed.to_judge)
    found = Findings(
        decision=rebuilt.decision,
        winner=rebuilt.winner,
        candidates=tuple(candidate.evidence for candidate in rebuilt.candidates),
        released=replace(rebuilt.released, evidence=with_money(config, rebuilt.released.evidence, more)),
        weighed=rebuilt.weighed,
        audits=rebuilt.audits,
        confirmation=told,
        quality=quality,
    )
    facts: Mapping[str, Any] = plain(
        gather_facts(config, prepared, workshop, found, verdicts=judge_build(config, prepared, found))
    )
    return facts


def _noise(
    config: MovedConfig, origin: Origin, rebuilt: Rebuilt, release: Release, registry: Registry
) -> Noise | None:
    copy = registry.materialize(release, Workspace(config.folder).root / "recorded")
    return measure_noise(config, origin, rebuilt, open_bundle(copy))


def _notes(config: MovedConfig, rebuilt: Rebuilt, noise: Noise | None) -> tuple[str, ...]:
    notes = []
    if rebuilt.decision_now.chosen != rebuilt.decision.chosen:
        notes.append(
            f"by the costs measured now the choice would be {rebuilt.decision_now.chosen}; the verdict rests "
            "on the costs on record"
        )
    if noise is not None and config.ladder.refit:
        notes.append("both models were trained on the dev rows that they are compared on")
    return tuple(notes)


@contextmanager
def _empty_folder(keep: Path | None) -> Iterator[Path]:
    """A folder of its own: a temporary one is removed whatever happens."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="smallcraft-reproduce-") as made:
            yield Path(made)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise InvalidInputError(f"a rebuild is kept in an empty folder, {keep} holds something; name another")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep
