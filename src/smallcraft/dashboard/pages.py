"""The pages there are: the address of each, what is read for it, and what it depends on.

A new page is a module of `views`, a template, and a line of `PAGES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smallcraft.canonical import digest_value
from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views import home

Read = Callable[[Sources, Asked], object]
Stamp = Callable[[Sources], str]


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        path: Its address, with parts in braces.
        title: In the bar of links, and of the window.
        template: In `templates`.
        read: From the state of the project to what stands on it.
        stamps: What it depends on: when none of them changed, neither did the page.
        is_live: Whether it also shows what the running server says now.
        is_listed: Whether the bar of links has it.
    """

    path: str
    title: str
    template: str
    read: Read
    stamps: Sequence[Stamp]
    is_live: bool = False
    is_listed: bool = True

    def stamp(self, sources: Sources) -> str:
        """Of everything that it shows, now."""
        parts: list[object] = [stamp(sources) for stamp in self.stamps]
        if self.is_live:
            parts.append(digest_value(_plain(sources.server())))
        return digest_value(parts)


def _plain(told: object) -> object:
    """Numbers as text: a digest has no room for fractions that differ in the last bit."""
    return repr(told)


REGISTRY, BUILD = Sources.registry_stamp, Sources.build_stamp
WATCH, SERVING, LABEL = Sources.watch_stamp, Sources.serving_stamp, Sources.label_stamp

PAGES: Sequence[Page] = (
    Page("/", "Home", "home.html.jinja", home.read, (REGISTRY, BUILD, WATCH, SERVING), is_live=True),
)
