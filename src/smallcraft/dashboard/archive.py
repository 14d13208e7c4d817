"""What was released, tried and labelled, read once each: a committed entry never changes, so neither does it.

Leaves to others: checking what is read (`registry.store`), what a page makes of it (`dashboard.views`).
Always: a release that cannot be read is told as such in its own place; the others stand; a list of a few
releases reads those few, however long the log is.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.errors import NotFoundError
from smallcraft.registry.composing import read_decision
from smallcraft.registry.content.disk import read_blob
from smallcraft.registry.manifests.kinds import DECISION_PATH
from smallcraft.registry.memory.rounds import LabelRound, is_round, parse_round
from smallcraft.registry.memory.story import HistoryLine, describe_release
from smallcraft.registry.memory.trials import Trial, parse_trial
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.reading import read_manifest
from smallcraft.registry.tlog.entry import Content, Entry
from smallcraft.registry.tlog.order import Numbered


@dataclass(frozen=True)
class Shown:
    """A release in a list.

    Attributes:
        label: Its label.
        number: Of its entry in the log, from 1.
        line: What the history says of it, or why it cannot be read.
        aliases: Names that mean it now.
        is_retired: Whether it was taken out of use.
    """

    label: str
    number: int
    line: Part[HistoryLine]
    aliases: tuple[str, ...] = ()
    is_retired: bool = False


def open_log(sources: Sources) -> OpenLog:
    """The log as it is committed now; it is read again only where something was added.

    Raises:
        NotFoundError: Nothing was released yet.
        IntegrityError: It is broken.
    """
    return sources.remember("log", sources.registry_stamp(), lambda: sources.registry().log())


def count_releases(log: OpenLog) -> int:
    """How many there are, erased ones included."""
    return sum(len(puts) for puts in log.state.versions.values())


def newest_first(log: OpenLog, *, most: int | None = None) -> list[Numbered]:
    """Entries of releases, the newest first.

    Args:
        log: Where they are.
        most: How many; None for all.
    """
    versions = log.state.versions.values()
    if most is None:
        return sorted((put for puts in versions for put in puts), key=lambda put: -put.number)
    last = (put for puts in versions for put in puts[-most:])
    return heapq.nlargest(most, last, key=lambda put: put.number)


def show_releases(sources: Sources, puts: Iterable[Numbered]) -> tuple[Shown, ...]:
    """Releases with what the history says of each, in the order given."""
    log = open_log(sources)
    meant = sources.remember("aliases", log.checkpoint.root_digest, lambda: _aliases(log))
    return tuple(
        Shown(
            put.entry.label,
            put.number,
            read_part(partial(_line_of, sources, put.entry)),
            meant.get(put.entry.label, ()),
            log.state.is_retired(put.entry.name or "", put.entry.version or 0),
        )
        for put in puts
    )


def _aliases(log: OpenLog) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in log.state.versions:
        for alias, version in log.state.aliases(name).items():
            label = f"{name}@{version}"
            found[label] = (*found.get(label, ()), alias)
    return found


def _line_of(sources: Sources, entry: Entry) -> HistoryLine:
    def read() -> HistoryLine:
        stored = sources.registry().find(entry.label)
        return describe_release(stored.release, read_decision(stored))

    return sources.remember(f"line {entry.label}", _identity(sources, entry), read)


def _identity(sources: Sources, entry: Entry) -> str:
    """Of a release: another one where its entry is another one, or its bytes were given up."""
    log = open_log(sources)
    if log.is_erased(entry):
        raise NotFoundError(f"{entry.label} was retired and its files were erased")
    return entry.manifest.digest if entry.manifest else ""


@dataclass(frozen=True)
class Happened:
    """Something that the log holds beside releases.

    Attributes:
        number: Of its entry, from 1.
        time: When, RFC 3339.
        what: A candidate that was not released, or a round of labelling.
    """

    number: int
    time: str
    what: Trial | LabelRound


def read_happened(sources: Sources, entry: Entry, number: int) -> Happened:
    """What a `decision` entry is about.

    Raises:
        IntegrityError: It is not what was committed.
    """
    assert entry.manifest is not None
    name = f"decision {entry.manifest.digest}"
    found = sources.remember(name, entry.manifest.digest, lambda: _read_what(sources, entry, number))
    return Happened(number, entry.time, found)


def _read_what(sources: Sources, entry: Entry, number: int) -> Trial | LabelRound:
    use, layout = f"the decision of entry {number}", sources.registry().layout
    assert entry.manifest is not None
    manifest = read_manifest(layout, entry.manifest, use=use).manifest
    file = next(layer.file for layer in manifest.files if layer.file.path == DECISION_PATH)
    document = read_blob(layout, Content(file.digest, file.size_bytes), use=use)
    return parse_round(document, what=use) if is_round(document) else parse_trial(document, what=use)
