"""Climbs the ladder: trains each rung, calibrates it out of fold, and writes it as a bundle.

A dear rung is weighed before it is trained (its estimated cost against the budget), and raced: trained for
one fold first, and stopped when its answers there show that it cannot win.
Always: rungs are tried in the order given; one that cannot be built, is stopped or crashes is an attempt
with its reason, never a gap. Quality and cost are measured elsewhere, on the bundle; who cannot win is the
caller's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Need, Rung
from smallcraft.models.augment import blank_copies
from smallcraft.models.calibrate import answered_rows, decode_held_out
from smallcraft.models.candidates import find_rung, place_of
from smallcraft.models.crashes import describe_crash
from smallcraft.models.export import write_bundle
from smallcraft.models.memory import CpuMeter
from smallcraft.models.parts.targets import TASKS
from smallcraft.models.rungs import BUILTIN
from smallcraft.models.workshop import Workshop
from smallcraft.records import CandidateStatus

TRAIN_COMMAND = "pip install torch==2.13.0 && pip install 'smallcraft[train]'"


@dataclass(frozen=True)
class HeldOut:
    """A rung's answers to rows of folds that it was not trained on.

    Attributes:
        rung: Its name.
        no_cheaper_than: The rung whose cost of answering it has at least, where that is known.
        rows: `(m,)` int64 positions among the training rows, ascending.
        probs: `(m, k)` float64.
        decoder: What made them of logits, and decides by them; None for one class a row.
    """

    rung: str
    no_cheaper_than: str | None
    rows: NDArray[np.int64]
    probs: NDArray[np.float64]
    decoder: Decoder | None = None


@dataclass(frozen=True)
class Attempt:
    """How one rung went.

    Attributes:
        rung: Its name.
        status: MEASURED here means built: ready to be measured.
        bundle: The bundle's directory.
        digest: The bundle's digest.
        decoder: How it decodes, to be kept when the rung is refitted.
        train_cpu_s: CPU-seconds from rows to bundle, work shared with earlier rungs included.
        reason: Why there is no bundle.
        held_out: What it answered of rows that it had not seen; None for a refit, which learns no decoder.
    """

    rung: str
    status: CandidateStatus
    bundle: Path | None = None
    digest: str | None = None
    decoder: Decoder | None = None
    train_cpu_s: float | None = None
    reason: str = ""
    held_out: HeldOut | None = None


AnyRung = Rung[Workshop, Stage]
CannotWin = Callable[[HeldOut], str | None]
"""Given a raced rung's answers, why it cannot win; None while it may."""


