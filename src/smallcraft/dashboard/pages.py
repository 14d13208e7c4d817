"""The pages there are: the address of each, what is read for it, and what it depends on.

A new page is a module of `views`, a template, and a line of `PAGES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smallcraft.canonical import digest_value
from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources

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
        is_live: Whether it also shows which releases the running server answers with now.
        is_counting: Whether it also shows what that server counted.
        is_listed: Whether the bar of links has it.
    """

    path: str
    title: str
    template: str
    read: Read
    stamps: Sequence[Stamp]
    is_live: bool = False
    is_counting: bool = False
    is_listed: bool = True

    def stamp(self, sources: Sources) -> str:
        """Of everything that it shows, now."""
        parts: list[object] = [stamp(sources) for stamp in self.stamps]
        if self.is_live:
            parts.append(sources.server_stamp())
        if self.is_counting:
            parts.append(sources.counted_stamp())
        return digest_value(parts)


def _view(name: str) -> Read:
    """`read` of a module of `views`, loaded when its page is first asked for: some take seconds to load."""

    def read(sources: Sources, asked: Asked) -> object:
        view: object = importlib.import_module(f"smallcraft.dashboard.views.{name}").read(sources, asked)
        return view

    return read


REGISTRY, BUILD = Sources.registry_stamp, Sources.build_stamp
WATCH, SERVING, LABEL = Sources.watch_stamp, Sources.serving_stamp, Sources.label_stamp

PAGES: Sequence[Page] = (
    Page("/", "Home", "home.html.jinja", _view("home"), (REGISTRY, BUILD, WATCH, LABEL), is_live=True),
    Page("/releases", "Releases", "releases.html.jinja", _view("releases"), (REGISTRY, SERVING)),
    Page(
        "/releases/{label}", "Release", "release.html.jinja", _view("release"), (REGISTRY,), is_listed=False
    ),
    Page("/rollout", "Rollout", "rollout.html.jinja", _view("rollout"), (SERVING,), is_live=True),
    Page(
        "/rollout/{rollout}",
        "Rollout",
        "rollout.html.jinja",
        _view("rollout"),
        (SERVING,),
        is_live=True,
        is_listed=False,
    ),
    Page(
        "/traffic",
        "Traffic",
        "traffic.html.jinja",
        _view("traffic"),
        (WATCH,),
        is_live=True,
        is_counting=True,
    ),
    Page("/drift", "Drift", "drift.html.jinja", _view("drift"), (WATCH,)),
    Page("/drift/{alarm:path}", "Alarm", "alarm.html.jinja", _view("alarm"), (WATCH, LABEL), is_listed=False),
    Page("/data", "Data", "data.html.jinja", _view("data"), (REGISTRY, BUILD)),
    Page("/label", "Label", "campaigns.html.jinja", _view("campaigns"), (LABEL, REGISTRY)),
    Page(
        "/label/{campaign}",
        "Campaign",
        "labelling.html.jinja",
        _view("labelling"),
        (LABEL, REGISTRY),
        is_listed=False,
    ),
    Page("/experiments", "Experiments", "experiments.html.jinja", _view("experiments"), (REGISTRY,)),
)
