"""What holds for every kind of remote: the laws of push and pull, and what a remote may do to what it has."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.registry.remotes.conftest import release_files
from tests.registry.remotes.places import blob_path

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError, RemoteError
from smallcraft.plugins import find_plugin
from smallcraft.registry.opening import Trust
from smallcraft.registry.proofs.exporting import walk_files
from smallcraft.registry.remotes import BUILTIN
from smallcraft.registry.sharing.fetching import pull_from
from smallcraft.registry.sharing.sending import push_to
from smallcraft.registry.verify.registry import verify_registry


@pytest.fixture
def pulled(tmp_path, newcomer):
    """Pulls into a new folder, verified by whoever does it."""

    def pull(place, trust=newcomer, folder="copy"):
        def verify(root):
            return verify_registry(root, trust=trust)

        return pull_from(place.open(), tmp_path / folder, verify=verify, trust=trust)

    return pull


def content_of(folder):
    return {path: (folder / path).read_bytes() for path in walk_files(folder) if "state.db" not in path}


@pytest.mark.parametrize("name", BUILTIN)
def test_a_kind_is_found_by_its_name_and_by_each_of_its_schemes(name):
    kind = find_plugin("remotes", name, BUILTIN)
    assert kind.example.partition("://")[0] in kind.schemes
    for other in BUILTIN.values():
        assert other is kind or not set(other.schemes) & set(kind.schemes)


def test_a_push_then_a_pull_gives_the_same_registry(place, owner, pulled, tmp_path):
    sent = push_to(place.open(), owner.root)
    assert (sent.size_before, sent.size) == (0, len(owner.registry.log().entries))
    got = pulled(place)
    assert (got.size, got.blobs, got.copied_bytes) == (sent.size, sent.blobs, sent.copied_bytes)
    assert content_of(tmp_path / "copy") == content_of(owner.root)


def test_only_what_is_missing_is_sent_and_fetched(place, owner, pulled, now):
    push_to(place.open(), owner.root)
    pulled(place)
    again = push_to(place.open(), owner.root)
    assert (again.blobs, again.copied_bytes, again.size_before) == (0, 0, again.size)
    owner.registry.set_alias("helpdesk", "stable", 1, now=now)
    moved = push_to(place.open(), owner.root)
    assert (moved.blobs, moved.size - moved.size_before) == (0, 1)
    assert (pulled(place).blobs, pulled(place).size) == (0, moved.size)
    owner.registry.publish("helpdesk", release_files(3), {"accuracy": 0.9}, now=now)
    assert push_to(place.open(), owner.root).blobs == pulled(place).blobs > 0


@pytest.mark.slow
def test_a_log_of_several_tiles_is_carried_whole(place, owner, pulled, now):
    for number in range(3):
        looks = [b'{"look":%d}' % look for look in range(100 * (number + 1))]
        owner.registry.record_looks("helpdesk", looks, now=now)
        push_to(place.open(), owner.root)
    assert pulled(place).size == len(owner.registry.log().entries) > 256


def test_a_remote_that_is_ahead_is_not_pushed_to_and_one_behind_changes_nothing(
    place, owner, pulled, tmp_path, now
):
    older = owner.copy(tmp_path / "older")
    push_to(place.open(), older.root)
    owner.registry.set_alias("helpdesk", "stable", 1, now=now)
    behind = pull_from(
        place.open(),
        owner.root,
        verify=lambda root: verify_registry(root, trust=owner.trust),
        trust=owner.trust,
    )
    assert (behind.ahead, behind.blobs) == (1, 0)
    push_to(place.open(), owner.root)
    before = place.state()
    with pytest.raises(InvalidInputError, match=r"1 entries ahead of .*: pull them first, then push"):
        push_to(place.open(), older.root)
    assert place.state() == before


def test_a_fork_is_named_in_both_directions_and_nothing_is_changed(place, owner, tmp_path, now):
    other = owner.copy(tmp_path / "other")
    owner.registry.set_alias("helpdesk", "stable", 1, now=now)
    other.registry.set_alias("helpdesk", "stable", 2, now=now)
    push_to(place.open(), owner.root)
    before, local = place.state(), content_of(other.root)
    with pytest.raises(IntegrityError, match="are forked: the log was forked"):
        push_to(place.open(), other.root)
    with pytest.raises(IntegrityError, match="are forked: the log was forked"):
        pull_from(place.open(), other.root, verify=verify_registry, trust=other.trust)
    assert place.state() == before
    assert {path: data for path, data in content_of(other.root).items() if path[:3] != "tmp"} == local


def test_a_place_where_nothing_was_pushed_is_no_registry(place, pulled):
    with pytest.raises(NotFoundError, match="nothing was pushed there yet"):
        pulled(place)


VICTIMS = [
    "blob",
    "manifest",
    "log/checkpoint",
    "log/tile/0/000.p/8",
    "log/tile/entries/000.p/8",
    "log/policy",
]


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("attack", ["flip", "cut"])
def test_one_byte_altered_at_the_remote_is_refused_and_named(
    place, owner, pulled, tmp_path, now, victim, attack
):
    owner.registry.record_looks("helpdesk", [b'{"look":1}', b'{"look":2}'], now=now)
    push_to(place.open(), owner.root)
    size = len(owner.registry.log().entries)
    manifest = owner.registry.find("helpdesk@2").entry.manifest.digest
    path = victim.replace("p/8", f"p/{size}")
    if victim == "blob":
        path = blob_path(release_files(2)["bundle/model.json"])
    elif victim == "manifest":
        path = f"blobs/sha256/{manifest[7:]}"
    data = place.read(path)
    middle = len(data) // 2
    place.write(
        path,
        data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if attack == "flip" else data[:-1],
    )
    with pytest.raises(IntegrityError) as refused:
        pulled(place)
    named = path.rpartition("/")[2] if "blobs" in path else path.partition(".p")[0]
    assert named in str(refused.value)
    assert place.open().address in str(refused.value)
    assert not (tmp_path / "copy/log/checkpoint").exists()
    place.write(path, data)
    assert pulled(place).size == size


def test_a_blob_that_the_remote_lost_is_named_and_the_next_push_brings_it_back(place, owner, pulled):
    push_to(place.open(), owner.root)
    lost = blob_path(release_files(2)["bundle/model.json"])
    data = place.read(lost)
    place.write(lost, b"")
    with pytest.raises(IntegrityError, match=lost):
        pulled(place)
    if place.has_conditions:
        assert push_to(place.open(), owner.root).blobs == 1
    else:  # an OCI registry takes no blob again that it believes to have
        place.write(lost, data)
    pulled(place)


def test_a_remote_that_was_put_back_is_refused_as_a_rollback_and_nothing_is_taken(
    place, owner, pulled, newcomer, tmp_path, now
):
    push_to(place.open(), owner.root)
    before = place.state()
    owner.registry.set_alias("helpdesk", "stable", 1, now=now)
    push_to(place.open(), owner.root)
    pulled(place)
    place.put_back(before)
    with pytest.raises(IntegrityError, match="the log was rolled back"):
        pulled(place, folder="another")
    assert not (tmp_path / "another/log/checkpoint").exists()
    # the pins of whoever never saw the newer state know nothing of it
    pulled(place, Trust(tmp_path / "third"), "third-copy")


def test_another_policy_than_the_remote_claims_is_the_one_that_counts(place, owner, tmp_path, newcomer):
    from smallcraft.registry.keys.policy import parse_policy, policy_of
    from smallcraft.registry.store import Registry

    push_to(place.open(), owner.root)
    stranger = Registry.create(
        tmp_path / "stranger", origin="example.com/models", trust=Trust(tmp_path / "s")
    )
    strange = policy_of([stranger.log().signer])
    with pytest.raises(IntegrityError, match="no known key signed"):
        pull_from(place.open(), tmp_path / "copy", verify=verify_registry, policy=strange, trust=newcomer)
    own = parse_policy((owner.root / "log/policy").read_bytes())
    done = pull_from(
        place.open(),
        tmp_path / "copy",
        verify=lambda root: verify_registry(root, trust=newcomer),
        policy=own,
        trust=newcomer,
    )
    assert done.size == len(owner.registry.log().entries)


def test_a_key_that_the_log_handed_over_is_followed(place, owner, pulled, now):
    push_to(place.open(), owner.root)
    pulled(place)
    owner.registry.rotate_key(now)
    owner.registry.set_alias("helpdesk", "stable", 1, now=now)
    push_to(place.open(), owner.root)
    assert pulled(place).size == len(owner.registry.log().entries)
    assert pulled(place, folder="fresh").blobs > 0


def test_a_blob_of_ours_that_was_changed_is_named_and_not_sent(place, owner):
    victim = owner.root / blob_path(release_files(2)["bundle/model.json"])
    data = victim.read_bytes()
    victim.chmod(0o644)
    victim.write_bytes(b"[" + data[1:])
    with pytest.raises(IntegrityError, match=victim.name):
        push_to(place.open(), owner.root)
    assert digest_bytes(data) not in place.open().sizes([digest_bytes(data)])
    victim.write_bytes(data)
    push_to(place.open(), owner.root)


# The OCI protocol has no conditional write: docs/decisions/0022 says what that means.
@pytest.mark.parametrize("place", ["memory", "s3", "hub"], indirect=True)
def test_pushes_of_one_history_at_the_same_time_end_in_the_longest(place, owner, pulled, tmp_path, now):
    copies = []
    for number in range(8):
        owner.registry.set_alias("helpdesk", "stable", 1 + number % 2, now=now)
        copies.append(owner.copy(tmp_path / f"writer{number}"))

    def push(one):
        try:
            return push_to(place.open(), one.root).size
        except InvalidInputError:
            return None

    with ThreadPoolExecutor(8) as pool:
        sizes = list(pool.map(push, copies))
    assert sizes[-1] == len(owner.registry.log().entries)
    assert pulled(place).size == sizes[-1]


KILLED = """
import http.client, os, sys
from pathlib import Path
import obstore
from smallcraft.registry.sharing.addressing import open_remote
from smallcraft.registry.sharing.sending import push_to

