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
from smallcraft.models.calibrate import fit_decoder
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
    return tuple(name for name, rung in BUILTIN.items() if not _is_out_of_place(rung.missing(workshop)))


def check_rungs(names: Sequence[str]) -> None:
    """Refuse a name that is no rung, before any work is done.

    Raises:
        InvalidInputError: The message lists the rungs there are.
    """
    for name in names:
        find_plugin("rungs", name, BUILTIN)


def _is_out_of_place(reason: str | None) -> bool:
    """True for a rung that reads columns the table does not have; a missing install is worth a row."""
    return reason is not None and reason.startswith(("needs a text column", "needs feature columns"))


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
            attempt = Attempt(name, CandidateStatus.CRASHED, reason=f"{type(error).__name__}: {error}")
        yield attempt


def _try_rung(name: str, workshop: Workshop, target: Path, about: Mapping[str, Any]) -> Attempt:
    reason = find_plugin("rungs", name, BUILTIN).missing(workshop)
    if reason is not None:
        return Attempt(name, CandidateStatus.SKIPPED, reason=reason)
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
        fitted = decoder or fit_decoder(rung.out_of_fold(workshop), workshop.labels)
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
