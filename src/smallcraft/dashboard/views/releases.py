"""Releases: all of them, newest first, searched and filtered; and what was serving at a time.

Always: a page of the list reads the releases on it, not the others; the search is the registry's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.dashboard.archive import Shown, newest_first, open_log, show_releases
from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.dashboard.views.served_when import ServedWhen, served_when
from smallcraft.registry.indexing import refresh_search
from smallcraft.registry.opening import OpenLog
from smallcraft.registry.tlog.order import Numbered

ON_A_PAGE = 20


@dataclass(frozen=True)
class Listed:
    """A page of the list.

    Attributes:
        shown: Its releases, newest first.
        found: How many match.
        total: How many there are.
        page: Number of the page, from 1.
        pages: How many pages there are, at least 1.
        newest: Label of the newest release in use.
        aliases: Names that some version of some release has or had.
    """

    shown: tuple[Shown, ...]
    found: int
    total: int
    page: int
    pages: int
    newest: str
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class ReleasesView:
    """What stands on the page.

    Attributes:
        words: That were searched for.
        alias: That was filtered by.
        at: The time that was asked about, as it was typed.
        listed: The list.
        when: What was serving then; None where nothing was asked.
    """

    words: str
    alias: str
    at: str
    listed: Part[Listed]
    when: Part[ServedWhen] | None


def read(sources: Sources, asked: Asked) -> ReleasesView:
    """The page."""
    at = asked.word("at")
    return ReleasesView(
        words=asked.word("q"),
        alias=asked.word("alias"),
        at=at,
        listed=read_part(lambda: _listed(sources, asked)),
        when=read_part(lambda: served_when(sources, at)) if at else None,
    )


def _listed(sources: Sources, asked: Asked) -> Listed:
    log = open_log(sources)
    every = sources.remember("puts", log.checkpoint.root_digest, lambda: newest_first(log))
    chosen: Sequence[Numbered] = every
    if alias := asked.word("alias"):
        meant = labels_called(log, alias)
        chosen = [put for put in chosen if put.entry.label in meant]
    if words := asked.word("q"):
        search = refresh_search(sources.registry().layout, log)
        labels = {found.label for found in search.find(words)}
        chosen = [put for put in chosen if put.entry.label in labels]
    pages = max(1, -(-len(chosen) // ON_A_PAGE))
    page = min(asked.number("page", 1), pages)
    here = chosen[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    in_use = (put.entry for put in every if not _is_retired(log, put))
    return Listed(
        shown=show_releases(sources, here),
        found=len(chosen),
        total=len(every),
        page=page,
        pages=pages,
        newest=next((entry.label for entry in in_use), ""),
        aliases=tuple(sorted({alias for _, alias in log.state.moves})),
    )


def labels_called(log: OpenLog, alias: str) -> frozenset[str]:
    """Labels of the releases that an alias means, or meant at any time."""
    return frozenset(
        f"{name}@{move.entry.version}"
        for (name, known), moves in log.state.moves.items()
        for move in moves
        if known == alias and move.entry.version is not None
    )


def _is_retired(log: OpenLog, put: Numbered) -> bool:
    return log.state.is_retired(put.entry.name or "", put.entry.version or 0)
