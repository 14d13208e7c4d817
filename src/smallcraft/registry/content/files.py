"""A release's files, however each is stored: a blob of its own, a recipe over blobs, one of many in a pack.

Leaves to others: what recipes and packs are (`content.recipes`, `content.packs`), which files there are
(`registry.manifests`).
Always: the bytes handed out were hashed, those very bytes, and have the digest that the manifest names.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from smallcraft.errors import IntegrityError
from smallcraft.records import StoredFile
from smallcraft.registry.content.disk import Layout, content_error, hash_file, mapped, read_blob
from smallcraft.registry.content.packs import PackedFile, parse_index, read_packed
from smallcraft.registry.content.recipes import Recipe, parse_recipe, rebuild
from smallcraft.registry.manifests.manifest import Manifest
from smallcraft.registry.tlog.entry import Content


@dataclass(frozen=True)
class Location:
    """Where a file's bytes are.

    Attributes:
        file: Path, digest and size.
        recipe: The blob that says how to put it together.
        pack: The blob that it is a part of.
        packed: Which part.
    """

    file: StoredFile
    recipe: Content | None = None
    pack: Content | None = None
    packed: PackedFile | None = None


def locate_files(layout: Layout, manifest: Manifest, *, use: str) -> Mapping[str, Location]:
    """Every file of a manifest by its path; the indexes of packs are read for it.

    Args:
        layout: The registry.
        manifest: Of a model or an attachment.
        use: Whose it is, as it should stand in a message.

    Raises:
        IntegrityError: An index is not the one that was stored.
    """
    located = {layer.file.path: Location(layer.file, recipe=layer.recipe) for layer in manifest.files}
    for layer in manifest.packs:
        data = read_blob(layout, layer.index, use=f"the index of a pack of {use}")
        for packed in parse_index(data, use=f"the index of a pack of {use}").files:
            file = StoredFile(packed.path, packed.digest, packed.size_bytes)
            located[file.path] = Location(file, pack=layer.pack, packed=packed)
    return located


def read_located(layout: Layout, location: Location, *, use: str) -> bytes:
    """The bytes of a file.

    Args:
        layout: The registry.
        location: From `locate_files`.
        use: What they are for, as it should stand in a message.

    Raises:
        IntegrityError: What is stored is not what the manifest names.
    """
    file = location.file
    wanted = Content(file.digest, file.size_bytes)
    if location.pack is not None and location.packed is not None:
        return read_packed(layout.blob(location.pack.digest), location.packed)
    if location.recipe is not None:
        return rebuild_file(layout, read_recipe(layout, location.recipe, wanted=wanted, use=use), use=use)
    return read_blob(layout, wanted, use=use)


def read_recipe(layout: Layout, recipe: Content, *, wanted: Content, use: str) -> Recipe:
    """How a file is put together.

    Raises:
        IntegrityError: The recipe is not the one that was stored, or not one for that file.
    """
    return parse_recipe(read_blob(layout, recipe, use=f"the recipe of {use}"), wanted=wanted)


def rebuild_file(layout: Layout, recipe: Recipe, *, use: str) -> bytes:
    """Put a file together; the result is what is hashed.

    Args:
        layout: The registry.
        recipe: From `read_recipe`.
        use: What the file is for, as it should stand in a message.

    Raises:
        IntegrityError: The blobs that it is made of do not give the file; the damaged one is named.
    """
    with contextlib.ExitStack() as stack:
        views = {
            source.digest: stack.enter_context(mapped(path, name=f"{layout.name_of(path)} (a part of {use})"))
            for source in recipe.sources
            for path in [layout.blob(source.digest)]
        }
        try:
            return rebuild(recipe, lambda digest, offset, length: bytes(views[digest][offset:][:length]))
        except IntegrityError:
            _require_sources(layout, recipe, use=use)
            raise


def _require_sources(layout: Layout, recipe: Recipe, *, use: str) -> None:
    """Only now is it worth hashing them: the damaged blob is what people can restore."""
    for source in recipe.sources:
        name = layout.name_of(layout.blob(source.digest))
        found = hash_file(layout.blob(source.digest), name=name)
        if found != source:
            raise content_error(name, source, found, use=f"a part of {use}")