calls, fatal = 0, int(sys.argv[3])

def dying(real):
    def call(*arguments, **named):
        global calls
        calls += 1
        if calls == fatal:
            os._exit(9)
        return real(*arguments, **named)
    return call

for name in ("put", "get", "list", "delete", "head"):
    setattr(obstore, name, dying(getattr(obstore, name)))
http.client.HTTPConnection.request = dying(http.client.HTTPConnection.request)
push_to(open_remote(sys.argv[2]), Path(sys.argv[1]))
print(calls)
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["s3", "oci"], indirect=True)
def test_a_push_killed_anywhere_leaves_the_old_state_or_the_new_and_goes_on(
    place, owner, tmp_path, now, child_environment
):
    push_to(place.open(), owner.root)
    start, older = place.state(), len(owner.registry.log().entries)
    owner.registry.publish("helpdesk", release_files(3), {"accuracy": 0.9}, now=now)
    newer = len(owner.registry.log().entries)

    def kill(at):
        command = [sys.executable, "-c", KILLED, str(owner.root), place.address, str(at)]
        return subprocess.run(
            command, env=child_environment, capture_output=True, text=True, timeout=120, check=False
        )

    whole = kill(0)
    assert whole.returncode == 0, whole.stderr
    after, seen = place.state(), set()
    for at in range(1, int(whole.stdout) + 1, max(1, int(whole.stdout) // 8)):
        place.put_back(start)
        killed = kill(at)
        # blobs of an earlier round that an OCI registry keeps need no request again
        assert killed.returncode == 9 or int(killed.stdout) < at
        trust = Trust(tmp_path / f"keys{at}")
        folder = tmp_path / f"copy{at}"
        got = pull_from(
            place.open(),
            folder,
            verify=lambda root, trust=trust: verify_registry(root, trust=trust),
            trust=trust,
        )
        seen.add(got.size)
        push_to(place.open(), owner.root)
        assert place.state() == after
        shutil.rmtree(folder)
    assert seen == {older, newer}


def test_a_pull_that_was_interrupted_goes_on_where_it_was(place, owner, tmp_path, newcomer):
    push_to(place.open(), owner.root)
    remote, waiting = place.open(), tmp_path / "copy/tmp/incoming"
    real = remote.blocks

    def failing(content):
        if waiting.is_dir() and len(list(waiting.iterdir())) == 4:
            raise RemoteError("the line is dead")
        return real(content)

    remote.blocks = failing
    with pytest.raises(RemoteError):
        pull_from(remote, tmp_path / "copy", verify=verify_registry, trust=newcomer)
    assert not (tmp_path / "copy/log/checkpoint").exists()
    done = pull_from(
        place.open(),
        tmp_path / "copy",
        verify=lambda root: verify_registry(root, trust=newcomer),
        trust=newcomer,
    )
    assert done.resumed == 4
