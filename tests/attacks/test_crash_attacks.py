"""What a machine does to a registry without any attacker: kill -9, a full disk, eight at once, a bad index.

Whatever happens, the old version or the new one is there, whole; never a half; and the next writer goes on.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.attacks.conftest import release_files
from tests.attacks.forging import NOW, overwrite
from tests.conftest import SMALL_DISK_BYTES

from smallcraft.errors import NotFoundError, SmallcraftError
from smallcraft.registry.indexing import derive, refresh_search
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

# Forks one writer for every step that a commit takes on the disk; each kills itself there.
KILLER = """
import json, os, shutil, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

NOW = datetime(2026, 10, 1, tzinfo=UTC)
CALLS = ("open", "write", "writev", "fsync", "fchmod", "link", "replace", "rename", "unlink", "mkdir")
FILES = {"bundle/model.json": b'{"weights":"3"}', "bundle/shared.json": b'{"shared":1}', "card.md": b"# a"}

def kill_at(step, when):
    taken = 0
    real = {name: getattr(os, name) for name in CALLS}
    def wrap(name, call):
        def counted(*args, **kwargs):
            nonlocal taken
            taken += 1
            if taken != step:
                return call(*args, **kwargs)
            if when == "halfway" and name == "write":
                call(args[0], args[1][: len(args[1]) // 2])
            elif when == "after":
                call(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)
        return counted
    for name in CALLS:
        setattr(os, name, wrap(name, real[name]))

def opened(work):
    return Registry.open(work / "registry", trust=Trust(work / "keys"))

def publish(work):
    opened(work).publish("helpdesk", FILES, {"n": 3}, now=NOW, trials=[b'{"tried":1}'])

def told(work):
    registry = opened(work)
    trials = [entry for entry in registry.log().entries if entry.kind == "decision"]
    return [release.label for release in registry.releases()], len(trials)

def main(start, work):
    runs, seen = 0, []
    # Before every step; after and in the middle of every third, for after one is before the next.
    for when, stride in (("before", 1), ("after", 3), ("halfway", 3)):
        for step in range(1, 500, stride):
            here = work / f"{when}-{step}"
            shutil.copytree(start, here)
            child = os.fork()
            if child == 0:
                kill_at(step, when)
                publish(here)
                os._exit(0)
            status = os.waitpid(child, 0)[1]
            if os.WIFEXITED(status):
                assert os.WEXITSTATUS(status) == 0, status
                shutil.rmtree(here)
                break
            runs += 1
            labels, trials = told(here)
            assert not any((here / "registry" / "tmp").iterdir()), (when, step)
            verify_registry(here / "registry", trust=Trust(here / "keys"))
            publish(here)
            assert told(here) == (["helpdesk@1", "helpdesk@2", "helpdesk@3"], 1), (when, step)
            verify_registry(here / "registry", trust=Trust(here / "keys"), deep=True)
            seen.append([len(labels), trials])
            shutil.rmtree(here)
    print(json.dumps({"runs": runs, "seen": seen}))

main(Path(sys.argv[1]), Path(sys.argv[2]))
"""

# Forks eight writers; each publishes three versions and moves an alias, as fast as it can.
WRITERS = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry

root, keys = Path(sys.argv[1]), Path(sys.argv[2])
children = []
for writer in range(8):
    child = os.fork()
    if child == 0:
        registry = Registry.open(root, trust=Trust(keys))
        for number in range(3):
            now = datetime(2026, 10, 1, 12, writer, number, tzinfo=UTC)
            files = {"bundle/model.json": b'{"by":"%d-%d"}' % (writer, number)}
            made = registry.publish("helpdesk", files, {}, now=now)
            registry.set_alias("helpdesk", f"writer-{chr(97 + writer)}", made.version, now=now)
        os._exit(0)
    children.append(child)
failed = [child for child in children if os.waitpid(child, 0)[1]]
assert not failed, failed
"""


def run_script(script: str, *arguments: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_kill_9_at_every_step_of_a_commit_leaves_the_old_state_or_the_new_one_whole(tmp_path):
    start = tmp_path / "start"
    registry = Registry.create(start / "registry", trust=Trust(start / "keys"))
    for version in (1, 2):
        files = {"bundle/model.json": b'{"weights":"%d"}' % version, "bundle/shared.json": b'{"shared":1}'}
        registry.publish("helpdesk", files, {"n": version}, now=NOW)
    found = json.loads(run_script(KILLER, start, tmp_path / "runs"))
    assert found["runs"] >= 120
    # Release and trial come together or not at all; both outcomes were met.
    assert sorted({tuple(pair) for pair in found["seen"]}) == [(2, 0), (3, 1)]


def test_eight_writers_at_once_lose_nothing_and_number_every_version_once(registry, owner):
    run_script(WRITERS, registry.root, owner.folder)
    releases = registry.releases("helpdesk")
    assert [release.version for release in releases] == list(range(1, 28))
    written = {registry.read_file(release, "bundle/model.json") for release in releases[3:]}
    assert written == {b'{"by":"%d-%d"}' % (writer, number) for writer in range(8) for number in range(3)}
    aliases = registry.log().state.aliases("helpdesk")
    assert len(aliases) == 9
    for writer in range(8):
        last = registry.read(f"helpdesk@{aliases[f'writer-{chr(97 + writer)}']}")
        assert registry.read_file(last, "bundle/model.json") == b'{"by":"%d-2"}' % writer
    verify_registry(registry.root, trust=owner, deep=True)


# --- a full disk -------------------------------------------------------------------------------


def fill(disk: Path, *, free_bytes: int) -> Path:
    """A file that leaves this much."""
    status = os.statvfs(disk)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(max(status.f_bavail * status.f_bsize - free_bytes, 0)))
    return ballast


def test_a_release_that_does_not_fit_is_refused_before_anything_is_written(small_disk, owner):
    registry = Registry.create(small_disk / "registry", trust=owner)
    before = registry.layout.checkpoint.read_bytes()
    large = b'{"weights":"' + b"x" * SMALL_DISK_BYTES + b'"}'
    with pytest.raises(SmallcraftError, match=r"the release needs .* bytes, .* free; free space"):
        registry.publish("helpdesk", {"bundle/model.json": large}, {}, now=NOW)
    assert registry.layout.checkpoint.read_bytes() == before
    verify_registry(registry.root, trust=owner)


@pytest.mark.parametrize("free_kib", [0, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 512])
def test_a_disk_that_fills_up_half_way_leaves_the_old_state_or_the_new_one_whole(small_disk, owner, free_kib):
    """Something else takes the space after it was found to be enough; the keys and pins are elsewhere."""
    registry = Registry.create(small_disk / "registry", trust=owner)
    registry.publish("helpdesk", release_files(1), {"n": 1}, now=NOW)
    before = registry.layout.checkpoint.read_bytes()

    def papers(draft):
        fill(small_disk, free_bytes=free_kib << 10)
        return {"card.md": b"# helpdesk\n" * 3000}

    try:
        registry.publish("helpdesk", release_files(2), {"n": 2}, now=NOW, papers=papers)
        told, is_made = "free space", True
    except SmallcraftError as error:
        told, is_made = str(error), False
    assert "free space" in told or "full" in told
    again = Registry.open(registry.root, trust=owner)
    assert len(again.releases()) == 1 + is_made
    assert (again.layout.checkpoint.read_bytes() == before) is not is_made
    (small_disk / "ballast").unlink()
    verify_registry(Registry.open(registry.root, trust=owner).root, trust=owner)
    assert again.publish("helpdesk", release_files(2), {"n": 2}, now=NOW).version == 2
    verify_registry(registry.root, trust=owner, deep=True)


def test_an_alias_on_a_full_disk_moves_or_stays(small_disk, owner):
    registry = Registry.create(small_disk / "registry", trust=owner)
    registry.publish("helpdesk", release_files(1), {"n": 1}, now=NOW)
    fill(small_disk, free_bytes=0)
    with pytest.raises(SmallcraftError, match=r"free space|full"):
        registry.set_alias("helpdesk", "stable", 1, now=NOW)
    with pytest.raises(NotFoundError):
        Registry.open(registry.root, trust=owner).read("helpdesk@stable")
    (small_disk / "ballast").unlink()
    registry.set_alias("helpdesk", "stable", 1, now=NOW)
    assert registry.read("helpdesk@stable").version == 1
    verify_registry(registry.root, trust=owner)


# --- a broken search index -----------------------------------------------------------------------


def break_pages(path: Path) -> None:
    overwrite(path, path.read_bytes()[:4096] + b"\xff" * 8192)


def replace_by_a_foreign_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE releases (other TEXT)")
    database.close()


DAMAGE = {
    "junk": lambda path: overwrite(path, b"no database at all" * 500),
    "emptied": lambda path: overwrite(path, b""),
    "cut": lambda path: overwrite(path, path.read_bytes()[:5000]),
    "pages": break_pages,
    "foreign": replace_by_a_foreign_database,
    "removed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_corrupted_sqlite_index_changes_nothing_that_is_served_and_is_made_anew(
    registry, layout, owner, damage
):
    for name in ("state.db-wal", "state.db-shm"):
        (registry.root / name).unlink(missing_ok=True)
    DAMAGE[damage](layout.database)
    again = Registry.open(registry.root, trust=owner)
    assert b"version 3" in again.read_file(again.read("latest"), "bundle/model.json")
    verify_registry(registry.root, trust=owner)
    assert again.publish("helpdesk", {"bundle/model.json": b"{}"}, {"n": 4}, now=NOW).version == 4
    found = refresh_search(layout, again.log()).find("helpdesk")
    assert [one.label for one in found] == [f"helpdesk@{version}" for version in (1, 2, 3, 4)]


def test_a_sqlite_index_that_lies_is_believed_by_nobody_and_made_anew(registry, layout, owner):
    """Sound as a database, covering this very log, and wrong: only a search can be misled."""
    with sqlite3.connect(layout.database) as database:
        database.execute("UPDATE releases SET version = 9, manifest = 'sha256:0' WHERE version = 3")
    database.close()
    again = Registry.open(registry.root, trust=owner)
    assert again.read("latest").version == 3
    with pytest.raises(NotFoundError):
        again.read("helpdesk@9")
    verify_registry(registry.root, trust=owner)
    refresh_search(layout, again.log()).remove()
    with again.writing(NOW) as writer:
        derive(layout, writer.log)
    assert [one.version for one in refresh_search(layout, again.log()).find("helpdesk")] == [1, 2, 3]
