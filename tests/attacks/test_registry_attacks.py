"""What someone with write access to a registry's stored files may try; each is named, none is served."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

import pytest
from tests.attacks.forging import (
    NOW,
    assert_not_served,
    assert_verify_names,
    forge_release,
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
from smallcraft.errors import IntegrityError
from smallcraft.registry.content.disk import DATABASE_NAMES
from smallcraft.registry.indexing import named_of
from smallcraft.registry.manifests.index import build_index
from smallcraft.registry.opening import Trust
from smallcraft.registry.reading import read_stored
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry


def kept_files(registry):
    """Every file that something rests on; the search is derived, and nothing is ever taken from it."""
    return [
        path
        for path in sorted(registry.root.rglob("*"))
        if path.is_file() and path.name not in DATABASE_NAMES and path.stat().st_size
    ]


# --- bytes ------------------------------------------------------------------------------------


def test_one_flipped_bit_in_any_stored_file_is_named_with_its_file(registry, owner):
    files = kept_files(registry)
    assert len(files) > 25
    for path in files:
        original = path.read_bytes()
        middle = len(original) // 2
        overwrite(path, original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
        with pytest.raises(IntegrityError) as caught:
            verify_registry(registry.root, trust=owner)
        message = str(caught.value)
        assert path.name in message or str(path.relative_to(registry.root)) in message, (path, message)
        overwrite(path, original)
    verify_registry(registry.root, trust=owner)


def test_any_stored_file_cut_to_half_is_named_with_its_file(registry, owner):
    for path in kept_files(registry):
        original = path.read_bytes()
        overwrite(path, original[: len(original) // 2])
        with pytest.raises(IntegrityError) as caught:
            verify_registry(registry.root, trust=owner)
        message = str(caught.value)
        assert path.name in message or str(path.relative_to(registry.root)) in message, (path, message)
        overwrite(path, original)
    verify_registry(registry.root, trust=owner)


def test_truncated_weights_are_named_with_their_release_and_not_served(registry, layout, owner):
    release = registry.read("2")
    path = weights_of(layout, 2)
    overwrite(path, path.read_bytes()[:400])
    told = r"bundle/model.json of helpdesk@2\) does not match its record: .*, the file has 400 bytes"
    assert_verify_names(registry.root, told, trust=owner)
    assert_not_served(registry.root, release, trust=owner)
    assert registry.read_file(registry.read("3"), "bundle/model.json")


def test_replaced_weights_of_the_same_length_are_named_and_not_served(registry, layout, owner):
    release = registry.read("3")
    path = weights_of(layout, 3)
    overwrite(path, path.read_bytes().replace(b"version 3", b"version 9"))
    told = r"bundle/model.json of helpdesk@3\) does not match its record.*do not use it"
    assert_verify_names(registry.root, told, trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_weights_of_one_release_in_the_place_of_anothers_are_named(registry, layout, owner):
    release = registry.read("3")
    overwrite(weights_of(layout, 3), weights_of(layout, 1).read_bytes())
    assert_verify_names(registry.root, r"bundle/model.json of helpdesk@3", trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_weights_changed_where_a_later_version_shares_them_are_not_served_by_either(registry, layout, owner):
    """Version 3 is stored as what changed since version 1; a bit of what it did not change is flipped."""
    encoder = "bundle/encoder.safetensors"
    location = read_stored(layout, put_of(layout, 3)).locations[encoder]
    assert location.recipe is not None, "else this test shows nothing"
    first, third = registry.read("1"), registry.read("3")
    path = weights_of(layout, 1, encoder)
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    overwrite(path, bytes(data))
    assert_verify_names(registry.root, path.name, trust=owner)
    assert_not_served(registry.root, first, trust=owner, path=encoder)
    assert_not_served(registry.root, third, trust=owner, path=encoder)


def test_a_deleted_blob_is_named(registry, layout, owner):
    release = registry.read("1")
    weights_of(layout, 1).unlink()
    assert_verify_names(registry.root, r"bundle/model.json of helpdesk@1\) is missing", trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_replaced_weights_under_manifests_made_to_fit_need_an_entry_that_is_signed(registry, layout, owner):
    """Blobs, manifests, entry, tiles and index all agree with each other; the checkpoint does not."""
    release = registry.read("3")
    entries = list(open_log_of(layout).entries)
    place = put_numbers(open_log_of(layout))[2]
    entries[place] = forge_release(layout, entries[place], {"bundle/model.json": b'{"weights":"mine"}'})
    rewrite_log(layout, entries)
    told = "log/checkpoint: the 6 stored entries agree with their tiles, but have root .* was rewritten"
    assert_verify_names(registry.root, told, trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_replaced_weights_with_the_log_key_stolen_lack_their_authors_signature(
    registry, layout, owner, newcomer, thief
):
    """Even who never saw the log is told; who did is told of the fork first."""
    signer = thief.keyring.log_signer(registry.log().checkpoint.origin, create=False)
    release = registry.read("3")
    replace_release(layout, 3, {"bundle/model.json": b'{"weights":"mine"}'}, signer=signer)
    told = "bundle/model.json is not the file that the author signed"
    assert_verify_names(registry.root, told, trust=newcomer)
    assert_verify_names(registry.root, "the log was forked", trust=owner)
    assert_not_served(registry.root, release, trust=owner)


# --- links and things that are no files ---------------------------------------------------------


def test_a_link_in_place_of_a_blob_is_named_even_when_its_bytes_are_right(registry, layout, owner):
    release = registry.read("2")
    path = weights_of(layout, 2)
    elsewhere = registry.root.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert_verify_names(registry.root, r"bundle/model.json of helpdesk@2\) is a link", trust=owner)
    assert_not_served(registry.root, release, trust=owner)


@pytest.mark.parametrize("name", ["blobs/sha256", "log/tile", "blobs"])
def test_a_folder_replaced_by_a_link_is_named(registry, owner, name):
    folder, moved = registry.root / name, registry.root.parent / "moved"
    folder.rename(moved)
    folder.symlink_to(moved)
    assert_verify_names(registry.root, f"{name} does not belong here", trust=owner)


def test_a_pipe_in_place_of_a_blob_is_named_and_blocks_nobody(registry, layout, owner):
    release = registry.read("2")
    path = weights_of(layout, 2)
    path.unlink()
    os.mkfifo(path)
    assert_verify_names(registry.root, "is not a plain file", trust=owner)
    assert_not_served(registry.root, release, trust=owner)


# --- numbers ------------------------------------------------------------------------------------


def test_an_edited_metric_is_named_and_not_shown(registry, layout, owner):
    path = weights_of(layout, 2, "facts.json")
    overwrite(path, path.read_bytes().replace(b"0.92", b"0.99"))
    assert_verify_names(registry.root, r"facts.json of helpdesk@2\) does not match", trust=owner)
    with pytest.raises(IntegrityError, match=r"facts\.json of helpdesk@2"):
        registry.read("2")


def test_an_edited_metric_stored_under_its_own_digest_is_named(registry, layout, owner):
    """The blob is renamed to fit, and the manifest is edited to name it."""
    edited = store(layout, canonical_json({"accuracy": 0.99}))
    facts = read_stored(layout, put_of(layout, 2)).locations["facts.json"].file
    stored = read_stored(layout, put_of(layout, 2))
    attached = next(one for one in stored.attached if b"facts.json" in blob(layout, one.content.digest))
    data = blob(layout, attached.content.digest)
    value = json.loads(data.replace(facts.digest.encode(), edited.digest.encode()))
    next(layer for layer in value["layers"] if layer["digest"] == edited.digest)["size"] = edited.size_bytes
    overwrite(layout.blob(attached.content.digest), canonical_json(value))
    told = r"\(attached to helpdesk@2\) does not match its record"
    assert_verify_names(registry.root, told, trust=owner)
    with pytest.raises(IntegrityError, match=told):
        registry.read("2")


def blob(layout, digest):
    return layout.blob(digest).read_bytes()


def test_an_edited_metric_with_the_log_key_stolen_lacks_its_authors_signature(
    registry, layout, owner, newcomer, thief
):
    signer = thief.keyring.log_signer(registry.log().checkpoint.origin, create=False)
    replace_release(layout, 2, {"facts.json": canonical_json({"accuracy": 0.99})}, signer=signer)
    assert_verify_names(registry.root, "facts.json is not the file that the author signed", trust=newcomer)
    assert_verify_names(registry.root, "the log was forked", trust=owner)


# --- what does not belong there -------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "extra.txt",
        "blobs/sha256/" + "0" * 64,
        "blobs/sha256/.hidden",
        "blobs/other",
        "log/policy.bak",
        "log/tile/entries/000.p/9",
        "log/tile/7/000",
        "log/checkpoint.old",
    ],
)
def test_a_planted_file_is_named(registry, owner, name):
    overwrite(registry.root / name, b"planted")
    folder = name.rpartition("/")[0] if name == "log/tile/7/000" else name
    assert_verify_names(registry.root, f"{folder} does not belong here", trust=owner)


def test_a_planted_folder_is_named(registry, owner):
    (registry.root / "blobs" / "sha512").mkdir()
    assert_verify_names(registry.root, "blobs/sha512 does not belong here", trust=owner)


def test_a_planted_tile_is_not_written_over(registry, layout, owner):
    """The next publish would give this name to its own entries."""
    size = len(open_log_of(layout).entries)
    overwrite(layout.tile(f"tile/entries/000.p/{size + 1}"), b"planted")
    with pytest.raises(IntegrityError, match=r"is there already, but the checkpoint does not cover it"):
        registry.publish("helpdesk", {"a.json": b"1"}, {}, now=NOW)
    assert len(open_log_of(layout).entries) == size


def test_an_index_that_points_elsewhere_is_named_and_nothing_of_ours_reads_it(registry, layout, owner):
    """Other tools fetch what `index.json` names: an old model under the newest name."""
    first = named_of(layout, put_of(layout, 1))[0]
    overwrite(layout.index, build_index([replace(first, name="helpdesk@3")]))
    told = r"index.json: expected the index of the log's 3 live releases"
    assert_verify_names(registry.root, told, trust=owner)
    assert b"version 3" in registry.read_file(registry.read("latest"), "bundle/model.json")


def test_a_policy_that_lists_another_key_makes_nobody_believe_it(registry, layout, owner, tmp_path):
    """The intruder signs the log with a key of their own, and names it in the policy."""
    stranger = Trust(tmp_path / "stranger")
    signer = stranger.keyring.log_signer(registry.log().checkpoint.origin, create=True)
    release = registry.read("3")
    rewrite_log(layout, open_log_of(layout).entries, signer=signer)
    told = "signed by .*, the log says that .* is in force"
    assert_verify_names(registry.root, told, trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_a_whole_registry_of_another_key_in_its_place_is_named_by_a_pin(registry, owner, tmp_path, newcomer):
    """Same origin, same names, everything made anew by somebody else."""
    release, origin = registry.read("3"), registry.log().checkpoint.origin
    fake = Registry.create(tmp_path / "fake", origin=origin, trust=Trust(tmp_path / "stranger"))
    for version in (1, 2, 3):
        files = {"bundle/model.json": b'{"weights":"mine %d"}' % version}
        fake.publish("helpdesk", files, {"accuracy": 0.99}, now=NOW)
    shutil.rmtree(registry.root)
    fake.root.rename(registry.root)
    verify_registry(registry.root, trust=newcomer)  # who never saw the log cannot tell: hence pins
    told = "no entry hands one key over to the other: this is another log, or someone else signs it"
    assert_verify_names(registry.root, told, trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_digests_are_those_of_the_bytes(registry, layout):
    """What all of this rests on."""
    for path in layout.blobs.iterdir():
        assert digest_bytes(path.read_bytes()) == f"sha256:{path.name}"
