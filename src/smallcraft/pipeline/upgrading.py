"""Brings a project's registry of the format before to the present one, its ledger's looks with it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.evaluate.meter.chain import line_of
from smallcraft.evaluate.meter.ledger import verify_ledger
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.workspace import Workspace
from smallcraft.registry.old.upgrading import upgrade


def _name_of(project: Path) -> str | None:
    """The project's name, which its looks are logged under; None where its file is gone."""
    try:
        return load_config(project).name
    except NotFoundError:
        return None


def upgrade_project(project: Path, *, now: datetime) -> Path:
    """Upgrade, and say where the old registry is kept.

    Args:
        project: Its folder, or its project file.
        now: Time with a zone.

    Raises:
        InvalidInputError: The registry has the present format already.
        NotFoundError: There is none.
        IntegrityError: The old registry or the ledger is not what was recorded; nothing was changed.
    """
    workspace = Workspace(project.parent if project.is_file() else project)
    looks = [line_of(entry) for entry in verify_ledger(workspace.ledger)]
    done = upgrade(workspace.registry, now=now, looks=looks, looks_of=_name_of(project))
    if done.before is None:
        raise InvalidInputError(f"{workspace.registry} has the present format already; nothing was changed")
    return done.before
