import base64
import dataclasses
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.registry.proofs.conftest import Author, Published, release_files

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.content.disk import Layout, locked
from smallcraft.registry.keys.policy import encode_policy, parse_policy, policy_of
from smallcraft.registry.opening import Trust
from smallcraft.registry.proofs.exporting import walk_files
from smallcraft.registry.proofs.needed import needed_blobs
from smallcraft.registry.proofs.transfer import pull, push
from smallcraft.registry.proofs.two_logs import claimed_policies, open_copy
from smallcraft.registry.proving import prove_release
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.checkpoint import Checkpoint, sign_checkpoint
from smallcraft.registry.tlog.entry import Entry, encode_entry, parse_entry
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.tlog.tiles import TileLog
from smallcraft.registry.verify.registry import verify_registry


@pytest.fixture
def local(published, tmp_path):
    return published.write_registry(tmp_path / "local")


@pytest.fixture
def remote(tmp_path):
    return tmp_path / "shared" / "remote"


def opened(folder):
    layout = Layout(folder)
    return open_copy(layout, claimed_policies(layout))


def check(folder):
    """Every blob that the log needs is there and has its digest; nothing is left over."""
    layout = Layout(folder)
    log = opened(folder)
    for digest in needed_blobs(layout, log):
        assert digest_bytes(layout.blob(digest).read_bytes()) == digest
    assert not any(layout.tmp.iterdir())
    return log


def content_of(folder):
    return {path: (folder / path).read_bytes() for path in walk_files(folder) if "state.db" not in path}


def test_a_push_then_a_pull_gives_the_same_registry(local, remote, tmp_path, published):
    sent = push(local, remote)
    assert (sent.origin, sent.size_before, sent.size) == (published.origin, 0, 7)
    log = check(remote)
    assert log.raw == tuple(published.entries)
    got = pull(remote, tmp_path / "copy", verify=check)
    assert (got.blobs, got.copied_bytes) == (sent.blobs, sent.copied_bytes)
    assert content_of(tmp_path / "copy") == content_of(remote)
    assert (remote / "log/checkpoint").read_bytes() == published.checkpoint


def test_only_what_is_missing_is_copied(published, tmp_path, remote):
    local = published.write_registry(tmp_path / "local", size=4)
    first = push(local, remote)
    published.write_registry(tmp_path / "later")
    second = push(tmp_path / "later", remote)
    assert (first.size, second.size_before, second.size) == (4, 4, 7)
    assert first.blobs > 0
    assert second.blobs > 0
    assert not check(remote).tiles.size - 7
    third = push(tmp_path / "later", remote)
    assert (third.blobs, third.copied_bytes, third.size_before) == (0, 0, 7)
    # the narrower tiles of the older state are gone
    assert not (remote / "log/tile/0/000.p/4").exists()


def test_a_remote_that_is_ahead_is_not_pushed_to(published, tmp_path, remote):
    push(published.write_registry(tmp_path / "later"), remote)
    before = content_of(remote)
    older = published.write_registry(tmp_path / "older", size=4)
    with pytest.raises(InvalidInputError, match=r"3 entries ahead of .*: pull them first, then push"):
        push(older, remote)
    assert content_of(remote) == before


def test_a_pull_from_a_remote_that_is_behind_changes_nothing(local, published, tmp_path):
    behind = published.write_registry(tmp_path / "behind", size=5)
    done = pull(behind, local, verify=check)
    assert (done.size, done.ahead, done.blobs) == (7, 2, 0)


def other_history(published):
    """The same key signs another log that begins alike: it was stolen, or used in a copy too."""
    forked = Published(Author(20261001))
    last = forked.other_entries()[3]
    forked.entries[-1] = encode_entry(dataclasses.replace(last, time="2026-10-02T00:00:00Z"))
    assert forked.entries[:-1] == published.entries[:-1]
    return forked


