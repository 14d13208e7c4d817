"""Releases with all their papers, as a build publishes them, from the evidence that `memory.sides` writes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.registry.memory.sides import first_side, second_side

from smallcraft.canonical import canonical_json
from smallcraft.records import Release
from smallcraft.registry.composing import CodeVersion, compose_papers
from smallcraft.registry.memory.answers import ANSWERS_FILE
from smallcraft.registry.memory.evidence import Side
from smallcraft.registry.memory.rows import ROWS_FILE
from smallcraft.registry.memory.trials import decisions_of_candidates
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry

DAYS = (datetime(2026, 10, 1, 12, tzinfo=UTC), datetime(2026, 10, 8, 12, tzinfo=UTC))
REASONS = ("the first that routes well enough", "customers wrote of returns")
_PATHS = ("bundle/heads/ngram.npz", "bundle/tokenizer.json", ROWS_FILE, ANSWERS_FILE, "smallcraft.toml")


def publish_side(
    registry: Registry,
    side: Side,
    *,
    now: datetime,
    because: str | None = None,
    code: CodeVersion | None = None,
) -> Release:
    """Publish what a side says, with its papers and its trials."""
    evidence = {"candidates": side.facts["candidates"], "released": side.facts["released"]}
    return registry.publish(
        "helpdesk",
        {**{path: side.read(path) for path in _PATHS}, "evidence.json": canonical_json(evidence)},
        side.facts,
        now=now,
        papers=lambda draft: compose_papers(draft, because=because, code=code),
        trials=decisions_of_candidates(side.facts),
    )


def decided_registry(folder: Path, trust: Trust | None = None) -> Registry:
    """Two releases with reasons, the second of a known commit."""
    registry = Registry.create(folder, trust=trust)
    code = CodeVersion("c" * 40, is_dirty=False)
    for side, now, because in zip((first_side(), second_side()), DAYS, REASONS, strict=True):
        publish_side(registry, side, now=now, because=because, code=code)
    return registry
