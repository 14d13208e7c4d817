"""Picks an implementation by name: the plug-in folder's own typed table first, installed entry points second.

A plug-in folder's `__init__.py` holds one literal table, `BUILTIN: Mapping[str, Contract]`; other packages
add to it through the entry-point group `smallcraft.<folder>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TypeVar

from smallcraft.errors import InvalidInputError, nearest_name

Plugin = TypeVar("Plugin")


def find_plugin(folder: str, name: str, builtin: Mapping[str, Plugin]) -> Plugin:
    """The implementation called `name` in a plug-in folder.

    Args:
        folder: The folder's name, for example `rungs`; also the end of the entry-point group.
        name: What the user wrote.
        builtin: The folder's own table.

    Raises:
        InvalidInputError: No such implementation; the message lists those there are.
    """
    if name in builtin:
        return builtin[name]
    installed = {point.name: point for point in entry_points(group=f"smallcraft.{folder}")}
    if name in installed:
        loaded: Plugin = installed[name].load()
        return loaded
    known = sorted({*builtin, *installed})
    raise InvalidInputError(
        f"'{name}' is not one of the {folder}: {', '.join(known)}{nearest_name(name, known)}"
    )
