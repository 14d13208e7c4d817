"""What a build has moved since the release before, released or not.

Leaves to others: the difference (`registry.memory.deltas`), its words (`report_parts.moved`).
Always: a release tells what its registry entry holds; a build that released nothing is compared all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smallcraft.errors import NotFoundError
from smallcraft.pipeline.config import FILE_NAME, Config
from smallcraft.pipeline.report_parts.moved import Movement
from smallcraft.pipeline.stages.logs import memory_files
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.pipeline.stages.record import Findings
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Release
from smallcraft.registry.composing import read_decision, side_of
from smallcraft.registry.memory.deltas import compute_delta
from smallcraft.registry.memory.evidence import BUNDLE_FOLDER, Side
from smallcraft.registry.store import Registry

_THIS_BUILD = "this build"


def find_movement(
    config: Config,
    prepared: Prepared,
    found: Findings,
    facts: Mapping[str, Any],
    *,
    release: Release | None,
) -> Movement | None:
    """What moved; None where nothing was released before or now.

    Args:
        config: The project.
        prepared: Its splits.
        found: What the build found out.
        facts: What it records.
        release: What was released; None where a gate blocks.
    """
    try:
        registry = Registry.open(Workspace(config.folder).registry)
    except NotFoundError:
        return None
    if release is not None:
        decision = read_decision(registry.find(release.label))
        if decision is None:
            return None
        return Movement(decision.delta, decision.rationale, decision.rollback)
    before = registry.stored(config.name)
    if not before:
        return None
    after = _unreleased(config, prepared, found, facts)
    return Movement(compute_delta(side_of(before[-1]), after, confidence=config.quality.confidence))


def _unreleased(config: Config, prepared: Prepared, found: Findings, facts: Mapping[str, Any]) -> Side:
    """The build as if it were a release."""
    bundle, logs = found.released.attempt.bundle, memory_files(prepared, found.winner)
    assert bundle is not None

    def read(path: str) -> bytes:
        if path in logs:
            return logs[path]
        if path.startswith(BUNDLE_FOLDER):
            return (bundle / path.removeprefix(BUNDLE_FOLDER)).read_bytes()
        if path == FILE_NAME and (config.folder / FILE_NAME).exists():
            return (config.folder / FILE_NAME).read_bytes()
        raise NotFoundError(f"{_THIS_BUILD} has no file {path}; only releases keep more")

    return Side(_THIS_BUILD, facts, read)
