import os

import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.records import StoredFile
from smallcraft.registry.content.disk import Layout, make_folders
from smallcraft.registry.content.files import locate_files, read_located, read_recipe, rebuild_file
from smallcraft.registry.content.packs import write_pack
from smallcraft.registry.content.recipes import Range, Recipe, encode_recipe
from smallcraft.registry.content.staging import Staging
from smallcraft.registry.manifests.kinds import MODEL_TYPE
from smallcraft.registry.manifests.manifest import FileLayer, Manifest, PackLayer
from smallcraft.registry.tlog.entry import Content


@pytest.fixture
def layout(tmp_path):
    made = Layout(tmp_path / "r")
    make_folders(made)
    return made


def store(layout, data):
    layout.blob(digest_bytes(data)).write_bytes(data)
    return Content(digest_bytes(data), len(data))


BASE, NEW = b"0123456789" * 10, b"new"
WHOLE = BASE[:50] + NEW


@pytest.fixture
def manifest(layout):
    """A file of each kind: whole, a recipe, in a pack."""
    base, literal = store(layout, BASE), store(layout, NEW)
    result = Content(digest_bytes(WHOLE), len(WHOLE))
    ranges = (Range(base.digest, 0, 50), Range(literal.digest, 0, 3))
    sources = tuple(sorted((base, literal), key=lambda source: source.digest))
    recipe = store(layout, encode_recipe(Recipe(result, sources, ranges)))
    staging = Staging(layout.tmp)
    pack = write_pack({"p/a.json": b"{}", "p/b.json": b"[]"}, staging)
    for digest, path in staging.paths.items():
        path.replace(layout.blob(digest))
    return Manifest(
        MODEL_TYPE,
        (
            FileLayer(StoredFile("base.bin", base.digest, len(BASE))),
            FileLayer(StoredFile("made.bin", result.digest, len(WHOLE)), recipe),
        ),
        blocks=sources,
        packs=(PackLayer(pack.pack, pack.index),),
    )


def read(layout, manifest, path):
    located = locate_files(layout, manifest, use="x@1")
    return read_located(layout, located[path], use=f"{path} of x@1")


def test_every_file_is_read_however_it_is_stored(layout, manifest):
    located = locate_files(layout, manifest, use="x@1")
    held = {path: read_located(layout, at, use=path) for path, at in located.items()}
    assert held == {"base.bin": BASE, "made.bin": WHOLE, "p/a.json": b"{}", "p/b.json": b"[]"}
    for path, data in held.items():
        file = located[path].file
        assert (file.path, file.digest, file.size_bytes) == (path, digest_bytes(data), len(data))


def test_a_damaged_part_of_a_rebuilt_file_is_named(layout, manifest):
    blob = layout.blob(digest_bytes(BASE))
    blob.write_bytes(b"x" + BASE[1:])
    with pytest.raises(IntegrityError, match=rf"{blob.name} .a part of made.bin of x@1. does not match"):
        read(layout, manifest, "made.bin")


@pytest.mark.parametrize("size", [0, 3, 49])
def test_a_part_that_was_cut_is_named(layout, manifest, size):
    blob = layout.blob(digest_bytes(BASE))
    os.truncate(blob, size)
    with pytest.raises(IntegrityError, match=rf"{blob.name} .a part of made.bin of x@1. .* has {size} bytes"):
        read(layout, manifest, "made.bin")


def test_a_part_that_is_missing_is_named(layout, manifest):
    layout.blob(digest_bytes(NEW)).unlink()
    with pytest.raises(IntegrityError, match=r"a part of made.bin of x@1. is missing"):
        read(layout, manifest, "made.bin")


def test_damage_where_the_recipe_takes_nothing_does_no_harm(layout, manifest):
    layout.blob(digest_bytes(BASE)).write_bytes(BASE[:-1] + b"x")
    assert read(layout, manifest, "made.bin") == WHOLE


def test_a_recipe_for_another_file_is_refused(layout, manifest):
    recipe = manifest.files[1].recipe
    with pytest.raises(IntegrityError, match=r"a stored recipe is not sound: it makes"):
        read_recipe(layout, recipe, wanted=Content(digest_bytes(b"other"), 5), use="x")
    wanted = Content(digest_bytes(WHOLE), len(WHOLE))
    assert rebuild_file(layout, read_recipe(layout, recipe, wanted=wanted, use="x"), use="x") == WHOLE


@pytest.mark.parametrize("part", ["pack", "index", "recipe"])
def test_what_tells_of_files_is_checked_before_it_is_believed(layout, manifest, part):
    content = {
        "pack": manifest.packs[0].pack,
        "index": manifest.packs[0].index,
        "recipe": manifest.files[1].recipe,
    }[part]
    blob = layout.blob(content.digest)
    data = bytearray(blob.read_bytes())
    data[-1 if part != "pack" else 512] ^= 1
    blob.write_bytes(data)
    path = {"pack": "p/a.json", "index": "p/a.json", "recipe": "made.bin"}[part]
    with pytest.raises(IntegrityError, match=blob.name):
        read(layout, manifest, path)
