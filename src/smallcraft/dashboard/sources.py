"""Everything that pages read of a project, each part read again only when its files changed.

Leaves to others: what a page makes of it (`dashboard.views`), what is in a part (the stages below).
What reads a part takes seconds to load, so each is imported where it is first needed (`prepare` does that
ahead of the first question).
Always: nothing is written; a part that is damaged or missing is told as such and takes no other part with it.
Not covered: a change within one tick of the file system's clock that leaves a file's size as it was.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from smallcraft.canonical import digest_value
from smallcraft.errors import IntegrityError, NotFoundError, SmallcraftError
from smallcraft.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from smallcraft.dashboard.rollout_history import History
    from smallcraft.dashboard.traffic_history import TrafficLog
    from smallcraft.label.campaigns import Campaigns
    from smallcraft.observe.journal import Journal
    from smallcraft.observe.store import WindowStore
    from smallcraft.pipeline.config import Config
    from smallcraft.pipeline.rollout_telling import Told
    from smallcraft.pipeline.serving import ServedProject
    from smallcraft.pipeline.watching.project import WatchPlaces
    from smallcraft.pipeline.watching.telling import WatchStatus
    from smallcraft.registry.memory.story import Story
    from smallcraft.registry.store import Registry

Value = TypeVar("Value")

_ASK_S = 2.0
_LIVE_S = 1.0
_JOURNAL_FILE = "watch.db"


@dataclass(frozen=True)
class Part(Generic[Value]):
    """A part of the state, or why it is not there.

    Attributes:
        value: None where it could not be read.
        problem: What is wrong with it and what to do, for people; empty where nothing is.
        is_absent: Whether there simply is none yet.
    """

    value: Value | None
    problem: str = ""
    is_absent: bool = False

    @property
    def is_there(self) -> bool:
        """Whether it could be read."""
        return self.value is not None


def read_part(read: Callable[[], Value]) -> Part[Value]:
    """A part, with what went wrong in words where something did."""
    try:
        return Part(read())
    except NotFoundError as error:
        return Part(None, str(error), is_absent=True)
    except (SmallcraftError, OSError) as error:
        return Part(None, str(error))


@dataclass(frozen=True)
class Built:
    """What the last build found.

    Attributes:
        release: What it released; empty where a gate stood in the way.
        facts: As a release records them.
    """

    release: str
    facts: Mapping[str, Any]


class Sources:
    """What pages read of one project; many threads may ask at once.

    Args:
        project: The folder of `smallcraft.toml`, or the file.
        state: Folder of the server's state; None for the usual one.
    """

    def __init__(self, project: Path, *, state: Path | None = None) -> None:
        project = project.absolute()
        self.folder = project.parent if project.is_file() else project
        self.project = project
        self.workspace = Workspace(self.folder)
        self.state = state.absolute() if state else self.workspace.root / "serving"
        self._lock = threading.RLock()
        self._locks: dict[str, threading.RLock] = {}
        self._asking = threading.Lock()
        self._known: dict[str, tuple[str, object]] = {}
        self._registry: Registry | None = None
        self._server: tuple[float, Mapping[str, Any] | None] = (-_LIVE_S, None)

    @cached_property
    def places(self) -> WatchPlaces:
        """Where watching keeps what it knows."""
        from smallcraft.pipeline.watching.project import WatchPlaces

        return WatchPlaces(self.folder)

    @cached_property
    def served(self) -> ServedProject:
        """The project and the folder of its server."""
        from smallcraft.pipeline.serving import ServedProject

        return ServedProject(self.project, self.state)

    @cached_property
    def history(self) -> History:
        """What rollouts showed over time."""
        from smallcraft.dashboard.rollout_history import History

        return History()

    @cached_property
    def traffic(self) -> TrafficLog:
        """What the running server counted, look by look."""
        from smallcraft.dashboard.traffic_history import TrafficLog

        return TrafficLog()

    def remember(self, name: str, stamp: str, read: Callable[[], Value]) -> Value:
        """A value that follows from files, computed again only when their stamp is another one.

        Args:
            name: Of the value; one value a name is kept.
            stamp: Of what it follows from, by `stamp_of`.
            read: Computes it; an error is not remembered.
        """
        with self._lock:
            own = self._locks.setdefault(name, threading.RLock())
        with own:  # a part that takes long to read keeps nobody from the others
            known = self._known.get(name)
            if known is None or known[0] != stamp:
                self._known[name] = known = (stamp, read())
            return cast("Value", known[1])

    # Files of each part: a change of any of them changes its stamp.

    def registry_stamp(self) -> str:
        """Of the registry's log."""
        return stamp_of([self.workspace.registry / "log" / "checkpoint"])

    def build_stamp(self) -> str:
        """Of the last build and the last check."""
        return stamp_of([self.workspace.last_build, self.workspace.report, self.workspace.check])

    def watch_stamp(self) -> str:
        """Of windows and alarms."""
        journal = self.places.root / _JOURNAL_FILE
        months = sorted(self.places.store.glob("*")) if self.places.store.is_dir() else []
        return stamp_of([journal, Path(f"{journal}-wal"), *months])

    def serving_stamp(self) -> str:
        """Of what a server wrote of its rollouts, and of whether one runs."""
        found = sorted([*self.state.glob("*"), *self.state.glob("*/*")]) if self.state.is_dir() else []
        return stamp_of(path for path in found if path.is_file() and not path.name.endswith("-shm"))

    def server_stamp(self) -> str:
        """Of which releases the running server answers with, and of what it is alarmed by."""
        told = self.server()
        if told is None:
            return ""
        models = {
            name: [model["stable"], model["phase"], repr(model["weight"]), model["alarms"]]
            for name, model in told["models"].items()
        }
        return digest_value([models, told["alarms"], told["pid"]])

    def counted_stamp(self) -> str:
        """Of the last look at what the running server counted."""
        last = self.traffic.last
        return "" if last is None else repr((last.arms, last.refusals))

    def label_stamp(self) -> str:
        """Of campaigns and votes."""
        folder = self.label_folder
        return stamp_of([folder, *(sorted(folder.rglob("*")) if folder.is_dir() else [])])

    @property
    def label_folder(self) -> Path:
        """Of campaigns and votes."""
        return self.workspace.root / "label"

    # Parts.

    def config(self) -> Config:
        """The project file.

        Raises:
            ConfigError: It cannot be used.
            NotFoundError: There is none.
        """
        from smallcraft.pipeline.config import load_config

        path = self.project if self.project.is_file() else self.folder / "smallcraft.toml"
        return self.remember("config", stamp_of([path]), lambda: load_config(self.project))

    def name(self) -> str:
        """The project's: of its releases, or of its folder where its file cannot be used."""
        part = read_part(self.config)
        return self.folder.name if part.value is None else part.value.name

    def registry(self) -> Registry:
        """The registry, opened once.

        Raises:
            NotFoundError: Nothing was released yet.
            IntegrityError: It is broken.
        """
        from smallcraft.pipeline.workspace import open_registry

        with self._lock:
            if self._registry is None:
                self._registry = open_registry(self.project)
            return self._registry

    def story(self) -> Story:
        """The history: releases with what changed and why, and what happened between them.

        Raises:
            NotFoundError: Nothing was released yet.
            IntegrityError: Something in it is not what was committed.
        """
        from smallcraft.registry.telling import tell_registry

        return self.remember("story", self.registry_stamp(), lambda: tell_registry(self.registry()))

    def last_build(self) -> Built:
        """What the last build found, released or not.

        Raises:
            NotFoundError: Nothing was built yet.
            IntegrityError: The release that it made is not what was committed.
        """
        return self.remember("built", self.build_stamp() + self.registry_stamp(), self._read_built)

    def server(self) -> Mapping[str, Any] | None:
        """What the running server says of its models; None where none runs. Asked once a second at most."""
        from smallcraft.serve.processes.admin import ask_server

        with self._asking:
            asked, told = self._server
            if time.monotonic() - asked >= _LIVE_S:
                try:
                    told = ask_server(self.state, {"command": "status"}, within_s=_ASK_S)
                except SmallcraftError:
                    told = None
                self._server = (time.monotonic(), told)
            return told

    def sample(self) -> None:
        """Look at the running server once, so that there is a history of it while these pages run."""
        told = self.server()
        if told is None:
            return
        from smallcraft.dashboard.traffic_history import read_metrics
        from smallcraft.serve.processes.admin import ask_server
        from smallcraft.serve.rollout.standing import ENDED
        from smallcraft.serve.state.opening import find_rollout

        with suppress(SmallcraftError):
            page = ask_server(self.state, {"command": "metrics"}, within_s=_ASK_S)["page"]
            self.traffic.note(read_metrics(page, time.time()))
        for model in told["models"].values():
            rollout = model["rollout"]
            if rollout is not None and rollout["phase"] not in ENDED:
                state = find_rollout(self.served.state_of(rollout["id"]), rollout["id"])
                self.history.note(state, time.time())
                return

    def rollouts(self, rollout: str | None = None) -> Told:
        """Where the last rollout stands, or the one that is named.

        Raises:
            NotFoundError: None began yet, or there is none of that name.
        """
        from smallcraft.pipeline.rollout_telling import tell_rollouts

        return tell_rollouts(self.served, rollout)

    def journal(self) -> Journal:
        """The journal of alarms, to be closed after use.

        Raises:
            NotFoundError: Nothing is watched yet.
        """
        from smallcraft.observe.journal import Journal

        if not (self.places.root / _JOURNAL_FILE).exists():
            raise NotFoundError(
                "nothing is watched yet; `smallcraft watch` weighs what production brings against what was "
                "released"
            )
        return Journal(self.places.root)

    def watch(self) -> WatchStatus:
        """Where watching stands: releases, windows, alarms.

        Raises:
            NotFoundError: Nothing is watched yet.
            IntegrityError: The journal is damaged.
        """
        return self.remember("watch", self.watch_stamp(), self._read_watch)

    def campaigns(self) -> Campaigns:
        """The campaigns of labelling; there may be none yet."""
        from smallcraft.label.campaigns import Campaigns

        return Campaigns(self.label_folder)

    def windows(self) -> WindowStore:
        """The store of windows that are over."""
        from smallcraft.observe.store import WindowStore

        return WindowStore(self.places.store)

    def _read_built(self) -> Built:
        path = self.workspace.last_build
        if not path.is_file():
            raise NotFoundError("nothing was built yet; `smallcraft build` makes the first release")
        try:
            kept = json.loads(path.read_bytes())
            release, facts = kept["release"], kept["facts"]
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"{path} is not what a build keeps ({error}); `smallcraft build` writes it anew"
            ) from error
        if release is None:
            return Built("", facts)
        return Built(release, self.registry().read(release).facts)

    def _read_watch(self) -> WatchStatus:
        from smallcraft.pipeline.watching.telling import tell_watch

        settings = self.config().watch.settings(seed=self.config().seed)
        with self.journal() as journal:
            return tell_watch(journal, self.windows(), settings, unwatched={})


def stamp_of(paths: Iterable[Path]) -> str:
    """What changes when one of these files or folders does: names, sizes, times of the last change.

    An empty log of SQLite counts as none: whoever only reads a database makes and removes one.
    """
    seen: list[list[object]] = []
    for path in paths:
        with suppress(OSError):
            found = path.stat()
            if found.st_size or not path.name.endswith("-wal"):
                seen.append([str(path), found.st_size, str(found.st_mtime_ns), str(found.st_ino)])
    return digest_value(seen)
