import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.registry.remotes.conftest import release_files

from smallcraft.errors import IntegrityError, RemoteError
from smallcraft.registry.opening import Trust
from smallcraft.registry.sharing.addressing import open_remote
from smallcraft.registry.sharing.fetching import pull_from
from smallcraft.registry.sharing.sending import push_to
from smallcraft.registry.sharing.through import write_through
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

WRITERS = 8


def pull(place, folder, trust):
    def verify(root):
        return verify_registry(root, trust=trust)

    return pull_from(place.open(), folder, verify=verify, trust=trust)


def entries_of(owner):
    return owner.registry.log().entries


@pytest.mark.parametrize("place", ["memory", "s3", "hub"], indirect=True)
def test_eight_writers_at_once_lose_no_entry_and_fork_nothing(place, owner, tmp_path, now):
    push_to(place.open(), owner.root)
    writers = [owner.copy(tmp_path / f"writer{number}") for number in range(WRITERS)]

    def work(number):
        registry = writers[number].registry

        def publish():
            return registry.publish("helpdesk", release_files(10 + number), {"writer": number}, now=now)

        made = write_through(place.open(), registry, publish)
        write_through(
            place.open(),
            registry,
            lambda: registry.set_alias("helpdesk", f"w{number}", made.version, now=now),
        )
        return made.version

    with ThreadPoolExecutor(WRITERS) as pool:
        versions = list(pool.map(work, range(WRITERS)))
    assert sorted(versions) == list(range(3, 3 + WRITERS))
    reader = Trust(tmp_path / "reader")
    pull(place, tmp_path / "read", reader)
    log = Registry.open(tmp_path / "read", trust=reader).log()
    assert [entry.version for entry in log.entries if entry.kind == "put"] == list(range(1, 3 + WRITERS))
    meant = {f"w{number}": version for number, version in enumerate(versions)}
    assert {entry.alias: entry.version for entry in log.entries if entry.kind == "alias"} == meant
    for writer in writers:
        # what each committed at home begins the log that everybody reads, by its own pins
        pull(place, writer.root, writer.trust)
        assert entries_of(writer) == log.entries


def test_a_change_is_at_the_remote_before_it_is_at_home(memory, owner, now):
    remote = memory.open()
    sizes = []

    def change():
        real = remote.commit

        def commit(step):
            done = real(step)
            sizes.append((step.size, len(Registry.open(owner.root, trust=owner.trust).log().entries)))
            return done

        remote.commit = commit
        owner.registry.set_alias("helpdesk", "stable", 1, now=now)

    before = len(entries_of(owner))
    write_through(remote, owner.registry, change)
    assert sizes == [(before + 1, before)]
    assert len(entries_of(owner)) == before + 1


def test_what_the_remote_did_not_take_is_not_at_home_either(memory, owner, now):
    push_to(memory.open(), owner.root)
    remote, before = memory.open(), entries_of(owner)

    def dead(step):
        raise RemoteError("the line is dead")

    remote.commit = dead
    with pytest.raises(RemoteError):
        write_through(
            remote,
            owner.registry,
            lambda: owner.registry.publish("helpdesk", release_files(3), {"a": 1}, now=now),
        )
    assert entries_of(owner) == before
    assert not any((owner.root / "tmp").iterdir())
    verify_registry(owner.root, trust=owner.trust)
    # and a change without a remote is one at home alone, as before
    owner.registry.set_alias("helpdesk", "stable", 1, now=now)
    assert len(entries_of(owner)) == len(before) + 1


def test_a_home_that_went_its_own_way_is_told_of_the_fork(memory, owner, tmp_path, now):
    other = owner.copy(tmp_path / "other")
    owner.registry.set_alias("helpdesk", "stable", 1, now=now)
    push_to(memory.open(), owner.root)
    other.registry.set_alias("helpdesk", "stable", 2, now=now)
    with pytest.raises(IntegrityError, match="forked"):
        write_through(
            memory.open(), other.registry, lambda: other.registry.set_alias("helpdesk", "canary", 1, now=now)
        )


def test_a_remote_that_others_write_to_without_end_is_given_up_on(memory, owner, now, monkeypatch):
    push_to(memory.open(), owner.root)
    remote = memory.open()
    remote.commit = lambda step: False
    monkeypatch.setattr("smallcraft.registry.sharing.through._MOST_TURNS", 3)
    with pytest.raises(RemoteError, match="written to by others 3 times"):
        write_through(
            remote, owner.registry, lambda: owner.registry.set_alias("helpdesk", "stable", 1, now=now)
        )


KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from smallcraft.registry import committing
from smallcraft.registry.opening import Trust
from smallcraft.registry.sharing.addressing import open_remote
from smallcraft.registry.sharing.through import write_through
from smallcraft.registry.store import Registry

real = committing.rename_durably
def dying(source, target):
    if target.name == "checkpoint":
        os._exit(9)
    real(source, target)
committing.rename_durably = dying
registry = Registry.open(Path(sys.argv[1]), trust=Trust(Path(sys.argv[2])))
now = datetime(2026, 10, 1, tzinfo=UTC)

def change():
    registry.set_alias("helpdesk", "stable", 2, now=now)

write_through(open_remote(sys.argv[3]), registry, change)
"""


def test_a_writer_killed_between_the_two_commits_finds_its_entry_at_the_remote(
    s3, owner, now, child_environment
):
    push_to(s3.open(), owner.root)
    before = len(entries_of(owner))
    command = [sys.executable, "-c", KILLED, str(owner.root), str(owner.trust.folder), s3.address]
    done = subprocess.run(command, env=child_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    assert len(entries_of(owner)) == before
    registry = Registry.open(owner.root, trust=owner.trust)
    write_through(
        open_remote(os.fspath(s3.address)),
        registry,
        lambda: registry.set_alias("helpdesk", "canary", 1, now=now),
    )
    assert [entry.alias for entry in registry.log().entries[before:]] == ["stable", "canary"]
    verify_registry(owner.root, trust=owner.trust)