def rungs_for(workshop: Workshop, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The rungs to try, in ladder order.

    Args:
        workshop: Its columns decide which rungs make sense when none are named.
        wanted: The user's own choice; None for all that read what the table has, those that train for minutes
            among them where there is a budget for training.

    Raises:
        InvalidInputError: A name that is no rung.
    """
    if wanted is not None:
        check_rungs(wanted)
        return tuple(sorted(dict.fromkeys(wanted), key=place_of))
    # A rung that reads columns the table does not have is out of place; a missing backbone is worth a row.
    # One that trains for minutes is not, before somebody gave it a budget or its name.
    readable = {need for need, lack in lacks(workshop).items() if lack is None} | {"backbone"}
    if workshop.budget_cpu_s is None:
        readable.discard("train")
    return tuple(name for name, rung in BUILTIN.items() if rung.needs <= readable)


def check_rungs(names: Sequence[str]) -> None:
    """Refuse a name that is no rung, before any work is done.

    Raises:
        InvalidInputError: The message lists the rungs there are.
    """
    for name in names:
        find_rung(name)


def lacks(workshop: Workshop) -> Mapping[Need, str | None]:
    """For each thing a rung may need: why it is not there and what would bring it, None when it is."""
    spec = workshop.spec
    return {
        "text": None if spec.text else "needs a text column; name one as `text` under [data]",
        "features": None
        if spec.numbers or spec.categories
        else "needs feature columns; name them as `features` under [data]",
        "backbone": None if workshop.backbone else workshop.no_backbone,
        "train": None if can_train() else f"needs the extra [train]; `{TRAIN_COMMAND}` adds it (800 MB)",
    }


def can_train() -> bool:
    """Whether the packages of the extra [train] are installed; none is loaded."""
    try:
        return all(find_spec(package) is not None for package in ("torch", "transformers", "peft"))
    except ImportError:  # an import hook may refuse a package that is there
        return False


def climb(
    rungs: Sequence[str],
    workshop: Workshop,
    target: Path,
    *,
    about: Mapping[str, Any],
    cannot_win: CannotWin | None = None,
) -> Iterator[Attempt]:
    """Try every rung, cheapest first.

    Args:
        rungs: Names, in order.
        workshop: The training rows and tools.
        target: Folder in which each bundle gets a directory named by its digest.
        about: What every bundle's description shall say besides what this module knows.
        cannot_win: Judges a raced rung after its first fold; None to train every one to its end.

    Yields:
        An attempt a rung, as soon as it is done.
    """
    for name in rungs:
        try:
            attempt = _try_rung(name, workshop, target, about, cannot_win)
        except Exception as error:  # noqa: BLE001 - a rung may be anybody's plug-in; its crash is a row
            attempt = Attempt(name, CandidateStatus.CRASHED, reason=describe_crash(error))
        yield attempt


def _try_rung(
    name: str, workshop: Workshop, target: Path, about: Mapping[str, Any], cannot_win: CannotWin | None
) -> Attempt:
    rung = find_rung(name)
    reasons = [lack for need, lack in lacks(workshop).items() if need in rung.needs and lack is not None]
    reasons = [*_cannot_learn(rung, workshop), *reasons]
    reasons = reasons or [reason for reason in [_too_dear(rung, workshop)] if reason]
    if reasons:
        return Attempt(name, CandidateStatus.SKIPPED, reason=reasons[0])
    if cannot_win is not None and rung.is_raced:
        meter = CpuMeter(workshop.memory)
        held_out = _answer_first_fold(rung, workshop)
        if reason := cannot_win(held_out):
            return Attempt(
                name,
                CandidateStatus.STOPPED,
                train_cpu_s=meter.seconds(),
                reason=reason,
                held_out=held_out,
            )
    return fit_rung(name, workshop, target, about=about)


def _cannot_learn(rung: AnyRung, workshop: Workshop) -> list[str]:
    if workshop.task in rung.tasks:
        return []
    return [f"learns {' and '.join(sorted(rung.tasks))}, the task of [data] is {workshop.task}"]


def _too_dear(rung: AnyRung, workshop: Workshop) -> str | None:
    if workshop.budget_cpu_s is None:
        return None
    estimate = rung.estimate_cpu_s(workshop)
    if estimate is None or estimate <= workshop.budget_cpu_s:
        return None
    return (
        f"training would take about {estimate:,.0f} CPU-s, the budget's train_cpu_s is "
        f"{workshop.budget_cpu_s:,.0f}; raise it under [budget] to try this rung"
    )


def _answer_first_fold(rung: AnyRung, workshop: Workshop) -> HeldOut:
    with threadpool_limits(1):
        logits = blank_copies(rung.out_of_fold(replace(workshop, most_folds=1)), workshop)
        return _held_out(rung, _fit_decoder(logits, workshop), logits)


def _held_out(rung: AnyRung, decoder: Decoder, logits: Sequence[NDArray[np.float64]]) -> HeldOut:
    known = answered_rows(logits)
    stages = [stage[known] for stage in logits]
    return HeldOut(
        rung.name,
        rung.no_cheaper_than,
        np.flatnonzero(known),
        decode_held_out(decoder, stages),
        decoder,
    )


def _fit_decoder(logits: Sequence[NDArray[np.float64]], workshop: Workshop) -> Decoder:
    return TASKS[workshop.task].decoder(logits, workshop)


def fit_rung(
    name: str,
    workshop: Workshop,
    target: Path,
    *,
    about: Mapping[str, Any],
    decoder: Decoder | None = None,
) -> Attempt:
    """Train one rung and write its bundle.

    Args:
        name: The rung.
        workshop: The training rows and tools.
        target: Folder of bundles.
        about: As in `climb`.
        decoder: Use this one instead of fitting it out of fold (for a refit on more rows).
    """
    rung = find_rung(name)
    meter = CpuMeter(workshop.memory)
    # One thread: sums are then added in one order, so a resumed build gives the same bytes.
    with threadpool_limits(1):
        held_out = None
        if decoder is None:
            logits = blank_copies(rung.out_of_fold(workshop), workshop)
            decoder = _fit_decoder(logits, workshop)
            held_out = _held_out(rung, decoder, logits)
        stages = rung.stages(workshop)
    path, digest = write_bundle(
        target,
        stages,
        decoder,
        classes=workshop.classes,
        spec=workshop.spec,
        about={"rung": name, **about},
    )
    return Attempt(
        name,
        CandidateStatus.MEASURED,
        path,
        digest,
        decoder,
        train_cpu_s=meter.seconds(),
        held_out=held_out,
    )
