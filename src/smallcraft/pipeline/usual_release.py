"""Which release of a project is meant where none is named: the stable one, else the newest.

Always: imports nothing of a server, so that watching and labelling need no extra.
"""

from __future__ import annotations

from pathlib import Path

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.pipeline.config import load_config
from smallcraft.registry.references import STABLE
from smallcraft.registry.store import Registry


def usual_reference(registry: Registry, project: Path) -> str:
    """A project's stable release, or its newest where none was called stable yet."""
    name = load_config(project).name
    try:
        registry.find(f"{name}@{STABLE}")
    except (NotFoundError, InvalidInputError):
        return f"{name}@latest"
    return f"{name}@{STABLE}"