@pytest.mark.parametrize("size", [6, 7])
def test_a_fork_is_named_in_both_directions_and_nothing_is_changed(published, tmp_path, local, size):
    forked = other_history(published)
    forked.entries[1] = encode_entry(
        dataclasses.replace(parse_entry(forked.entries[1], number=2), time="2026-10-02T00:00:00Z")
    )
    other = forked.write_registry(tmp_path / "other", size=size)
    before = content_of(other), content_of(local)
    for source, target in ((local, other), (other, local)):
        with pytest.raises(IntegrityError, match="are forked: the log was forked"):
            push(source, target)
        with pytest.raises(IntegrityError, match="are forked: the log was forked"):
            pull(source, target, verify=check)
    after = [{p: d for p, d in content_of(f).items() if not p.startswith("tmp")} for f in (other, local)]
    assert tuple(after) == before


def test_another_registry_is_refused(published, local, tmp_path):
    other = Published(Author(5), signed=False)
    other.origin = "example.com/other"
    other.signer = Signer(other.origin, Ed25519PrivateKey.from_private_bytes(b"o" * 32))
    other.policy = encode_policy(policy_of([other.signer.vkey]))
    other.entries = [encode_entry(entry) for entry in other.other_entries()]
    folder = other.write_registry(tmp_path / "other")
    with pytest.raises(IntegrityError, match="they are two registries"):
        push(local, folder)


def test_a_remote_whose_owner_signs_with_another_key_is_not_believed(published, local, tmp_path):
    """The thief has the whole log, adds an entry, and claims a policy of his own."""
    thief = Published(Author(20261001))
    thief.entries.append(encode_entry(thief.other_entries()[5]))
    thief.signer = Signer(thief.origin, Ed25519PrivateKey.from_private_bytes(b"t" * 32))
    thief.policy = encode_policy(policy_of([thief.signer.vkey]))
    folder = thief.write_registry(tmp_path / "thief")
    with pytest.raises(IntegrityError, match="is in force; do not use it"):
        pull(folder, local, verify=check)
    with pytest.raises(IntegrityError, match="no known key signed"):
        pull(folder, tmp_path / "new", verify=check, policy=parse_policy(published.policy))


def test_a_key_that_the_log_handed_over_is_followed(published, local, tmp_path):
    rotated = Published(Author(20261001))
    old, new = rotated.signer, Signer(rotated.origin, Ed25519PrivateKey.from_private_bytes(b"n" * 32))
    entry = Entry(rotated.origin, "key", "2026-10-03T00:00:00Z", role="log", key=new.vkey)
    signature = base64.b64encode(old.sign(encode_entry(entry))).decode()
    rotated.entries.append(encode_entry(dataclasses.replace(entry, signature=signature)))
    rotated.signer = new
    rotated.policy = encode_policy(policy_of([new.vkey]))
    folder = rotated.write_registry(tmp_path / "rotated")
    assert pull(folder, local, verify=check).size == 8
    assert (local / "log/policy").read_bytes() == rotated.policy


def test_the_root_of_a_log_that_was_rebuilt_is_not_taken(published, local, tmp_path):
    shutil.copytree(local, tmp_path / "remote")
    checkpoint = Checkpoint(published.origin, 7, b"r" * 32)
    (tmp_path / "remote/log/checkpoint").write_bytes(sign_checkpoint(checkpoint, published.signer))
    with pytest.raises(IntegrityError, match="the log was rewritten, or the checkpoint is not its own"):
        pull(tmp_path / "remote", tmp_path / "new", verify=check)
    assert not (tmp_path / "new/log/checkpoint").exists()


def blobs_of(folder):
    return sorted((folder / "blobs/sha256").iterdir())


@pytest.mark.parametrize("attack", ["flip", "truncate", "grow", "remove", "link"])
def test_a_blob_that_was_changed_is_named_and_no_state_is_committed(
    local, remote, published, tmp_path, attack
):
    victim = local / "blobs/sha256" / digest_bytes(published.content["bundle/model.onnx"])[7:]
    data = victim.read_bytes()
    victim.unlink()
    changed = {"flip": b"W" + data[1:], "truncate": data[:-1], "grow": data + b"!" * (1 << 20)}
    if attack == "link":
        (tmp_path / "elsewhere").write_bytes(data)
        victim.symlink_to(tmp_path / "elsewhere")
    elif attack != "remove":
        victim.write_bytes(changed[attack])
    with pytest.raises(IntegrityError, match=victim.name):
        push(local, remote)
    assert not (remote / "log/checkpoint").exists()
    victim.unlink(missing_ok=True)
    victim.write_bytes(data)
    assert push(local, remote).size == 7
    check(remote)


