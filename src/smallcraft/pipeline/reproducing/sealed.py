"""Cert's answer, computed again for a bundle that is byte for byte the recorded one, and for no other.

Asking the same question about the same candidate reveals nothing new. Whether it is the same is settled
before a label is read: the question must be answered by the looks that the registry logged, in a copy of the
ledger that grants no new one. The answer is then computed in a second copy, which ends before that look.
Always: the project's own ledger is neither read nor written; where the question is not one that was asked,
or the rows are others, cert is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from smallcraft.bundle.runtime import open_bundle
from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError, SmallcraftError
from smallcraft.evaluate.meter.chain import LedgerEntry, locked, restore
from smallcraft.evaluate.meter.ledger import open_ledger
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.reproducing.origin import MovedConfig, Origin
from smallcraft.pipeline.reproducing.rebuild import Rebuilt
from smallcraft.pipeline.reproducing.record import Compared
from smallcraft.pipeline.stages.climb import split_of
from smallcraft.pipeline.stages.confirm import (
    Confirmation,
    ask_scores,
    confirm_winner,
    measure_for_plan,
)
from smallcraft.pipeline.stages.incumbent import Incumbent
from smallcraft.pipeline.stages.looks import pass_plan
from smallcraft.pipeline.stages.planned import FloorQuestion, ask_floor
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Release
from smallcraft.registry.memory.rows import ROWS_FILE, decode_rows
from smallcraft.registry.store import Registry

_WHAT = "cert's answer"
# Too few for any look that costs something: only what the ledger knows is answered.
_NO_NEW_BITS = 1e-12


@dataclass(frozen=True)
class Sealed:
    """What cert said again.

    Attributes:
        compared: The answer on record beside the one computed now.
        confirmation: As the build had it; None where cert was left alone.
    """

    compared: Compared
    confirmation: Confirmation | None


def repeat_look(
    config: MovedConfig,
    origin: Origin,
    rebuilt: Rebuilt,
    *,
    registry: Registry,
    release: Release,
    now: datetime,
) -> Sealed:
    """Ask cert again what it answered about this very bundle.

    Args:
        config: The recorded settings, in the rebuild's workspace.
        origin: What was recorded.
        rebuilt: The rebuild.
        registry: Holds the release that was the incumbent then.
        release: The release.
        now: For the copies of the ledger, which are thrown away.

    Raises:
        IntegrityError: The looks that were logged do not follow on.
    """
    why = _why_left_alone(origin, rebuilt)
    if why:
        return Sealed(_left_alone(why), None)
    workspace = Workspace(config.folder)
    entries = _restore(workspace.ledger, origin.looks)
    entry = _recorded_look(entries, origin, rebuilt)
    if entry is None:
        return Sealed(_left_alone("the log has no look at these rows by this bundle"), None)
    incumbent = _incumbent(registry, release, origin, rebuilt, workspace=workspace)
    told = _ask(_without_new_looks(config), rebuilt, incumbent, now=now)
    if told.answer.ledger_head is None:
        return Sealed(_left_alone("the question would not be the one that was asked"), None)
    again = _open_again(config, rebuilt, incumbent, before=origin.looks[: entry.seq - 1], now=now)
    return Sealed(_beside(entry, again), told)


def _why_left_alone(origin: Origin, rebuilt: Rebuilt) -> str:
    if rebuilt.released.attempt.digest != origin.bundle:
        return "the bundle is another one, and asking about it would be a new look"
    if rebuilt.prepared.splits.refs["cert"].digest != origin.facts["data"]["splits"]["cert"]["digest"]:
        return "the sealed rows are others, and asking them would be a new look"
    if not origin.looks:
        return "the registry's log does not tell what was asked"
    return ""


def _left_alone(why: str) -> Compared:
    return Compared(_WHAT, None, None, None, detail=f"not asked: {why}")


def _restore(path: Path, lines: Sequence[bytes]) -> tuple[LedgerEntry, ...]:
    with locked(path):
        return restore(path, lines)


def _recorded_look(entries: Sequence[LedgerEntry], origin: Origin, rebuilt: Rebuilt) -> LedgerEntry | None:
    """The entry about this bundle and these rows; only one that cost something can refuse a new look."""
    meter = rebuilt.prepared.meter
    mine = [entry for entry in entries if (entry.candidate, entry.dataset) == (origin.bundle, meter)]
    spent = math.fsum(entry.bits for entry in entries if entry.dataset == meter)
    return mine[-1] if mine and spent > 0 else None


def _incumbent(
    registry: Registry, release: Release, origin: Origin, rebuilt: Rebuilt, *, workspace: Workspace
) -> Incumbent | None:
    """The newest release before this one with another bundle, where it can be compared."""
    for version in range(release.version - 1, 0, -1):
        try:
            earlier = registry.read(f"{release.name}@{version}")
        except IntegrityError:
            raise
        except SmallcraftError:
            continue
        bundle = earlier.facts.get("bundle")
        if isinstance(bundle, Mapping) and bundle.get("digest") == origin.bundle:
            continue
        opened = open_bundle(registry.materialize(earlier, workspace.bundles / earlier.label))
        workshop = rebuilt.workshop
        fits = opened.classes == workshop.classes and set(opened.inputs) == set(workshop.spec.names)
        kept = ROWS_FILE in {file.path for file in earlier.files}
        rows = decode_rows(registry.read_file(earlier, ROWS_FILE)) if kept else None
        return Incumbent(earlier.label, opened, rows) if fits else None
    return None


def _without_new_looks(config: MovedConfig) -> MovedConfig:
    quality = config.quality.model_copy(update={"cert_bits": _NO_NEW_BITS})
    return config.model_copy(update={"quality": quality})


def _ask(config: Config, rebuilt: Rebuilt, incumbent: Incumbent | None, *, now: datetime) -> Confirmation:
    return confirm_winner(
        rebuilt.released,
        rebuilt.winner.evidence,
        split_of(rebuilt.prepared, "cert"),
        config,
        meter=rebuilt.prepared.meter,
        incumbent=incumbent,
        now=now,
        listener=SilentListener(),
    )


def _open_again(
    config: MovedConfig,
    rebuilt: Rebuilt,
    incumbent: Incumbent | None,
    *,
    before: Sequence[bytes],
    now: datetime,
) -> LedgerEntry:
    """The answer computed anew, in a ledger of its own that ends before the look; nothing of it is logged."""
    quality, meter, split = config.quality, rebuilt.prepared.meter, split_of(rebuilt.prepared, "cert")
    path = Workspace(config.folder).root / "again.jsonl"
    _restore(path, before)
    ledger = open_ledger(path, max_bits=quality.cert_bits, delta=1 - quality.confidence)
    plan, released = pass_plan(config), rebuilt.released
    if plan is None:
        ask_scores(ledger, released, split, config, meter=meter, incumbent=incumbent, now=now)
    else:
        assert released.evidence.candidate is not None
        question = FloorQuestion(released.evidence.candidate, plan, meter, split.frame.height)
        ask_floor(ledger, question, lambda: measure_for_plan(released, split, config), config, now=now)
    return ledger.entries[-1]


def _beside(recorded: LedgerEntry, now: LedgerEntry) -> Compared:
    """What was computed is not told where it is not what the ledger knows already."""
    was = _said(recorded)
    if (was, recorded.preregistration) == (_said(now), now.preregistration):
        return Compared(_WHAT, was, was, same=True)
    return Compared(
        *(_WHAT, was, "another answer", False),
        detail="the ledger says one thing and the sealed rows another",
        remedy="do not trust its cert scores; run `smallcraft verify`",
    )


def _said(entry: LedgerEntry) -> str:
    said: Mapping[str, Any] = entry.answer
    return canonical_json(said).decode("utf-8")
