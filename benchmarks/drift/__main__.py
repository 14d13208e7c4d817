"""`python -m benchmarks.drift [scene ...]`: plays quiet months and changes; writes docs/drift.md.

python -m benchmarks.drift                        every scene under every rule, then the real data
python -m benchmarks.drift --go-on                likewise, without cells that would come out the same
python -m benchmarks.drift iid three_columns      some scenes; the page is written anew
python -m benchmarks.drift --only smallcraft      some contestants
python -m benchmarks.drift --quick                few streams; printed, nothing is written
python -m benchmarks.drift --page                 nothing is run, the page is written from what is kept
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.datasets import AbsentDataError
from benchmarks.drift.cells import QuietCell
from benchmarks.drift.contestants import OURS, PEERS, Peer
from benchmarks.drift.kept import KEPT, SCENES, KeptCell, is_current, keep, read
from benchmarks.drift.measure import (
    HORIZON,
    PEER_STREAMS,
    PEER_WINDOWS,
    STREAMS,
    our_delays,
    our_quiet,
    peer_delays,
    peer_quiet,
    scenes_of,
    streams_of,
)
from benchmarks.drift.page import write_page
from benchmarks.drift.real import REAL, keep_real, measure_real
from benchmarks.drift.streams import MONTH, WORLDS
from benchmarks.peers import AbsentPeerError

_QUICK_STREAMS = 2


def main(arguments: list[str]) -> int:
    """Play what was asked for; 1 when a peer or the real data are absent."""
    asked = _parser().parse_args(arguments)
    is_whole = True
    if not asked.page:
        scenes = [name for name in asked.scenes if name != REAL]
        if scenes or not asked.scenes:
            is_whole = run(
                scenes, asked.only or _names(), seed=asked.seed, goes_on=asked.go_on, is_quick=asked.quick
            )
        if REAL in asked.scenes or not (asked.scenes or asked.only):
            is_whole = real(is_quick=asked.quick) and is_whole
    if not asked.quick:
        write_page()
    return 0 if is_whole else 1


def run(
    scenes: Sequence[str],
    contestants: Iterable[str],
    *,
    seed: int,
    goes_on: bool = False,
    is_quick: bool = False,
    folder: Path = KEPT,
) -> bool:
    """Play cell by cell, and keep each as it ends.

    Args:
        scenes: By their names; empty for all.
        contestants: By their names.
        seed: Of all chance.
        goes_on: Whether to leave out cells that would come out the same.
        is_quick: Few streams, and nothing is kept.
        folder: Where cells are kept.

    Returns:
        Whether every contestant was there.
    """

    def note(kept: Iterable[KeptCell]) -> None:
        for one in kept:
            say_cell(one)
            if not is_quick:
                keep(one, folder=folder)

    def is_due(scene: str, rules: Iterable[str], streams: int, windows: int) -> bool:
        there = {one.cell.rule: one for one in read(scene, folder=folder)} if goes_on else {}
        return not all(
            rule in there and is_current(there[rule], streams=streams, windows=windows, seed=seed)
            for rule in rules
        )

    worlds, changes = scenes_of(scenes)
    wanted = list(contestants)
    is_whole = True
    if OURS in wanted:
        _run_ours(worlds, changes, seed=seed, is_quick=is_quick, is_due=is_due, note=note)
    for peer in (one for one in PEERS if one.name in wanted):
        try:
            _run_peer(peer, worlds, changes, seed=seed, is_quick=is_quick, is_due=is_due, note=note)
        except AbsentPeerError as error:
            say(str(error))
            is_whole = False
    return is_whole


Due = Callable[[str, Iterable[str], int, int], bool]
Note = Callable[[Iterable[KeptCell]], None]


def _run_ours(
    worlds: Sequence[str], changes: Sequence[str], *, seed: int, is_quick: bool, is_due: Due, note: Note
) -> None:
    streams = _QUICK_STREAMS if is_quick else STREAMS
    for world in worlds:
        quiet = _QUICK_STREAMS if is_quick else streams_of(world)
        if is_due(world, [OURS], quiet, MONTH):
            note([our_quiet(world, seed=seed, streams=quiet, say=say)])
    if due := [change for change in changes if is_due(change, [OURS], streams, HORIZON)]:
        note(our_delays(due, seed=seed, streams=streams, say=say))


def _run_peer(
    peer: Peer,
    worlds: Sequence[str],
    changes: Sequence[str],
    *,
    seed: int,
    is_quick: bool,
    is_due: Due,
    note: Note,
) -> None:
    streams = _QUICK_STREAMS if is_quick else PEER_STREAMS
    for world in dict.fromkeys(WORLDS[name].draws for name in worlds):
        if not WORLDS[world].has_categories and is_due(world, peer.rules, 1, PEER_WINDOWS):
            note(peer_quiet(peer, world, seed=seed, several=PEER_WINDOWS))
    if due := [change for change in changes if is_due(change, peer.rules, streams, HORIZON)]:
        note(peer_delays(peer, due, seed=seed, streams=streams))


def real(*, is_quick: bool) -> bool:
    """Stream the real data; False when they are absent."""
    try:
        found = measure_real(say=say)
    except AbsentDataError as error:
        say(f"{REAL}: not run: {error}")
        return False
    if not is_quick:
        keep_real(found)
    return True


def say_cell(kept: KeptCell) -> None:
    """A line on a cell."""
    cell = kept.cell
    if isinstance(cell, QuietCell):
        found = f"{cell.a_month:.2f} false alarms a month ({cell.total} in {cell.months:g} months)"
        found += f", {sum(cell.learning)} of them while learning" if cell.learning else ""
    else:
        found = f"seen after {cell.mean:.1f} windows (median {cell.median:g})"
        found += f", {cell.missed} of {cell.streams} not"
    say(f"{cell.scene}, {cell.rule}: {found}, {kept.made.cpu_s:.0f} CPU-s")


def say(text: str) -> None:
    """To standard error, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _names() -> list[str]:
    return [OURS, *(peer.name for peer in PEERS)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.drift", description="Watch streams of windows."
    )
    parser.add_argument("scenes", nargs="*", type=_scene, metavar="scene", help="some of them")
    parser.add_argument("--only", nargs="+", choices=_names(), help="some contestants")
    parser.add_argument("--seed", type=int, default=0, help="of all chance")
    parser.add_argument("--go-on", action="store_true", help="leave out cells that would come out the same")
    parser.add_argument("--quick", action="store_true", help="few streams; nothing is written")
    parser.add_argument("--page", action="store_true", help="only write the page from what is kept")
    return parser


def _scene(name: str) -> str:
    if name not in (*SCENES, REAL):
        raise argparse.ArgumentTypeError(
            f"there is no scene {name!r}; there are {', '.join((*SCENES, REAL))}"
        )
    return name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