def test_a_damaged_blob_of_the_remote_is_healed_when_its_size_tells(local, remote, published):
    push(local, remote)
    victim = remote / "blobs/sha256" / digest_bytes(published.content["card.md"])[7:]
    victim.chmod(0o644)
    victim.write_bytes(b"#")
    assert push(local, remote).blobs == 1
    check(remote)


@pytest.mark.parametrize("name", ["entries/000.p/7", "0/000.p/7"])
def test_a_changed_tile_of_the_remote_is_refused(local, remote, tmp_path, name):
    push(local, remote)
    tile = remote / "log/tile" / name
    tile.chmod(0o644)
    data = bytearray(tile.read_bytes())
    data[70] ^= 1
    tile.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match=r"does not match|does not hold the hashes of the entries"):
        pull(remote, tmp_path / "new", verify=check)
    with pytest.raises(IntegrityError, match=r"does not match|does not hold the hashes of the entries"):
        push(local, remote)


def test_what_a_release_that_was_erased_had_is_not_needed(published, tmp_path, remote):
    erased = Published(Author(20261001))
    retire = Entry(
        erased.origin, "retire", "2026-10-04T00:00:00Z", "helpdesk", 1, erased=True, reason="a request"
    )
    erased.entries.append(encode_entry(retire))
    local = erased.write_registry(tmp_path / "local")
    (local / "blobs/sha256" / digest_bytes(erased.content["bundle/model.onnx"])[7:]).unlink()
    assert push(local, remote).size == 8
    assert digest_bytes(erased.manifest)[7:] not in [path.name for path in blobs_of(remote)]


def test_a_folder_that_is_somebody_elses_is_not_made_a_registry(local, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.tex").write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"already holds thesis\.tex"):
        push(local, tmp_path / "home")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["thesis.tex"]


def test_a_remote_that_lost_its_checkpoint_is_not_taken_for_an_empty_one(local, remote):
    push(local, remote)
    (remote / "log/checkpoint").unlink()
    with pytest.raises(IntegrityError, match="checkpoint is missing"):
        push(local, remote)


def test_no_registry_and_itself_are_refused(local, tmp_path):
    with pytest.raises(NotFoundError, match="no registry at"):
        pull(tmp_path / "nothing", local, verify=check)
    with pytest.raises(InvalidInputError, match="cannot be brought up to itself"):
        push(local, local / "log" / "..")


def test_a_pull_ends_in_the_verification_that_is_passed(local, remote, tmp_path):
    push(local, remote)

    def refuse(folder):
        raise IntegrityError(f"{folder.name} is broken")

    with pytest.raises(IntegrityError, match="copy is broken"):
        pull(remote, tmp_path / "copy", verify=refuse)


def test_pushes_at_the_same_time_end_in_the_longest_log(published, tmp_path, remote):
    folders = [published.write_registry(tmp_path / f"local{size}", size=size) for size in (3, 4, 5, 6, 7)]

    def one(folder):
        try:
            return push(folder, remote).size
        except InvalidInputError:
            return None

    with ThreadPoolExecutor(5) as pool:
        done = list(pool.map(one, folders))
    assert done[-1] == 7
    assert check(remote).tiles.size == 7


def test_a_push_and_a_pull_across_do_not_wait_for_each_other(local, remote, tmp_path):
    push(local, remote)
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(push, local, remote) for _ in range(4)]
        jobs += [pool.submit(pull, remote, local, verify=opened) for _ in range(4)]
        assert {job.result(timeout=60).size for job in jobs} == {7}


def test_a_writer_is_waited_for(local, remote):
    with ThreadPoolExecutor(1) as pool:
        with locked(local / "log"):
            job = pool.submit(push, local, remote)
            assert not job.done()
            assert not (remote / "log/checkpoint").exists()
        assert job.result(timeout=60).size == 7


