"""What a release says it was made from: its settings, and every number on record, as values.

Left to others: whether the bytes are those that were recorded (the registry hashes what it hands out).
Always: the settings are those of the release, never of the project file as it is today.
Not covered: a release without a project file, as a build from Python without one makes; it is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import PrivateAttr

from smallcraft.data.split import DEALT_ANEW
from smallcraft.errors import ConfigError, InvalidInputError, NotFoundError
from smallcraft.pipeline.config import FILE_NAME, Config, parse_config
from smallcraft.pipeline.recorded import evidence_of
from smallcraft.records import Evidence, Release
from smallcraft.registry.memory.answers import ANSWERS_FILE
from smallcraft.registry.memory.rows import ROWS_FILE

_BUNDLE = "bundle/"


@dataclass(frozen=True)
class Origin:
    """The record of a build.

    Attributes:
        label: Of the release.
        facts: Everything that is recorded.
        config: The settings.
        candidates: By rung, what was measured.
        released: What was measured of the bundle that shipped.
        bundle: Its digest.
        bundle_files: Path inside the bundle to digest.
        looks: Lines of the ledger, oldest first, up to what the release was told; empty if not logged.
        rows: Which rows it was made from (`memory.rows`); None where it does not keep them.
        answers: The winner's answers on dev (`memory.answers`); None where it does not keep them.
    """

    label: str
    facts: Mapping[str, Any]
    config: Config
    candidates: Mapping[str, Evidence]
    released: Evidence
    bundle: str
    bundle_files: Mapping[str, str]
    looks: tuple[bytes, ...] = ()
    rows: bytes | None = None
    answers: bytes | None = None

    @property
    def chosen(self) -> str:
        """The rung that was released."""
        chosen: str = self.facts["decision"]["chosen"]
        return chosen

    @property
    def dealing(self) -> int:
        """How its rows were dealt to splits; by the first method where the release does not say."""
        found: int = self.facts["data"].get("dealing", DEALT_ANEW)
        return found

    @property
    def environment(self) -> Mapping[str, Any]:
        """Packages, machine, seed and code."""
        found: Mapping[str, Any] = self.facts.get("environment") or {}
        return found


class MovedConfig(Config):
    """Settings whose data stay where they are while everything that is written goes elsewhere."""

    _data_folder: Path = PrivateAttr(default=Path())

    @classmethod
    def of(cls, config: Config, *, workspace: Path, data: Path) -> Self:
        """The same settings.

        Args:
            config: As recorded.
            workspace: Takes the place of the project's folder for what a build writes.
            data: What relative paths are relative to.
        """
        values = {name: getattr(config, name) for name in Config.model_fields}
        moved = cls.model_construct(config.model_fields_set, **values)
        moved._folder, moved._data_folder = workspace, data
        return moved

    @property
    def data_folder(self) -> Path:
        """What relative paths are relative to."""
        return self._data_folder

    def resolve(self, path: str | Path) -> Path:
        """A path of the project file, as seen from the folder of the data."""
        return self._data_folder / path


def read_origin(release: Release, read: Callable[[str], bytes], looks: Sequence[bytes] = ()) -> Origin:
    """Read what a release recorded.

    Args:
        release: As read from a registry.
        read: Path of one of its files to bytes.
        looks: Every line of the ledger that the registry logged, oldest first.

    Raises:
        NotFoundError: It keeps no project file.
        InvalidInputError: Its settings or facts are not those of a build that this version knows.
    """
    facts: Mapping[str, Any] = release.facts
    try:
        candidates = {entry["rung"]: evidence_of(entry) for entry in facts["candidates"]}
        released, bundle = evidence_of(facts["released"]), facts["bundle"]["digest"]
        _ = facts["decision"]["chosen"], facts["data"]["splits"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{release.label} does not tell what a build tells ({error!r} is missing or malformed); only a "
            "release that `smallcraft build` made can be built again"
        ) from error
    wanted = (FILE_NAME, ROWS_FILE, ANSWERS_FILE)
    kept = {name: path for name in wanted if (path := _path_of(release, name))}
    return Origin(
        label=release.label,
        facts=facts,
        config=_read_config(release.label, kept.get(FILE_NAME), read),
        candidates=candidates,
        released=released,
        bundle=bundle,
        bundle_files={
            file.path.removeprefix(_BUNDLE): file.digest
            for file in release.files
            if file.path.startswith(_BUNDLE)
        },
        looks=_looks_until((facts.get("cert") or {}).get("ledger_head"), looks),
        rows=read(kept[ROWS_FILE]) if ROWS_FILE in kept else None,
        answers=read(kept[ANSWERS_FILE]) if ANSWERS_FILE in kept else None,
    )


def _looks_until(head: object, looks: Sequence[bytes]) -> tuple[bytes, ...]:
    """The lines up to the one that was the ledger's last when the release was made."""
    digests = [json.loads(line).get("digest") for line in looks]
    return tuple(looks[: digests.index(head) + 1]) if head in digests else ()


def _path_of(release: Release, name: str) -> str | None:
    """The file of that name, in whichever folder of the release it lies."""
    paths = [file.path for file in release.files if f"/{file.path}".endswith(f"/{name}")]
    return min(paths, key=len, default=None)


def _read_config(label: str, path: str | None, read: Callable[[str], bytes]) -> Config:
    if path is None:
        raise NotFoundError(
            f"{label} keeps no {FILE_NAME}, so it cannot be built again; build from a project file: "
            "the release then keeps it"
        )
    try:
        return parse_config(read(path).decode("utf-8-sig"), origin=f"{FILE_NAME} of {label}")
    except ConfigError as error:
        raise InvalidInputError(
            f"the settings that {label} recorded cannot be read by this version: {error}; install the "
            "version that made it"
        ) from error
