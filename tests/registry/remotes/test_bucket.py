"""What holds for buckets alone; the laws of every remote are in `test_remotes`."""

import sys

import pytest
from tests.conftest import require
from tests.registry.remotes.conftest import why_no_obstore

from smallcraft.errors import IntegrityError, InvalidInputError, MissingPartError, RemoteError
from smallcraft.registry.opening import Trust
from smallcraft.registry.remotes.bucket import BucketKind
from smallcraft.registry.sharing.fetching import pull_from
from smallcraft.registry.sharing.sending import push_to
from smallcraft.registry.verify.registry import verify_registry


def test_a_bucket_copied_as_it_is_is_a_registry(memory, owner, tmp_path, now):
    for word in ("stable", "canary"):
        push_to(memory.open(), owner.root)
        owner.registry.set_alias("helpdesk", word, 1, now=now)
    push_to(memory.open(), owner.root)
    for path, data in memory.state().items():
        (tmp_path / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / path).write_bytes(data)
    assert verify_registry(tmp_path / "copy", trust=Trust(tmp_path / "keys")).steps


def test_a_writer_that_died_after_its_commit_is_finished_by_whoever_comes(memory, owner, tmp_path, now):
    push_to(memory.open(), owner.root)
    owner.registry.set_alias("helpdesk", "stable", 1, now=now)
    remote = memory.open()
    real = remote._finish

    def dies(*arguments):
        raise RemoteError("killed")

    remote._finish = dies
    with pytest.raises(RemoteError):
        push_to(remote, owner.root)
    assert any(path.startswith("log/pending/") for path in memory.state())
    trust = Trust(tmp_path / "reader")
    done = pull_from(
        memory.open(), tmp_path / "copy", verify=lambda root: verify_registry(root, trust=trust), trust=trust
    )
    assert done.size == len(owner.registry.log().entries)
    other = owner.copy(tmp_path / "other")
    other.registry.set_alias("helpdesk", "canary", 2, now=now)
    push_to(memory.open(), other.root)
    assert not any(path.startswith("log/pending/") for path in memory.state())
    assert real is not dies


def test_a_writer_that_lost_leaves_nothing_that_a_later_one_does_not_clear(memory, owner, tmp_path, now):
    push_to(memory.open(), owner.root)
    other = owner.copy(tmp_path / "other")
    owner.registry.set_alias("helpdesk", "stable", 1, now=now)
    other.registry.set_alias("helpdesk", "stable", 2, now=now)
    late = memory.open()
    head = late.head()
    push_to(memory.open(), owner.root)
    # it reads the state before, loses, reads anew, and sees the other history
    late.head = iter([head, memory.open().head()]).__next__
    with pytest.raises(IntegrityError, match="forked"):
        push_to(late, other.root)
    assert sum(path.startswith("log/pending/") for path in memory.state()) == 1
    owner.registry.set_alias("helpdesk", "canary", 1, now=now)
    push_to(memory.open(), owner.root)
    assert not any(path.startswith("log/pending/") for path in memory.state())


def test_a_request_that_was_answered_and_sent_again_is_no_other_writer(memory, owner, monkeypatch):
    import obstore

    real = obstore.put

    def twice(store, path, data, **named):
        if path == "log/checkpoint":
            real(store, path, data, **named)
        return real(store, path, data, **named)

    monkeypatch.setattr(obstore, "put", twice)
    assert push_to(memory.open(), owner.root).size_before == 0


def test_a_bucket_that_lost_its_checkpoint_is_not_taken_for_an_empty_one(memory, owner):
    import obstore

    push_to(memory.open(), owner.root)
    obstore.delete(memory.store, "log/checkpoint")
    with pytest.raises(IntegrityError, match="log/checkpoint is missing, but its tiles are there"):
        push_to(memory.open(), owner.root)


def test_a_journal_that_was_forged_is_named(memory, owner, tmp_path):
    from smallcraft.registry.remotes.journal import journal_path

    push_to(memory.open(), owner.root)
    path = journal_path(memory.read("log/checkpoint"))
    memory.write(path, b'{"v":1}')
    with pytest.raises(IntegrityError, match=path):
        pull_from(memory.open(), tmp_path / "copy", verify=verify_registry, trust=Trust(tmp_path / "reader"))


def test_a_bucket_that_is_not_there_is_told_with_its_name_and_what_to_check(s3, owner):
    with pytest.raises(RemoteError, match=r"s3://nobodys/x did not do what was asked.*credentials"):
        push_to(BucketKind().open("s3://nobodys/x"), owner.root)


@pytest.mark.parametrize("address", ["s3://", "s3:///prefix", "s3://bucket/x?y=1", "s3://bucket/x#y"])
def test_what_names_no_bucket_is_refused(address):
    require(why_no_obstore())
    with pytest.raises(InvalidInputError, match="a bucket is named like s3://bucket/prefix"):
        BucketKind().open(address)


def test_without_the_extra_the_command_that_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(MissingPartError, match=r"pip install 'smallcraft\[scale\]'"):
        BucketKind().open("s3://bucket/prefix")