KILLED = """
import os, sys
from pathlib import Path
from smallcraft.registry.proofs.transfer import push

calls, fatal = 0, int(sys.argv[3])

def dying(real):
    def call(*arguments, **named):
        global calls
        calls += 1
        if calls == fatal:
            os._exit(9)
        return real(*arguments, **named)
    return call

for name in ("open", "rename", "replace", "unlink", "fsync", "mkdir", "fchmod"):
    setattr(os, name, dying(getattr(os, name)))
push(Path(sys.argv[1]), Path(sys.argv[2]))
print(calls)
"""


def kill(local, remote, at):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED, str(local), str(remote), str(at)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_a_push_killed_anywhere_leaves_the_old_state_or_the_new_and_goes_on(published, tmp_path):
    older = published.write_registry(tmp_path / "older", size=4)
    local = published.write_registry(tmp_path / "local")
    push(older, tmp_path / "start")
    shutil.copytree(tmp_path / "start", tmp_path / "counted")
    whole = kill(local, tmp_path / "counted", 0)
    assert whole.returncode == 0, whole.stderr
    calls = int(whole.stdout)
    resumed, sizes = 0, set()
    for at in range(1, calls + 1, max(1, calls // 24)):
        remote = shutil.copytree(tmp_path / "start", tmp_path / f"killed{at}")
        assert kill(local, remote, at).returncode == 9
        size = opened(remote).tiles.size
        assert size in {4, 7}
        done = push(local, remote)
        resumed += done.resumed
        sizes.add(size)
        assert check(remote).raw == tuple(published.entries)
        assert content_of(remote) == content_of(tmp_path / "counted")
    assert sizes == {4, 7}
    assert resumed > 0


@pytest.mark.slow
def test_a_first_push_killed_anywhere_is_finished_by_the_next(published, tmp_path, local):
    calls = int(kill(local, tmp_path / "counted", 0).stdout)
    for at in range(2, calls + 1, max(1, calls // 12)):
        remote = tmp_path / f"killed{at}"
        assert kill(local, remote, at).returncode == 9
        assert push(local, remote).size == 7
        assert content_of(remote) == content_of(tmp_path / "counted")


def test_a_log_of_several_tiles_is_carried_whole(published, tmp_path, remote):
    many = Published(Author(20261001))
    look = many.other_entries()[2]
    many.entries += [
        encode_entry(dataclasses.replace(look, time=f"2026-11-{day:02d}T{hour:02d}:{minute:02d}:00Z"))
        for day in range(1, 3)
        for hour in range(24)
        for minute in range(0, 60, 6)
    ]
    push(many.write_registry(tmp_path / "early", size=200), remote)
    done = push(many.write_registry(tmp_path / "late"), remote)
    assert (done.size_before, done.size) == (200, len(many.entries))
    assert check(remote).raw == tuple(many.entries)
    fresh = TileLog({}.__getitem__, 0).append(many.entries).files
    tiles = {path.removeprefix("log/") for path in walk_files(remote) if path.startswith("log/tile/")}
    assert tiles == set(fresh)


def test_a_real_registry_goes_round_through_a_shared_folder(stored, tmp_path, now):
    remote, copy = tmp_path / "shared", tmp_path / "copy"
    push(stored.root, remote)
    stranger = Trust(folder=tmp_path / "other-keys")

    def verify(folder):
        verify_registry(folder, trust=stranger)

    assert pull(remote, copy, verify=verify).size_before == 0
    stored.publish("helpdesk", release_files(3), {"chosen": "frozen"}, now=now)
    stored.set_alias("helpdesk", "stable", 3, now=now)
    push(stored.root, remote)
    assert 0 < pull(remote, copy, verify=verify).size_before < stored.log().checkpoint.size
    pulled = Registry.open(copy, trust=stranger)
    assert pulled.read("helpdesk@stable") == stored.read("helpdesk@3")
    assert (copy / "index.json").read_bytes() == (stored.root / "index.json").read_bytes()
    assert prove_release(pulled, "helpdesk@3") == prove_release(stored, "helpdesk@3")
    verify(remote)
