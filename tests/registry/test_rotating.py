import shutil

import pytest

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.checkpoint import sign_checkpoint
from smallcraft.registry.verify.registry import Copy, verify_registry


def test_a_new_key_signs_from_then_on_and_the_old_one_handed_over(registry, now):
    old = registry.log().signer
    new = registry.rotate_key(now)
    log = Registry.open(registry.root).log()
    assert log.keys == (old, new)
    assert log.signer == new
    assert registry.publish("helpdesk", {"bundle/x.json": b"1"}, {}, now=now).version == 4
    verify_registry(registry.root)


def test_keys_can_be_rotated_again_and_again(registry, now):
    keys = [registry.log().signer, *(registry.rotate_key(now) for _ in range(3))]
    assert Registry.open(registry.root).log().keys == tuple(keys)
    policy = registry.layout.policy.read_text()
    assert [line.split()[1] for line in policy.splitlines()[:-1]] == keys


def test_a_pin_from_before_follows_to_the_new_key(registry, now, tmp_path):
    before = registry.log()
    registry.rotate_key(now)
    copy = Copy(before.note, "a copy from before")
    report = verify_registry(registry.root, trust=Trust(tmp_path / "elsewhere"), copies=[copy])
    assert "grew from" in {step.name: step.detail for step in report.steps}["copies"]


def test_a_checkpoint_by_the_old_key_is_refused_once_it_was_replaced(registry, now):
    """Whoever stole the old key cannot take the log back."""
    old = registry.trust.keyring.log_signer(registry.log().checkpoint.origin, create=False)
    registry.rotate_key(now)
    log = Registry.open(registry.root).log()
    registry.layout.checkpoint.chmod(0o644)
    registry.layout.checkpoint.write_bytes(sign_checkpoint(log.checkpoint, old))
    with pytest.raises(IntegrityError, match=r"log/checkpoint: it is signed by .* is in force"):
        Registry.open(registry.root).log()


def test_an_adoption_that_was_cut_short_is_made_up_for(registry, now, monkeypatch):
    keyring = type(registry.trust.keyring)
    with monkeypatch.context() as patch:
        patch.setattr(keyring, "adopt_log_key", lambda self, origin: None)
        first = registry.rotate_key(now)
    assert Registry.open(registry.root).publish("helpdesk", {"bundle/x.json": b"1"}, {}, now=now).version == 4
    second = Registry.open(registry.root).rotate_key(now)
    assert Registry.open(registry.root).log().keys[1:] == (first, second)
    verify_registry(registry.root)


def test_a_machine_without_the_key_cannot_rotate_it(registry, now, tmp_path):
    elsewhere = Registry.open(registry.root, trust=Trust(tmp_path / "other"))
    with pytest.raises(NotFoundError, match="copy it from the machine that has it"):
        elsewhere.rotate_key(now)
    shutil.rmtree(tmp_path / "other", ignore_errors=True)
    verify_registry(registry.root)


def test_what_else_the_policy_says_stays(registry, now):
    policy = registry.layout.policy
    policy.chmod(0o644)
    log_line, quorum = policy.read_text().splitlines()
    policy.write_text(f"{log_line} https://example.com/log\n{quorum}\n")
    new = registry.rotate_key(now)
    lines = [f"{log_line} https://example.com/log", f"log {new}", quorum]
    assert policy.read_text().splitlines() == lines
