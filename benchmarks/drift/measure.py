"""Plays scenes: this project's guardrail in this process, each peer in an environment of its own.

Always: all meet the same windows, or the peer's cell is an error; a cell is kept as soon as it is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.drift.cells import Cell, DelayCell, QuietCell
from benchmarks.drift.contestants import OURS, Peer
from benchmarks.drift.kept import KeptCell, Made, sources_digest
from benchmarks.drift.ours import delays, quiet_months
from benchmarks.drift.streams import CHANGES, MONTH, WORLDS, digest_of, windows
from benchmarks.machine import describe_machine, now_text
from benchmarks.peers import python_of
from benchmarks.process import run_child

STREAMS, HORIZON = 30, 60
# Of two months each, from the first window on; in worlds that the bars are about, and in the others.
QUIET_STREAMS, FEWER_STREAMS = 30, 10
_FEWER = ("season_untold", "categories", "rare")
PEER_WINDOWS, PEER_STREAMS = 240, 4
_PACKAGES = ("smallcraft", "numpy", "scipy", "numba")
Say = Callable[[str], None]


def streams_of(world: str) -> int:
    """How many streams are played in a world."""
    return FEWER_STREAMS if world in _FEWER else QUIET_STREAMS


def our_quiet(world: str, *, seed: int, streams: int, say: Say) -> KeptCell:
    """False alarms of the guardrail in a world.

    Args:
        world: By its name.
        seed: Of all chance.
        streams: Of two months each: one in which it learns as it judges, one after.
        say: Told of each stream that had an alarm.
    """
    found = []
    for stream in range(streams):
        found.append(quiet_months(WORLDS[world], seed=seed, stream=stream))
        one = found[-1]
        if one.learning or one.later:
            say(f"{world}, stream {stream}: {one.learning} alarms while learning, {one.later} later")
    cell = QuietCell(
        OURS,
        world,
        seed,
        MONTH,
        tuple(one.later for one in found),
        tuple(one.learning for one in found),
        tuple(one.undecided for one in found),
    )
    return _made(cell, cpu_s=sum(one.cpu_s for one in found))


def our_delays(changes: Sequence[str], *, seed: int, streams: int, say: Say) -> Iterator[KeptCell]:
    """Delays of the guardrail after some changes, the same quiet month before each.

    Args:
        changes: By their names.
        seed: Of all chance.
        streams: How many.
        say: Told of the progress.
    """
    began = time.process_time()
    found: dict[str, list[int | None]] = {change: [] for change in changes}
    for stream in range(streams):
        for change, delay in delays(changes, seed=seed, stream=stream, horizon=HORIZON).items():
            found[change].append(delay)
        if stream % 10 == 9:
            say(f"delays, {stream + 1} streams")
    took = (time.process_time() - began) / max(len(changes), 1)
    for change, several in found.items():
        yield _made(DelayCell(OURS, change, seed, HORIZON, tuple(several)), cpu_s=took)


def peer_quiet(peer: Peer, world: str, *, seed: int, several: int) -> list[KeptCell]:
    """False alarms of a peer's rules in a world.

    Args:
        peer: The library.
        world: By its name.
        seed: Of all chance.
        several: Windows, after a month of others that it may take for its reference.

    Raises:
        AbsentPeerError: It cannot be installed.
        ChildError: Its program failed, or met other windows.
    """
    answer = _ask(peer, {"world": world, "seed": seed, "stream": 0, "windows": several})
    if answer["digest"] != digest_of(windows(world, seed=seed, stream=0)):
        raise RuntimeError(f"{peer.name} met other windows of {world} than this project did")
    # Where only what is declared to smallcraft differs, a peer meets the same windows.
    twins = [other.name for other in WORLDS.values() if other.draws == WORLDS[world].draws]
    cells = [
        QuietCell(rule, twin, seed, several, (answer["alarms"][rule],))
        for twin in twins
        for rule in peer.rules
    ]
    return [_made(cell, cpu_s=answer["cpu_s"], peer=peer) for cell in cells]


def peer_delays(peer: Peer, changes: Sequence[str], *, seed: int, streams: int) -> list[KeptCell]:
    """Delays of a peer's rules after some changes.

    Args:
        peer: The library.
        changes: By their names.
        seed: Of all chance.
        streams: How many.

    Raises:
        AbsentPeerError: It cannot be installed.
        ChildError: Its program failed.
    """
    job = {"changes": list(changes), "seed": seed, "streams": list(range(streams)), "horizon": HORIZON}
    answer = _ask(peer, job)
    note = ""
    if answer.get("report_agrees"):
        agreed = answer["report_agrees"]
        note = f"{sum(agreed)} of {len(agreed)} windows whose whole report was made have the same verdict"
    return [
        _made(
            DelayCell(rule, change, seed, HORIZON, tuple(answer["delays"][change][rule])),
            cpu_s=answer["cpu_s"] / len(changes),
            peer=peer,
            note=note,
        )
        for change in changes
        for rule in peer.rules
    ]


def scenes_of(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Worlds and changes among some names.

    Args:
        names: Of scenes; empty for all.
    """
    wanted = names or (*WORLDS, *CHANGES)
    return [name for name in WORLDS if name in wanted], [name for name in CHANGES if name in wanted]


def _ask(peer: Peer, job: dict[str, Any]) -> dict[str, Any]:
    python: Path = python_of(peer.environment)
    return run_child(python, peer.program, {"what": "windows", **job})


def _made(cell: Cell, *, cpu_s: float, peer: Peer | None = None, note: str = "") -> KeptCell:
    versions = (
        {package: version(package) for package in _PACKAGES} if peer is None else peer.environment.versions
    )
    made = Made(sources_digest(cell.rule), now_text(), round(cpu_s, 1), describe_machine(), versions, note)
    return KeptCell(cell, made)
