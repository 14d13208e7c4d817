"""Finds `module:function` in a folder; what a model and a metric of the user's own have in common."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smallcraft.errors import InvalidInputError, NotFoundError, nearest_name

_LOOKS = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")


def names_function(target: str) -> bool:
    """Whether a text looks like `module:function`.

    >>> names_function("mine.models:answer"), names_function("http://host:80/x")
    (True, False)
    """
    return bool(_LOOKS.match(target))


def load_function(target: str, folder: Path) -> Callable[..., Any]:
    """The function that a `module:function` names; the module's own code runs.

    Args:
        target: As `names_function` knows it.
        folder: Stands first on the path while the module is imported.

    Raises:
        NotFoundError: There is no such module, or nothing of that name in it.
        InvalidInputError: The module fails while it is imported, or the name is no function.
    """
    module_name, _, attribute = target.partition(":")
    module = _import(module_name, folder)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            known = [name for name in vars(module) if not name.startswith("_")]
            raise NotFoundError(
                f"module '{module_name}' has no '{attribute}'; it has {', '.join(known[:10]) or 'nothing'}"
                f"{nearest_name(attribute, known)}"
            )
        found = getattr(found, part)
    if not callable(found):
        raise InvalidInputError(f"'{target}' must be a function, got {type(found).__name__}")
    function: Callable[..., Any] = found
    return function


@contextmanager
def importable_from(folder: Path) -> Iterator[None]:
    """A folder stands first on the path of modules."""
    place = str(folder.resolve())
    sys.path.insert(0, place)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(place)


def _import(name: str, folder: Path) -> object:
    with importable_from(folder):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                raise NotFoundError(
                    f"there is no module '{name}' in {folder.resolve()} or among the installed packages; "
                    "check its name, or name its folder with --project"
                ) from error
            raise _failed(name, error) from error
        except Exception as error:
            raise _failed(name, error) from error


def _failed(name: str, error: Exception) -> InvalidInputError:
    what = (str(error).strip() or "no message").splitlines()[0][:300]
    return InvalidInputError(
        f"module '{name}' fails while it is imported ({type(error).__name__}: {what}); correct it first"
    )
