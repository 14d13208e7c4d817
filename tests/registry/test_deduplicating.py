"""Versions of a large model: little is stored for a little change, and what is read is what was published."""

import json
import os
import subprocess

import numpy as np
import pytest
from tests.conftest import require, why_no_program

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.content.disk import read_bytes
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

PATH = "bundle/model.safetensors"


def safetensors(tensors):
    """A file as `safetensors` writes it."""
    header, at = {}, 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [at, at + tensor.nbytes],
        }
        at += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(tensor.tobytes() for tensor in tensors.values())


def encoder(seed, *, layers=6, width=192):
    """A small encoder's weights, 3.5 MB."""
    rng = np.random.default_rng(seed)
    tensors = {"embeddings.weight": rng.normal(size=(1000, width))}
    for layer in range(layers):
        for part in ("query", "key", "value"):
            tensors[f"layer.{layer}.{part}.weight"] = rng.normal(size=(width, width))
    return {name: tensor.astype("<f4") for name, tensor in tensors.items()}


def changed(tensors, name, seed):
    rng = np.random.default_rng(seed)
    return {**tensors, name: rng.normal(size=tensors[name].shape).astype("<f4")}


@pytest.fixture(scope="module")
def models():
    """Three versions, one tensor changed each time."""
    first = encoder(0)
    second = changed(first, "layer.3.query.weight", 1)
    third = changed(second, "layer.5.value.weight", 2)
    return [safetensors(tensors) for tensors in (first, second, third)]


@pytest.fixture
def versions(tmp_path, now, models):
    registry = Registry.create(tmp_path / "registry")
    for number, data in enumerate(models):
        registry.publish("m", {PATH: data, "bundle/c.json": b"%d" % number}, {}, now=now)
    return registry


def stored_bytes(registry):
    return sum(path.stat().st_size for path in registry.layout.blobs.iterdir())


def test_a_changed_tensor_stores_little_more_than_itself(tmp_path, now, models):
    registry, sizes = Registry.create(tmp_path / "registry"), []
    for data in models:
        registry.publish("m", {PATH: data}, {}, now=now)
        sizes.append(stored_bytes(registry))
    tensor = 4 * 192 * 192
    assert sizes[0] > len(models[0])
    assert sizes[1] - sizes[0] < tensor + 12_000
    assert sizes[2] - sizes[1] < tensor + 12_000


def test_every_version_reads_back_as_published(versions, models, tmp_path):
    for number, data in enumerate(models, start=1):
        release = versions.read(f"m@{number}")
        assert versions.read_file(release, PATH) == data
        folder = versions.materialize(release, tmp_path / str(number))
        assert (folder / "model.safetensors").read_bytes() == data
    verify_registry(versions.root, deep=True)


def test_the_same_again_is_found_though_it_is_stored_as_a_recipe(versions, models, now):
    size = versions.log().checkpoint.size
    again = versions.publish("m", {PATH: models[1], "bundle/c.json": b"1"}, {}, now=now)
    assert again.version == 2
    assert versions.log().checkpoint.size == size
    verify_registry(versions.root)


def test_a_version_that_goes_back_to_the_first_takes_its_blob(versions, models, now):
    before = stored_bytes(versions)
    back = versions.publish("m", {PATH: models[0], "bundle/c.json": b"9"}, {"n": 4}, now=now)
    assert versions.find(back.label).locations[PATH].recipe is None
    assert stored_bytes(versions) - before < 20_000
    verify_registry(versions.root)


def flip(registry, digest, at):
    path = registry.layout.blob(digest)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_flipped_byte_in_the_base_is_named_for_each_release_that_needs_it(versions, models):
    flip(versions, digest_bytes(models[0]), 50_000)
    for number in (1, 2, 3):
        with pytest.raises(IntegrityError, match=rf"{PATH} of m@{number}. does not match its record"):
            versions.read_file(versions.read(f"m@{number}"), PATH)
    named = r"model.safetensors of m@1; blocks of m@2; blocks of m@3"
    with pytest.raises(IntegrityError, match=named):
        verify_registry(versions.root)


def test_nothing_is_taken_from_a_base_that_is_damaged(versions, models, now):
    """Else the new version would break on the day the base is restored."""
    sound = versions.layout.blob(digest_bytes(models[0])).read_bytes()
    flip(versions, digest_bytes(models[0]), 50_000)
    fourth = safetensors(changed(encoder(0), "layer.0.key.weight", 3))
    release = versions.publish("m", {PATH: fourth}, {"n": 4}, now=now)
    assert versions.find(release.label).locations[PATH].recipe is None
    versions.layout.blob(digest_bytes(models[0])).write_bytes(sound)
    assert versions.read_file(release, PATH) == fourth
    verify_registry(versions.root)


def test_every_blob_that_a_release_is_made_of_is_named_by_its_manifest(versions):
    """Whoever copies what one manifest names can read all of that part."""
    for stored in versions.stored():
        for each in (stored.model, *stored.attached):
            data = read_bytes(versions.layout.blob(each.content.digest), name="x")
            named = {layer["digest"] for layer in json.loads(data)["layers"]}
            assert all(versions.layout.blob(digest).exists() for digest in named)
            for path, location in stored.locations.items():
                if location.recipe and path in {layer.file.path for layer in each.manifest.files}:
                    recipe = json.loads(versions.layout.blob(location.recipe.digest).read_bytes())
                    assert {source[0] for source in recipe["sources"]} <= named


def test_a_part_that_is_attached_names_its_own_blocks(tmp_path, now):
    registry = Registry.create(tmp_path / "registry")
    rows = np.random.default_rng(0).integers(0, 1 << 30, size=400_000).astype("<i8")
    numbers = [rows.copy(), rows.copy()]
    numbers[1][:10] = 7
    model = {"bundle/c.json": b"{}"}
    manifests = []
    for version, data in enumerate(numbers):
        files = {**model, "data/rows.bin": data.tobytes()}
        manifests.append(registry.publish("m", files, {"n": version}, now=now).manifest_digest)
    # the bundle is the same, so the model's manifest is: its data are nothing to it
    assert manifests[0] == manifests[1]
    second = registry.find("m@2")
    dataset = next(each.manifest for each in second.attached if "dataset" in each.manifest.artifact_type)
    assert second.locations["data/rows.bin"].recipe is not None
    assert digest_bytes(numbers[0].tobytes()) in {content.digest for content in dataset.blocks}
    assert second.model.manifest.blocks == ()
    assert second.read("data/rows.bin") == numbers[1].tobytes()
    verify_registry(registry.root)


def test_the_base_of_an_erased_version_is_still_there_for_the_next(versions, models, now):
    versions.retire("m", 1, now=now, erase=True)
    assert versions.read_file(versions.read("m@2"), PATH) == models[1]
    verify_registry(versions.root)


def test_skopeo_copies_a_release_that_is_made_of_blocks(versions, models, tmp_path):
    """All that the manifest names arrives, so the file can be put together from the copy alone."""
    require(why_no_program("skopeo", "skopeo"))
    target = tmp_path / "copy"
    source = f"oci:{versions.root}:m@2"
    done = subprocess.run(
        ["skopeo", "--insecure-policy", "--tmpdir", str(tmp_path), "copy", source, f"oci:{target}:m"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    copied = {path.name for path in (target / "blobs" / "sha256").iterdir()}
    needed = {content.digest.removeprefix("sha256:") for content in versions.find("m@2").model.manifest.blobs}
    assert needed <= copied
    assert digest_bytes(models[0]).removeprefix("sha256:") in copied
