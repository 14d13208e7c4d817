"""Releases that were put where they do not belong, or made by who is not their author.

An old release under a new name, or as the newest version; one that the author never signed. The thief holds
the log's key, and appends as the owner does, so no pin tells: what a release is, is said by its own bytes and
by the author's signature, whose key is another one, kept apart.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.attacks.forging import (
    NOW,
    assert_not_served,
    assert_verify_names,
    forge_release,
    overwrite,
    replace_release,
    rewrite_log,
)

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry
from smallcraft.registry.verify.release import verify_release


def replayed(entries, put, *, name, version, prev):
    return [*entries, replace(entries[put], name=name, version=version, prev=prev)]


def test_an_old_release_under_a_new_name_is_refused_without_the_key(registry, layout, owner, entries, puts):
    rewrite_log(layout, replayed(entries, puts[0], name="payroll", version=1, prev=None))
    assert_verify_names(registry.root, r"log/tile/.* does not belong here", trust=owner)
    with pytest.raises(NotFoundError):
        Registry.open(registry.root, trust=owner).read("payroll@1")


def test_an_old_release_under_a_new_name_is_refused_with_the_log_key_stolen(
    registry, layout, owner, signer, entries, puts
):
    rewrite_log(layout, replayed(entries, puts[0], name="payroll", version=1, prev=None), signer=signer)
    told = "payroll@1 is the model that was released as 'helpdesk': an old release was put under a new name"
    assert_verify_names(registry.root, told, trust=owner)
    with pytest.raises(IntegrityError, match="put under a new name"):
        Registry.open(registry.root, trust=owner).read("payroll@1")


def test_an_old_release_under_a_new_version_is_refused_with_the_log_key_stolen(
    registry, layout, owner, signer, entries, puts
):
    """What is on record as bad comes back as the newest; the author signed it as version 1."""
    release, prev = registry.read("3"), entries[puts[2]].manifest.digest
    rewrite_log(layout, replayed(entries, puts[0], name="helpdesk", version=4, prev=prev), signer=signer)
    told = "helpdesk@4 carries the signature of helpdesk@1: an old release was put in its place"
    assert_verify_names(registry.root, told, trust=owner)
    again = replace(release, version=4)
    assert_not_served(registry.root, again, trust=owner)


def test_a_release_forged_with_the_log_key_stolen_lacks_its_authors_signature(
    registry, layout, owner, signer, entries, puts
):
    """Appended as the owner appends, so no pin sees it: the author's key is another one, kept apart."""
    prev = entries[puts[2]].manifest.digest
    fourth = replace(entries[puts[2]], version=4, prev=prev)
    edits = {"bundle/model.json": b'{"weights":"mine"}'}
    rewrite_log(layout, [*entries, forge_release(layout, fourth, edits)], signer=signer)
    told = "bundle/model.json is not the file that the author signed"
    assert_verify_names(registry.root, told, trust=owner)
    assert_not_served(registry.root, replace(registry.read("3"), version=4), trust=owner)


def test_a_release_without_a_signature_is_refused(registry, layout, owner, signer, entries, puts):
    """Leaving it out is no way round it."""
    last = entries[puts[2]]
    fourth = replace(last, version=4, prev=last.manifest.digest, attestations=last.attestations[:-1], by=None)
    rewrite_log(layout, [*entries, fourth], signer=signer)
    assert_verify_names(registry.root, "helpdesk@4 is not signed by its author", trust=owner)
    assert_not_served(registry.root, replace(registry.read("3"), version=4), trust=owner)


def test_with_every_key_stolen_replaced_weights_are_named_by_a_pin_and_by_a_copy(
    registry, layout, owner, newcomer, thief, signer, tmp_path
):
    """Blobs, manifests, signatures, entries, tiles, checkpoint: forged and sound. Others saw otherwise."""
    release, kept = registry.read("3"), tmp_path / "kept"
    overwrite(kept, layout.checkpoint.read_bytes())
    author = thief.keyring.author(create=False)
    replace_release(layout, 3, {"bundle/model.json": b'{"weights":"mine"}'}, signer=signer, author=author)
    verify_registry(registry.root, trust=Trust(tmp_path / "blind"))  # the limit that the documents state
    assert_verify_names(registry.root, "log/checkpoint: the log was forked", trust=owner)
    assert_not_served(registry.root, release, trust=owner)
    assert_verify_names(registry.root, "kept: the log was forked", trust=newcomer, pin=kept)


def test_an_author_whom_a_thief_of_the_log_key_brings_stands_in_the_log_for_good(
    registry, layout, owner, thief
):
    """Not refused, as the documents say: the log's key admits authors. But it cannot be done unseen."""
    known = registry.log().state.authors
    (thief.folder / "keys" / "author.pem").unlink()
    forged = Registry.open(registry.root, trust=thief)
    forged.publish("helpdesk", {"bundle/model.json": b'{"weights":"mine"}'}, {"n": 4}, now=NOW)
    after = Registry.open(registry.root, trust=owner)
    (added,) = set(after.log().state.authors) - set(known)
    signature = next(step for step in verify_release(after, "latest").steps if step.name == "signature")
    assert added in signature.detail
    assert added not in str(verify_release(after, "helpdesk@3").steps)
