"""A project as a server has it: which releases, from where; how a rollout begins, is steered, what it moves.

Leaves to others: processes (`serve.supervisor`), the rules of a rollout (`serve.rollout`).
Always: what is served was taken from the verified registry; `stable` moves by an entry of its log, with the
rollout's last receipt as the reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.pipeline.config import Config, load_config
from smallcraft.pipeline.usual_release import usual_reference
from smallcraft.pipeline.version_control import keep_checkpoint
from smallcraft.pipeline.watching.project import WatchPlaces, place_reference
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.registry.references import STABLE
from smallcraft.registry.store import Registry
from smallcraft.serve.loading.released import find_served, take_release
from smallcraft.serve.loading.source import HeadSource, ModelSource
from smallcraft.serve.processes.admin import ask_server
from smallcraft.serve.processes.orders import start_message
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.processes.sources import SourceBook
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.rollout.standing import ENDED, RolloutState
from smallcraft.serve.state.database import FILE_NAME
from smallcraft.serve.state.opening import find_rollout
from smallcraft.serve.windows.settings import WindowSettings

_COPIES = "copies"


@dataclass(frozen=True)
class ServedProject:
    """A project and the folder of its server.

    Attributes:
        project: Folder of `smallcraft.toml`, or the file.
        state: What the server keeps.
    """

    project: Path
    state: Path

    @property
    def folder(self) -> Path:
        """Of the project."""
        return self.project.parent if self.project.is_file() else self.project

    @property
    def copies(self) -> Path:
        """Where the server's copies of bundles are."""
        return self.state / _COPIES

    def state_of(self, rollout: str = "") -> Path:
        """The folder of the model that a rollout is of; without one, of the model whose rollout changed last.

        Raises:
            NotFoundError: No server kept anything here, no rollout began, or none has that name.
        """
        files = sorted(self.state.glob(f"*/{FILE_NAME}"), key=_last_written)
        for path in reversed(files):
            if _has_rollout(path.parent, rollout):
                return path.parent
        if not files:
            raise NotFoundError(
                f"no server has kept anything in {self.state}; start one with `smallcraft serve`, "
                "or name its folder with --state"
            )
        raise NotFoundError(
            f"there is no rollout '{rollout}' here; `smallcraft rollout status` names the last one"
            if rollout
            else "no rollout has begun here yet; begin one with `smallcraft rollout start RELEASE`"
        )


@dataclass(frozen=True)
class Obeyed:
    """What came of an order.

    Attributes:
        told: In words.
        rollout: Id of the rollout that it was about; empty where the server told of none.
        phase: That it is in now.
        weight: Share of traffic that the new release gets from now on.
    """

    told: str
    rollout: str = ""
    phase: str = ""
    weight: float = 0.0


def served_project(project: Path, state: Path | None = None) -> ServedProject:
    """A project with the usual folder for its server's state, or another one."""
    project = project.absolute()  # workers and routers have a working folder of their own
    folder = project.parent if project.is_file() else project
    return ServedProject(project, state.absolute() if state else Workspace(folder).root / "serving")


def serve_settings(
    served: ServedProject, references: Sequence[str], *, heads: Mapping[str, str] | None = None
) -> ServeSettings:
    """What to serve, by its usual settings.

    Args:
        served: The project.
        references: Releases such as `helpdesk@stable`; none for the project's stable one, or its newest
            where no release was called stable yet.
        heads: Name of a head to the release that answers it, on the first release's encoder.

    Raises:
        NotFoundError: There is no such release.
        InvalidInputError: It is retired.
        IntegrityError: A stored byte is not what was recorded.
    """
    registry = open_registry(served.project)
    named = references or [usual_reference(registry, served.project)]
    models = [_take(served, registry, reference) for reference in named]
    if heads:
        taken = {head: _take(served, registry, reference) for head, reference in heads.items()}
        models[0] = replace(models[0], heads=tuple(_head(head, one) for head, one in taken.items()))
    return ServeSettings(
        models=tuple(models),
        state=served.state,
        registry=Workspace(served.folder).registry,
        windows=_windows(served),
    )


def begin_rollout(served: ServedProject, reference: str, *, unsafe_repeat: bool = False) -> str:
    """Ask the running server to roll a release out, by the project's plan.

    The heads that are asked on the present release's encoder go with it: where the new release has another
    encoder it does not load, and the rollout ends before it has any traffic.

    Args:
        served: The project.
        reference: The new release.
        unsafe_repeat: Whether to try a bundle that was rolled back once more.

    Returns:
        The rollout's id.

    Raises:
        NotFoundError: There is no such release, or no server runs.
        InvalidInputError: The rollout cannot begin now.
        IntegrityError: A stored byte is not what was recorded.
    """
    from smallcraft.pipeline.declaring import declare  # takes seconds to load, and only this needs it

    config, registry = load_config(served.project), open_registry(served.project)
    answering = _served_release(served, reference=reference, registry=registry)
    new = _take(served, registry, reference)
    old = SourceBook(served.state / new.name).find(answering.digest)
    if old is None:
        old = _take(served, registry, answering.label)
    # Found, not asked for to be served: it may have been retired since, which is why another one comes.
    stored = registry.find(answering.label), find_served(registry, reference)
    declared = declare(config, (stored[0], open_bundle(old.folder)), (stored[1], open_bundle(new.folder)))
    message = start_message(
        replace(new, heads=old.heads), config.rollout.plan(), declared, unsafe_repeat=unsafe_repeat
    )
    return str(ask_server(served.state, message)["rollout"])


