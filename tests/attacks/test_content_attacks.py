"""What may be put into a release so that opening it does harm: refused on the way in, and on the way out.

On the way in by the owner's own registry; on the way out because a release may have been made by other means:
every forged one here is signed by both keys, so that nothing but what it holds speaks against it.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from tests.attacks.forging import (
    NOW,
    assert_not_served,
    assert_verify_names,
    open_log_of,
    overwrite,
    put_numbers,
    put_of,
    replace_release,
    rewrite_log,
    store,
    weights_of,
)

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.content import disk
from smallcraft.registry.content.archives import extract_safely
from smallcraft.registry.manifests.manifest import PackLayer, encode_manifest
from smallcraft.registry.reading import read_stored
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry
from smallcraft.registry.verify.release import verify_release


class Opens:
    """What a pickle may do when it is opened."""

    def __reduce__(self):
        return (print, ("code of the attacker runs",))


def objects_npz() -> bytes:
    """An array of objects: a pickle inside an npz."""
    stream = io.BytesIO()
    np.savez(stream, weights=np.array([Opens()], dtype=object))
    return stream.getvalue()


def zipped(members: dict[str, bytes], *, method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def doubled_safetensors() -> bytes:
    """One name, two places: which one is read depends on the reader."""
    about = '{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}'
    header = f'{{"w":{about % (0, 4)},"w":{about % (4, 8)}}}'.encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


HARMFUL = {
    "a pickle where an array should be": (
        "bundle/heads.npz", pickle.dumps(Opens()), "holds a pickle, which can run any code",
    ),
    "an array of pickled objects": (
        "bundle/heads.npz", objects_npz(), "its dtype is object, so what it holds are pickled objects",
    ),
    "a pickle named as weights": (
        "bundle/model.safetensors", pickle.dumps([Opens()], protocol=0), "holds a pickle|sound safetensors",
    ),
    "an npz with a path above its folder": (
        "bundle/heads.npz", zipped({"../evil.npy": npy(np.zeros(1))}), r"must not be unpacked: .*'\.\./evil",
    ),
    "an npz with an absolute path": (
        "bundle/heads.npz", zipped({"/etc/evil.npy": npy(np.zeros(1))}), "must not be unpacked: .*'/etc/evil",
    ),
    "a zip bomb": (
        "bundle/heads.npz",
        zipped({"w.npy": npy(np.zeros(80 << 20, np.uint8))}, method=zipfile.ZIP_DEFLATED),
        "as a zip bomb does",
    ),
    "doubled safetensors keys": (
        "bundle/model.safetensors", doubled_safetensors(), "key 'w' stands there twice",
    ),
    "doubled keys in JSON": (
        "bundle/labels.json", b'{"labels":["a"],"labels":["b"]}', "key 'labels' stands there twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HARMFUL)
def test_a_file_that_does_harm_when_opened_is_not_stored(registry, layout, owner, capsys, case):
    path, data, told = HARMFUL[case]
    before = layout.checkpoint.read_bytes()
    with pytest.raises(InvalidInputError, match=told):
        registry.publish("helpdesk", {"bundle/model.json": b"{}", path: data}, {}, now=NOW)
    assert layout.checkpoint.read_bytes() == before
    verify_registry(registry.root, trust=owner)
    assert "code of the attacker" not in capsys.readouterr().out


@pytest.mark.parametrize("case", ["a pickle where an array should be", "doubled safetensors keys"])
def test_a_file_that_does_harm_is_not_served_whoever_stored_it(
    registry, layout, newcomer, thief, capsys, case
):
    """Every digest fits and both keys signed: a registry that somebody pulls from elsewhere."""
    path, data, told = HARMFUL[case]
    files = {"bundle/model.json": b"{}", path: sound(path)}
    release = registry.publish("other", files, {}, now=NOW)
    log = open_log_of(layout)
    place = len(put_numbers(log))
    signer = thief.keyring.log_signer(log.checkpoint.origin, create=False)
    replace_release(layout, place, {path: data}, signer=signer, author=thief.keyring.author(create=False))
    assert_not_served(registry.root, release, trust=newcomer, path=path)
    with pytest.raises(IntegrityError, match=told):
        verify_release(Registry.open(registry.root, trust=newcomer), "other@1")
    assert "code of the attacker" not in capsys.readouterr().out


def sound(path: str) -> bytes:
    """A file of that kind that may be stored."""
    if path.endswith(".npz"):
        return zipped({"w.npy": npy(np.zeros(1))})
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    return struct.pack("<Q", len(header)) + header + bytes(4)


# --- archives ----------------------------------------------------------------------------------


def tarred(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    stream = io.BytesIO()
    with tarfile.TarFile(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, link, 4 if kind == tarfile.REGTYPE else 0
        archive.addfile(info, io.BytesIO(b"evil"))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (tarred("../evil"), r"must not be unpacked: .*'\.\./evil'"),
        (zipped({"a/../../evil": b"x"}), r"must not be unpacked: .*'a/\.\./\.\./evil'"),
        (tarred("/tmp/evil"), "must not be unpacked: .*'/tmp/evil'"),
        (zipped({"/tmp/evil": b"x"}), "must not be unpacked: .*'/tmp/evil'"),
        (tarred("evil", kind=tarfile.SYMTYPE, link="/etc"), "is a link, a device or a sparse file"),
        (tarred("evil", kind=tarfile.LNKTYPE, link="../x"), "is a link, a device or a sparse file"),
        (tarred("evil", kind=tarfile.CHRTYPE), "is a link, a device or a sparse file"),
        (
            zipped({"bomb": bytes(1 << 20)}, method=zipfile.ZIP_DEFLATED),
            "may have 1,000,000 bytes, they state",
        ),
    ],
)
def test_an_archive_that_would_write_elsewhere_or_without_end_writes_nothing(tmp_path, data, told):
    archive, inside = tmp_path / "archive", tmp_path / "inside"
    inside.mkdir()
    archive.write_bytes(data)
    with pytest.raises(InvalidInputError, match=told):
        extract_safely(archive, inside / "target", max_bytes=1_000_000)
    assert sorted(tmp_path.iterdir()) == [archive, inside]
    assert not any(inside.iterdir())


def test_a_manifest_with_a_path_above_its_folder_is_refused_with_every_key_stolen(
    registry, layout, newcomer, thief
):
    release = registry.read("3")
    stored = read_stored(layout, put_of(layout, 3))
    data = encode_manifest(stored.model.manifest).replace(b'"bundle/model.json"', b'"bundle/../../m.json"')
    replace_model(layout, thief, data)
    told = r"cannot be read \(a release's file path must be relative.*do not serve its release"
    assert_verify_names(registry.root, told, trust=newcomer)
    assert_not_served(registry.root, release, trust=newcomer)


def replace_model(layout, thief, manifest: bytes) -> None:
    """Let the newest entry name this manifest, attachments and all."""
    model = store(layout, manifest)
    log = open_log_of(layout)
    entries = list(log.entries)
    place = put_numbers(log)[-1]
    stored = read_stored(layout, entries[place])
    attached = [
        store(layout, encode_manifest(replace(one.manifest, subject=model))) for one in stored.attached
    ]
    entries[place] = replace(
        entries[place], manifest=model, attestations=tuple(content.digest for content in attached)
    )
    signer = thief.keyring.log_signer(log.checkpoint.origin, create=False)
    rewrite_log(layout, entries, signer=signer)


def test_a_pack_with_a_path_above_its_folder_is_refused_with_every_key_stolen(
    registry, layout, newcomer, thief
):
    """Many small files are one blob, and a list says what is in it."""
    small = {f"bundle/{number:04}.json": b"%d" % number for number in range(1001)}
    release = registry.publish("packed", small, {}, now=NOW)
    stored = read_stored(layout, put_of(layout, 4))
    (pack,) = stored.model.manifest.packs
    listed = json.loads(layout.blob(pack.index.digest).read_bytes())
    listed["files"][0]["path"] = "bundle/../../../evil.json"
    index = store(layout, canonical_json(listed))
    packs = (PackLayer(pack.pack, index),)
    replace_model(layout, thief, encode_manifest(replace(stored.model.manifest, packs=packs)))
    assert_verify_names(
        registry.root, r"index of a pack of packed@1.*'bundle/\.\./\.\./\.\./evil", trust=newcomer
    )
    assert_not_served(registry.root, release, trust=newcomer, path="bundle/0001.json")
    assert not list(registry.root.parent.rglob("evil.json"))


# --- between looking and using -----------------------------------------------------------------


def test_a_file_changed_after_verify_is_not_loaded(registry, layout, owner):
    verify_registry(registry.root, trust=owner)
    release = registry.read("3")
    overwrite(weights_of(layout, 3), b'{"weights":"changed since"}')
    with pytest.raises(IntegrityError, match=r"bundle/model\.json of helpdesk@3"):
        registry.read_file(release, "bundle/model.json")
    assert_not_served(registry.root, release, trust=owner)


def test_the_bytes_that_are_loaded_are_the_bytes_that_were_hashed(registry, layout, monkeypatch):
    """The file changes at the worst moment: after its bytes were hashed, before they are handed out."""
    path = weights_of(layout, 3)
    recorded = f"sha256:{path.name}"
    changes = []

    def hash_then_change(data):
        digest = digest_bytes(data)
        if digest == recorded:
            overwrite(path, b'{"weights":"changed in between"}')
            changes.append(digest)
        return digest

    release = registry.read("3")
    monkeypatch.setattr(disk, "digest_bytes", hash_then_change)
    assert digest_bytes(registry.read_file(release, "bundle/model.json")) == recorded
    assert changes, "else this test shows nothing"
    with pytest.raises(IntegrityError, match="does not match its record"):
        registry.read_file(release, "bundle/model.json")


def test_an_unpacked_release_that_was_changed_is_not_taken_for_it(registry, owner, tmp_path):
    target = Registry.open(registry.root, trust=owner).materialize(registry.read("3"), tmp_path / "copy")
    overwrite(target / "model.json", b"{}")
    with pytest.raises(IntegrityError, match=r"model\.json .*does not match its record"):
        registry.materialize(registry.read("3"), target)
    assert (target / "model.json").read_bytes() == b"{}"
