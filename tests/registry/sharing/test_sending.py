"""What is told before anything is sent; the laws of a push are in `registry/remotes/test_remotes`."""

import pytest

from smallcraft.errors import IntegrityError, NotFoundError, RemoteError
from smallcraft.registry.keys.policy import policy_of
from smallcraft.registry.opening import Trust
from smallcraft.registry.sharing.sending import push_to
from smallcraft.registry.store import Registry


def test_without_a_registry_at_home_there_is_nothing_to_push(memory, tmp_path):
    with pytest.raises(NotFoundError, match=r"no registry at .*: log/checkpoint is not there"):
        push_to(memory.open(), tmp_path / "nothing")


def test_a_log_that_the_policy_does_not_list_is_not_pushed(memory, owner, tmp_path):
    stranger = Registry.create(tmp_path / "s", origin="example.com/models", trust=Trust(tmp_path / "keys"))
    with pytest.raises(IntegrityError, match="no known key signed"):
        push_to(memory.open(), owner.root, policy=policy_of([stranger.log().signer]))
    assert memory.state() == {}


def test_another_registry_is_refused(memory, owner, tmp_path, now):
    other = Registry.create(tmp_path / "other", origin="example.com/other", trust=owner.trust)
    push_to(memory.open(), other.root)
    before = memory.state()
    with pytest.raises(IntegrityError, match="they are two registries"):
        push_to(memory.open(), owner.root)
    assert memory.state() == before


def test_a_policy_with_a_word_added_is_not_what_a_push_writes(memory, owner):
    push_to(memory.open(), owner.root)
    memory.write("log/policy", b"# mine\n" + memory.read("log/policy"))
    with pytest.raises(IntegrityError, match="log/policy is not in the form that a push writes"):
        push_to(memory.open(), owner.root)


def test_a_remote_that_changes_without_end_is_given_up_on(memory, owner, monkeypatch):
    remote = memory.open()
    remote.commit = lambda change: False
    monkeypatch.setattr("smallcraft.registry.sharing.sending._MOST_TURNS", 3)
    with pytest.raises(RemoteError, match="changed 3 times while it was pushed to"):
        push_to(remote, owner.root)
