"""To others the registry's folder is an OCI image layout: skopeo copies it, digests and all."""

import json
import subprocess

import pytest
from tests.conftest import require, why_no_program
from tests.registry.proofs.conftest import Published

from smallcraft.canonical import digest_bytes
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry


def copy_with_skopeo(source, target):
    """Copy every manifest of a layout by its name; returns name to digest as the copy's index has them."""
    names = [item["annotations"]["org.opencontainers.image.ref.name"] for item in manifests_of(source)]
    for name in names:
        command = ["skopeo", "copy", "--quiet", "--preserve-digests"]
        command += [f"oci:{source}:{name}", f"oci:{target}:{name}"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, (name, ran.stderr)
    return names


def manifests_of(layout):
    return json.loads((layout / "index.json").read_bytes())["manifests"]


def assert_skopeo_keeps_digests(source, target):
    """Every manifest, and every blob it names, arrives under the digest it has in the registry."""
    names = copy_with_skopeo(source, target)
    assert names
    copied = {item["annotations"]["org.opencontainers.image.ref.name"]: item for item in manifests_of(target)}
    for item in manifests_of(source):
        name = item["annotations"]["org.opencontainers.image.ref.name"]
        assert (copied[name]["digest"], copied[name]["size"]) == (item["digest"], item["size"])
        manifest = json.loads((source / "blobs/sha256" / item["digest"][7:]).read_bytes())
        for blob in (item, manifest["config"], *manifest["layers"]):
            data = (target / "blobs/sha256" / blob["digest"][7:]).read_bytes()
            assert (digest_bytes(data), len(data)) == (blob["digest"], blob["size"])


@pytest.fixture
def skopeo():
    require(why_no_program("skopeo", "skopeo"))


def test_a_registry_is_copied_by_skopeo_with_its_digests(skopeo, tmp_path, now):
    registry = Registry.create(tmp_path / "registry", trust=Trust(folder=tmp_path / "keys"))
    for version in (1, 2):
        files = {
            "bundle/model.json": b'{"version":%d}' % version,
            "bundle/tokenizer.json": b'{"tokens":[]}',
            "card.md": b"# helpdesk",
        }
        registry.publish("helpdesk", files, {"chosen": "ngram"}, now=now)
    assert_skopeo_keeps_digests(tmp_path / "registry", tmp_path / "copy")


def test_a_pack_is_copied_too(skopeo, tmp_path, author):
    assert_skopeo_keeps_digests(
        Published(author, packed=True).write_registry(tmp_path / "registry"), tmp_path / "copy"
    )
