"""A proof made from a registry holds for somebody who has nothing else, and for no other release."""

from __future__ import annotations

import pytest
from tests.registry.decided import DAYS, decided_registry

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.registry.proofs.proof_check import verify_proof
from smallcraft.registry.proving import prove_release


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Not to be changed."""
    return decided_registry(tmp_path_factory.mktemp("proving") / "registry")


@pytest.mark.parametrize("reference", ["helpdesk@1", "helpdesk@2", "latest"])
def test_a_proof_shows_the_entry_the_files_and_who_signed_them(kept, reference):
    found, stored = verify_proof(prove_release(kept, reference)), kept.find(reference)
    assert found.entry == stored.entry
    assert found.fingerprint == stored.entry.by
    assert {file.path: file.digest for file in found.files} == {
        file.path: file.digest for file in stored.files
    }


def test_the_checkpoint_in_a_proof_is_the_newest(tmp_path):
    registry = decided_registry(tmp_path / "registry")
    before = verify_proof(prove_release(registry, "helpdesk@1")).checkpoint
    registry.set_alias("helpdesk", "stable", 2, now=DAYS[1])
    after = verify_proof(prove_release(registry, "helpdesk@1")).checkpoint
    assert after.size == before.size + 1 == registry.log().checkpoint.size


def test_the_logs_own_policy_accepts_it_and_another_logs_does_not(kept, tmp_path):
    other = decided_registry(tmp_path / "other")
    files = prove_release(kept, "helpdesk@2")
    own, foreign = (registry.layout.policy.read_bytes() for registry in (kept, other))
    verify_proof(files, policy=own)
    with pytest.raises(IntegrityError):
        verify_proof(files, policy=foreign)


def test_a_release_of_many_small_files_proves_each_of_them(tmp_path):
    """More than a thousand stand in one pack, whose index is part of the proof."""
    registry = decided_registry(tmp_path / "registry")
    files = {f"bundle/parts/{number}.json": b"%d" % number for number in range(1200)}
    registry.publish("many", files, {"chosen": "x"}, now=DAYS[1])
    proof = prove_release(registry, "many@1")
    assert [path for path in proof if path.startswith("packs/")]
    assert set(files) < {file.path for file in verify_proof(proof).files}


def test_a_release_after_a_turn_of_the_key_is_proved_under_the_new_one(tmp_path):
    registry = decided_registry(tmp_path / "registry")
    vkey = registry.rotate_key(DAYS[1])
    assert verify_proof(prove_release(registry, "helpdesk@1")).vkey == vkey


def test_what_is_not_there_is_not_proved(kept):
    with pytest.raises(NotFoundError, match="version '7'"):
        prove_release(kept, "helpdesk@7")


def test_of_a_broken_release_no_proof_is_made(tmp_path):
    registry = decided_registry(tmp_path / "registry")
    manifest = registry.layout.blob(registry.find("helpdesk@1").model.content.digest)
    manifest.chmod(0o644)
    manifest.write_bytes(manifest.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match=manifest.name[:12]):
        prove_release(registry, "helpdesk@1")