def order_rollout(
    served: ServedProject, command: str, *, rollout: str | None = None, model: str | None = None, reason: str
) -> Obeyed:
    """Ask the running server to abort, promote, freeze or resume a rollout.

    Args:
        served: The project.
        command: One of these.
        rollout: Its id; None for the one under way.
        model: Of several that are served, which; None for the one that a rollout is under way of.
        reason: A person's, for the receipt.

    Raises:
        NotFoundError: No server runs, or it has no rollout of that id.
        InvalidInputError: The order does not fit; says what would.
        SmallcraftError: It cannot be carried out.
    """
    name = model or _model_of(_models(served), rollout)
    message = {"command": command, "reason": reason} | ({} if name is None else {"model": name})
    told = str(ask_server(served.state, message)["told"])
    models = _models(served)
    after = models[name or next(iter(models))]["rollout"]
    return Obeyed(told) if after is None else Obeyed(told, after["id"], after["phase"], after["weight"])


def move_stable(served: ServedProject, state: RolloutState) -> None:
    """Let `stable` mean the release of a rollout that is done; nothing happens when it does already.

    Raises:
        SmallcraftError: The registry cannot be written now; ask again.
    """
    registry = open_registry(served.project)
    name, _, version = state.canary.label.rpartition("@")
    registry.set_alias(
        name,
        STABLE,
        int(version),
        now=datetime.now(UTC),
        reason=f"rollout {state.id} is done, receipt {state.last_receipt}",
    )
    keep_checkpoint(served.folder, registry.log())


def _take(served: ServedProject, registry: Registry, reference: str) -> ModelSource:
    """A release where the server reads it, and beside it what its windows will be held against."""
    taken = take_release(registry, reference, copies=served.copies)
    if _watches_server(load_config(served.project)):
        stored = registry.find(taken.label)
        place_reference(stored, taken.digest, WatchPlaces(served.folder).references)
    return taken


def _windows(served: ServedProject) -> WindowSettings | None:
    """How the server feeds windows; None where the project does not watch it."""
    config = load_config(served.project)
    if not _watches_server(config):
        return None
    places = WatchPlaces(served.folder)
    return config.watch.windows(places.parts, references=places.references, seed=config.seed)


def _watches_server(config: Config) -> bool:
    """Whether windows come from a server, not from files."""
    return "watch" in config.model_fields_set and config.watch.files is None


def _last_written(path: Path) -> float:
    """What was written last may still stand in the log beside the file."""
    times = []
    for found in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(FileNotFoundError):
            times.append(found.stat().st_mtime)
    return max(times, default=0.0)


def _has_rollout(folder: Path, rollout: str) -> bool:
    try:
        find_rollout(folder, rollout)
    except NotFoundError:
        return False
    return True


def _served_release(served: ServedProject, *, reference: str, registry: Registry) -> NamedRelease:
    """The release that answers now where the new one is to go."""
    name = registry.find(reference).entry.name
    models = _models(served)
    if name not in models:
        raise InvalidInputError(
            f"the server has the models {', '.join(models)}, got a release of '{name}'; serve that one first"
        )
    return NamedRelease(**models[name]["stable"])


def _models(served: ServedProject) -> dict[str, Any]:
    """What the server tells of each model."""
    found: dict[str, Any] = ask_server(served.state, {"command": "status"})["models"]
    return found


def _model_of(models: Mapping[str, Any], rollout: str | None) -> str | None:
    """The model whose rollout is meant; None where the server should say what is wrong."""
    last = {name: model["rollout"] for name, model in models.items() if model["rollout"] is not None}
    if rollout is None:
        under_way = [name for name, found in last.items() if found["phase"] not in ENDED]
        return under_way[0] if len(under_way) == 1 else None
    for name, found in last.items():
        if found["id"] == rollout:
            return name
    known = ", ".join(found["id"] for found in last.values()) or "none yet"
    raise NotFoundError(f"the server has no rollout '{rollout}' to give orders about; it has {known}")


def _head(head: str, source: ModelSource) -> HeadSource:
    return HeadSource(head, source.name, source.version, source.folder, source.digest, mended=source.mended)
