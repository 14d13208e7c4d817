"""Climbs the ladder: trains each rung, calibrates it out of fold, and writes it as a bundle.

Always: rungs are tried in the order given; one that cannot be built or crashes is an attempt with its
reason, never a gap. Quality and cost are measured elsewhere, on the bundle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from smallcraft.bundle.decoder import Decoder
from smallcraft.contracts import Need
from smallcraft.models.calibrate import fit_decoder
from smallcraft.models.crashes import describe_crash
from smallcraft.models.export import write_bundle
from smallcraft.models.memory import CpuMeter
from smallcraft.models.rungs import BUILTIN
from smallcraft.models.workshop import Workshop
from smallcraft.plugins import find_plugin
from smallcraft.records import CandidateStatus


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
    """

    rung: str
    status: CandidateStatus
    bundle: Path | None = None
    digest: str | None = None
    decoder: Decoder | None = None
    train_cpu_s: float | None = None
    reason: str = ""


def rungs_for(workshop: Workshop, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The rungs to try, in ladder order.

    Args:
        workshop: Its columns decide which rungs make sense when none are named.
        wanted: The user's own choice; None for all that read what the table has.

    Raises:
        InvalidInputError: A name that is no rung.
    """
    if wanted is not None:
        check_rungs(wanted)
        order = list(BUILTIN)
        return tuple(
            sorted(dict.fromkeys(wanted), key=lambda n: order.index(n) if n in order else len(order))
        )
    # A rung that reads columns the table does not have is out of place; a missing backbone is worth a row.
    readable = {need for need, lack in lacks(workshop).items() if lack is None} | {"backbone"}
    return tuple(name for name, rung in BUILTIN.items() if rung.needs <= readable)


def check_rungs(names: Sequence[str]) -> None:
    """Refuse a name that is no rung, before any work is done.

    Raises:
        InvalidInputError: The message lists the rungs there are.
    """
    for name in names:
        find_plugin("rungs", name, BUILTIN)


def lacks(workshop: Workshop) -> Mapping[Need, str | None]:
    """For each thing a rung may need: why it is not there and what would bring it, None when it is."""
    spec = workshop.spec
    return {
        "text": None if spec.text else "needs a text column; name one as `text` under [data]",
        "features": None
        if spec.numbers or spec.categories
        else "needs feature columns; name them as `features` under [data]",
        "backbone": None if workshop.backbone else workshop.no_backbone,
    }


def climb(
    rungs: Sequence[str], workshop: Workshop, target: Path, *, about: Mapping[str, Any]
) -> Iterator[Attempt]:
    """Try every rung, cheapest first.

    Args:
        rungs: Names, in order.
        workshop: The training rows and tools.
        target: Folder in which each bundle gets a directory named by its digest.
        about: What every bundle's description shall say besides what this module knows.

    Yields:
        An attempt a rung, as soon as it is done.
    """
    for name in rungs:
        try:
            attempt = _try_rung(name, workshop, target, about)
        except Exception as error:  # noqa: BLE001 - a rung may be anybody's plug-in; its crash is a row
            attempt = Attempt(name, CandidateStatus.CRASHED, reason=describe_crash(error))
        yield attempt


def _try_rung(name: str, workshop: Workshop, target: Path, about: Mapping[str, Any]) -> Attempt:
    needs = find_plugin("rungs", name, BUILTIN).needs
    reasons = [lack for need, lack in lacks(workshop).items() if need in needs and lack is not None]
    if reasons:
        return Attempt(name, CandidateStatus.SKIPPED, reason=reasons[0])
    return fit_rung(name, workshop, target, about=about)


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
    rung = find_plugin("rungs", name, BUILTIN)
    meter = CpuMeter(workshop.memory)
    # One thread: sums are then added in one order, so a resumed build gives the same bytes.
    with threadpool_limits(1):
        fitted = decoder or fit_decoder(
            rung.out_of_fold(workshop),
            workshop.labels,
            tolerance=workshop.tolerance,
            confidence=workshop.confidence,
        )
        stages = rung.stages(workshop)
    path, digest = write_bundle(
        target,
        stages,
        fitted,
        classes=workshop.classes,
        spec=workshop.spec,
        about={"rung": name, **about},
    )
    return Attempt(name, CandidateStatus.MEASURED, path, digest, fitted, meter.seconds())
