"""What a pull takes, and what it does not; the laws of a pull are in `registry/remotes/test_remotes`."""

from dataclasses import dataclass, field
from threading import Barrier, Lock

import pytest

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.manifests.manifest import LARGEST_BYTES
from smallcraft.registry.sharing.fetching import pull_from
from smallcraft.registry.sharing.sending import push_to


@dataclass
class Watched:
    """A remote as it is, seen from outside: which blobs are asked for, and a word before each answer."""

    remote: object
    before: object = None
    asked: list = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def __getattr__(self, name):
        return getattr(self.remote, name)

    def blocks(self, content):
        with self.lock:
            self.asked.append(content.digest)
        if self.before is not None:
            self.before(content)
        return self.remote.blocks(content)


def refuse(root):
    raise IntegrityError(f"{root.name} is broken")


def test_a_pull_ends_in_the_verification_that_is_passed(memory, owner, tmp_path, newcomer):
    push_to(memory.open(), owner.root)
    with pytest.raises(IntegrityError, match="copy is broken"):
        pull_from(memory.open(), tmp_path / "copy", verify=refuse, trust=newcomer)


def test_a_folder_that_is_somebody_elses_is_not_made_a_registry(memory, owner, tmp_path, newcomer):
    push_to(memory.open(), owner.root)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.tex").write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"already holds thesis\.tex"):
        pull_from(memory.open(), tmp_path / "home", verify=refuse, trust=newcomer)
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["thesis.tex"]


def test_a_manifest_that_is_too_large_for_one_is_not_fetched(memory, owner, tmp_path, newcomer):
    push_to(memory.open(), owner.root)
    manifest = owner.registry.find("helpdesk@2").entry.manifest.digest[7:]
    memory.write(f"blobs/sha256/{manifest}", bytes(LARGEST_BYTES + 1))
    with pytest.raises(IntegrityError, match=f"{manifest} has {LARGEST_BYTES + 1} bytes, a manifest has"):
        pull_from(memory.open(), tmp_path / "copy", verify=refuse, trust=newcomer)


def test_blobs_come_several_at_a_time(memory, owner, tmp_path, newcomer):
    push_to(memory.open(), owner.root)
    manifests = Watched(memory.open())
    pull_from(manifests, tmp_path / "first", verify=lambda root: None, trust=newcomer)
    alone = len(manifests.asked)
    # Two that wait for each other come only where both are asked for; one at a time would wait for ever.
    small = sorted(path.stat().st_size for path in (owner.root / "blobs/sha256").iterdir())[-3]
    pair, met = Barrier(2, timeout=60), []

    def meet(content):
        if content.size_bytes > small and len(met) < 2:
            met.append(content.digest)
            pair.wait()

    watched = Watched(memory.open(), before=meet)
    done = pull_from(watched, tmp_path / "copy", verify=lambda root: None, trust=newcomer)
    assert len(met) == 2
    assert len(watched.asked) == alone == len(set(watched.asked))
    assert done.blobs == len({path.name for path in (tmp_path / "copy/blobs/sha256").iterdir()})


def test_progress_ends_with_every_byte_that_was_missing(memory, owner, tmp_path, newcomer):
    push_to(memory.open(), owner.root)
    told = []
    pull_from(
        memory.open(),
        tmp_path / "copy",
        verify=lambda root: None,
        trust=newcomer,
        tell=lambda came, whole: told.append((came, whole)),
    )
    assert [came for came, _ in told] == sorted(came for came, _ in told)
    assert len({whole for _, whole in told}) == 1
    assert told[-1][0] == told[-1][1] > 0


def test_a_blob_with_the_bytes_of_another_is_refused_and_what_came_whole_is_kept(
    memory, owner, tmp_path, newcomer
):
    push_to(memory.open(), owner.root)
    blobs = sorted((owner.root / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    largest, other = blobs[-1], blobs[-2]
    memory.write(f"blobs/sha256/{largest.name}", other.read_bytes())
    with pytest.raises(IntegrityError, match=largest.name):
        pull_from(memory.open(), tmp_path / "copy", verify=refuse, trust=newcomer)
    waiting = {path.name for path in (tmp_path / "copy").rglob("incoming/*")}
    assert largest.name not in waiting
    assert all(len(name) == 64 for name in waiting), "nothing half or false waits"
    memory.write(f"blobs/sha256/{largest.name}", largest.read_bytes())
    watched = Watched(memory.open())
    done = pull_from(watched, tmp_path / "copy", verify=lambda root: None, trust=newcomer)
    assert done.resumed == len(waiting)
    assert waiting.isdisjoint({digest.removeprefix("sha256:") for digest in watched.asked})
    assert (tmp_path / "copy/blobs/sha256" / largest.name).read_bytes() == largest.read_bytes()
