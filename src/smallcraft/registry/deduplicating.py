"""Stores a large file as a recipe over the files of the version before, where that saves half or more.

Leaves to others: what two files share (`content.blocks`), the disk.
Always: the parent is the same path of the version before, whole and hashed before anything is taken from
it; a damaged one shares nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from smallcraft.errors import IntegrityError
from smallcraft.registry.content.blocks import SMALLEST_BYTES, Parent, plan
from smallcraft.registry.content.disk import Layout, content_error, mapped
from smallcraft.registry.content.files import Location, read_recipe, rebuild_file
from smallcraft.registry.content.recipes import Recipe
from smallcraft.registry.content.tensors import cut
from smallcraft.registry.drafting import Staged
from smallcraft.registry.reading import Stored
from smallcraft.registry.tlog.entry import Content


def share_with_parent(layout: Layout, staged: Staged, before: Stored) -> None:
    """Turn each large staged file that the version before has most of into a recipe.

    Args:
        layout: The registry.
        staged: Files of the new version.
        before: The version before.
    """
    for path in sorted(staged.layers):
        file, location = staged.files[path], before.locations.get(path)
        is_large = file.size_bytes >= SMALLEST_BYTES
        if not is_large or location is None or layout.blob(file.digest).exists():
            continue
        with contextlib.suppress(IntegrityError), _parents(layout, location) as parents:
            with mapped(_waiting(staged, path), name=path) as new:
                found = plan(new, parents, path=path, digest=file.digest)
            if found is not None:
                staged.share(path, found)


@contextlib.contextmanager
def _parents(layout: Layout, location: Location) -> Iterator[list[Parent]]:
    """The file before, and the whole blobs under it, for as long as they are mapped."""
    content = Content(location.file.digest, location.file.size_bytes)
    path = location.file.path
    with contextlib.ExitStack() as stack:
        if location.pack is not None:
            yield []
        elif location.recipe is None:
            yield [_whole(layout, content, path, stack)]
        else:
            recipe = read_recipe(layout, location.recipe, wanted=content, use=path)
            data = memoryview(rebuild_file(layout, recipe, use=path))
            made = Parent(content, data, tuple(cut(data, path=path)), recipe)
            yield [made, *(_whole(layout, source, path, stack) for source in _bases(recipe))]


def _whole(layout: Layout, content: Content, path: str, stack: contextlib.ExitStack) -> Parent:
    blob = layout.blob(content.digest)
    data = stack.enter_context(mapped(blob, name=layout.name_of(blob)))
    found = Content("sha256:" + hashlib.sha256(data).hexdigest(), len(data))
    if found != content:
        raise content_error(layout.name_of(blob), content, found, use=path)
    return Parent(content, data, tuple(cut(data, path=path)))


def _bases(recipe: Recipe) -> list[Content]:
    """The blobs of a recipe that are files of their own: the largest, which new bytes never are."""
    return [source for source in recipe.sources if 2 * source.size_bytes > recipe.result.size_bytes]


def _waiting(staged: Staged, path: str) -> Path:
    return staged.staging.paths[staged.files[path].digest]
