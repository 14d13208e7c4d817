"""The ledger of a project: what is fixed before the first look, and what is told of it beside each answer.

Fixed are metric, margin, confidence and floor, or the plan of pass/fail questions, under the number
`[quality] preregistration`. A floor that is raised after a look judges the same answer more strictly and
is no other question; anything else that changes is.
Always: a build whose settings or ledger do not fit what was asked before is refused before it trains.
Left to others: the file and its prices (`evaluate.meter.ledger`), who asks (`stages.confirm`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from smallcraft.canonical import plain
from smallcraft.errors import MeteredError, NotFoundError
from smallcraft.evaluate.by_task import BY_TASK
from smallcraft.evaluate.meter.chain import LedgerEntry, line_of
from smallcraft.evaluate.meter.ledger import Ledger, Look, clock_notes, open_ledger
from smallcraft.evaluate.meter.terms import REGISTRATION, PassPlan, require_same_terms
from smallcraft.gates.policy import LOWER_IS_BETTER
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.result import CertAnswer
from smallcraft.pipeline.verifying import verify_looks
from smallcraft.pipeline.version_control import require_kept
from smallcraft.pipeline.workspace import Workspace
from smallcraft.registry.store import Registry


def project_ledger(config: Config) -> Ledger:
    """The project's ledger with the project's limit; each look is logged in the registry before it is told.

    Raises:
        IntegrityError: It was tampered with.
    """
    quality, workspace = config.quality, Workspace(config.folder)

    def log_looks(entries: Sequence[LedgerEntry]) -> None:
        now = datetime.fromisoformat(entries[-1].time)
        lines = [line_of(entry) for entry in entries]
        registry = Registry.create(workspace.registry, origin=config.registry.origin)
        registry.record_looks(config.name, lines, now=now)

    return open_ledger(
        workspace.ledger, max_bits=quality.cert_bits, delta=1 - quality.confidence, anchor=log_looks
    )


def check_ledger(config: Config, meter: str) -> None:
    """Refuse to go on where the look at the end would be refused anyway; call it before anything is trained.

    Args:
        config: The project.
        meter: Digest under which looks at its sealed rows are counted.

    Raises:
        MeteredError: Metric, margin, confidence, floor or plan were changed after the first look, under the
            same pre-registration.
        IntegrityError: The ledger was tampered with, or lacks a look that was logged.
    """
    workspace = Workspace(config.folder)
    path = workspace.ledger
    with suppress(NotFoundError):
        registry = Registry.open(workspace.registry)
        require_kept(config.folder, registry.log())
        verify_looks(path, registry.looks())
    if not (path.exists() or path.with_name(f"{path.name}.head").exists()):
        return
    entries = project_ledger(config).entries
    plan = pass_plan(config)
    try:
        require_same_terms(entries, meter, plan.terms if plan else _numbered_terms(config, entries, meter))
    except MeteredError as error:
        raise MeteredError(f"{error} (its number is [quality] preregistration)") from error


def pass_plan(config: Config) -> PassPlan | None:
    """The plan of `[quality.plan]`, None where cert tells scores.

    What is compared with its bar, the floor, is a bound of the metric; so the confidence of that bound is
    part of what is measured.
    """
    quality, plan = config.quality, config.quality.plan
    if plan is None or quality.floor is None:
        return None
    return PassPlan(
        metric=f"{quality.metric} at confidence {quality.confidence:g}",
        bar=quality.floor,
        questions=plan.questions,
        passes=plan.passes,
        sense="at_most" if quality.metric in LOWER_IS_BETTER else "at_least",
        registration=quality.preregistration,
    )


def fixed_terms(config: Config, entries: Sequence[LedgerEntry], meter: str) -> Mapping[str, Any]:
    """What may not change between looks that tell scores, as the ledger carries it.

    Args:
        config: The project.
        entries: Of its ledger.
        meter: Digest under which looks at its sealed rows are counted.

    Returns:
        The settings as they are now; but for a floor that was raised since the first look under this
        number, which stands there as it was then.
    """
    quality = config.quality
    floor = quality.floor
    asked = (e.terms for e in entries if e.dataset == meter and "floor" in e.terms)
    first = next((terms for terms in asked if terms[REGISTRATION] == quality.preregistration), None)
    if first is not None and is_floor_kept(quality.metric, first["floor"], quality.floor):
        floor = first["floor"]
    return {
        "metric": quality.metric,
        "margin": quality.margin,
        "confidence": quality.confidence,
        "floor": floor,
    }


def is_floor_kept(metric: str, declared: float | None, now: float | None) -> bool:
    """Whether a floor is the one that was declared before the look, or a stricter one.

    A floor where there was none is neither: it takes the place of "better than the majority class", which
    may ask for more.

    >>> is_floor_kept("accuracy", 0.9, 0.95), is_floor_kept("accuracy", 0.9, 0.8)
    (True, False)
    >>> is_floor_kept("log_loss", 0.9, 0.8), is_floor_kept("accuracy", None, 0.8)
    (True, False)
    """
    if declared is None or now is None:
        return declared is now
    return now <= declared if metric in LOWER_IS_BETTER else now >= declared


def describe_looks(ledger: Ledger, meter: str, rows: int, config: Config, *, look: Look | None) -> CertAnswer:
    """The state of the ledger beside an answer, which itself is still to be filled in.

    Args:
        ledger: After the look.
        meter: Digest under which looks at the sealed rows are counted.
        rows: How many they are.
        config: Says the confidence, and the margin that an answer is to tell apart.
        look: What was answered; None when the ledger refused.
    """
    everything = ledger.entries
    entries = [entry for entry in everything if entry.dataset == meter]
    delta = 1 - config.quality.confidence
    # The bound is of averages between 0 and 1; errors of numbers have no upper end.
    is_bounded = not BY_TASK[config.data.task].unbounded
    return CertAnswer(
        rows=rows,
        bound=None if look is None or not is_bounded else look.bound(rows, delta=delta),
        bits=math.fsum(entry.bits for entry in entries),
        queries=len(entries),
        is_repeated=look is not None and not look.is_new,
        measurements=(),
        ledger_head=None if look is None else everything[-1].digest,
        wear=_wear(look, rows, config, delta) if look is not None and is_bounded else "",
        registrations=ledger.registrations(meter),
        clock=clock_notes(everything),
    )


def _wear(look: Look, rows: int, config: Config, delta: float) -> str:
    return look.wear(rows, margin=config.quality.margin, delta=delta).sentence


def _numbered_terms(config: Config, entries: Sequence[LedgerEntry], meter: str) -> Mapping[str, Any]:
    """As `Ledger.ask` writes them."""
    terms = {**fixed_terms(config, entries, meter), REGISTRATION: config.quality.preregistration}
    return dict(plain(terms))
