"""What is released now, and on which sealed rows it can be compared: those it was not itself fitted to.

A split moves when the table does: rows that are sealed today may have taught the release of yesterday, and
say nothing of how it does on new ones.
Always: a row counts as known to a release under any label.
Not covered: a release that kept no list of its rows; it is compared on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.runtime import Bundle
from smallcraft.errors import NotFoundError
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.stages.logs import row_ids
from smallcraft.pipeline.stages.measure import MeasuredSplit
from smallcraft.pipeline.workspace import Workspace, open_released
from smallcraft.records import Release
from smallcraft.registry.memory.rows import ROWS_FILE, RowIds, decode_rows, trained_on
from smallcraft.registry.references import find_followed
from smallcraft.registry.store import Registry


@dataclass(frozen=True)
class Incumbent:
    """What is released now: its name, its bundle, and the rows it was made from, where they are recorded."""

    label: str
    bundle: Bundle
    rows: RowIds | None = None


def find_incumbent(config: Config, workshop: Workshop, *, released: str | None) -> Incumbent | None:
    """What answers now: the stable release, or the newest where none is called stable.

    It has to read the same columns, know the same classes, and be another bundle than the new one.

    Args:
        config: The project.
        workshop: Knows columns and classes.
        released: Digest of the bundle that is about to be released; a build run again must not be compared
            with what it released itself.
    """
    workspace = Workspace(config.folder)
    try:
        registry = Registry.open(workspace.registry)
        releases = registry.releases(config.name)
    except NotFoundError:
        return None
    followed = find_followed(config.name, registry.log().state)
    # Sorted by whether it is the one that is followed, then by age.
    others = sorted(
        (release for release in releases if _bundle_digest(release) != released),
        key=lambda release: (followed is not None and release.version == followed.version, release.version),
    )
    if not others:
        return None
    bundle = open_released(workspace, registry, others[-1])
    same_answers = bundle.task == workshop.task and bundle.classes == workshop.classes
    is_comparable = same_answers and set(bundle.inputs) == set(workshop.spec.names)
    if not is_comparable:
        return None
    return Incumbent(others[-1].label, bundle, _recorded_rows(registry, others[-1]))


def unseen_rows(incumbent: Incumbent, split: MeasuredSplit) -> NDArray[np.bool_]:
    """`(n,)`, True for rows of a split that the incumbent was not fitted to."""
    if incumbent.rows is None:
        return np.ones(split.frame.height, dtype=np.bool_)
    return ~trained_on(incumbent.rows, row_ids(split.frame, split.roles))


def _recorded_rows(registry: Registry, release: Release) -> RowIds | None:
    if ROWS_FILE not in {file.path for file in release.files}:
        return None
    return decode_rows(registry.read_file(release, ROWS_FILE))


def _bundle_digest(release: Release) -> object:
    bundle = release.facts.get("bundle")
    return bundle.get("digest") if isinstance(bundle, Mapping) else None
