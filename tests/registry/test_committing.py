"""Writers are killed, starved of disk and crowded; the registry stays whole."""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import require

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError, SmallcraftError
from smallcraft.registry.content import staging
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    "OMP_NUM_THREADS": "1",
}


def run_script(script, *arguments):
    done = subprocess.run(
        [sys.executable, *script, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


OLD = {"labels": ["a@1", "a@2"], "stable": 2, "retired": False, "decisions": 0, "keys": 1}


@pytest.mark.parametrize(
    ("action", "when", "new", "fewest"),
    [
        ("publish", "before", {"labels": ["a@1", "a@2", "a@3"], "decisions": 1}, 100),
        ("alias", "before", {"stable": 1}, 40),
        ("retire", "before", {"labels": ["a@2"], "retired": True}, 50),
        ("rotate", "before", {"keys": 2}, 60),
        pytest.param(
            "publish",
            "halfway",
            {"labels": ["a@1", "a@2", "a@3"], "decisions": 1},
            100,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "publish",
            "after",
            {"labels": ["a@1", "a@2", "a@3"], "decisions": 1},
            100,
            marks=pytest.mark.slow,
        ),
        pytest.param("rotate", "after", {"keys": 2}, 60, marks=pytest.mark.slow),
    ],
)
def test_a_writer_killed_at_any_step_leaves_the_old_or_the_new_whole(
    memory_folder, action, when, new, fewest
):
    steps = json.loads(run_script([str(Path(__file__).with_name("killing.py"))], memory_folder, action, when))
    assert len(steps) > fewest
    assert [step["killed"] for step in steps] == [True] * (len(steps) - 1) + [False]
    outcomes = [step["after"] for step in steps]
    commit = outcomes.index({**OLD, **new})
    assert commit > 20
    assert outcomes == [OLD] * commit + [{**OLD, **new}] * (len(steps) - commit)
    again = {**OLD, **new}
    rotated = [{**again, "keys": 2 + (number >= commit)} for number in range(len(steps))]
    assert [step["again"] for step in steps] == (rotated if action == "rotate" else [again] * len(steps))


def test_a_creation_killed_at_any_step_can_be_repeated(memory_folder):
    steps = json.loads(
        run_script([str(Path(__file__).with_name("killing.py"))], memory_folder, "create", "before")
    )
    assert len(steps) > 30
    assert all(step["after"]["labels"] == [] for step in steps)


LIMITED = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from smallcraft.errors import SmallcraftError
from smallcraft.registry.store import Registry

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
files = {"bundle/a.json": b"{}", "bundle/model.bin": bytes(200_000)}
try:
    Registry.open(Path(sys.argv[1])).publish("a", files, {}, now=datetime(2026, 10, 1, tzinfo=UTC))
except SmallcraftError as error:
    print(error)
"""


def test_a_write_the_disk_refuses_registers_nothing(registry):
    before = verify_registry(registry.root).head
    told = run_script(["-c", LIMITED], registry.root)
    assert "File too large" in told
    assert "run the same command again: that never registers twice" in told
    assert not any(registry.layout.tmp.iterdir())
    assert verify_registry(registry.root).head == before


def fill(folder, *, but):
    """Leave this many pages free."""
    free = os.statvfs(folder).f_bavail
    (folder / "filler").write_bytes(bytes(4096 * max(0, free - but)))


def test_a_disk_that_fills_up_at_any_point_leaves_the_old_or_the_new_whole(small_disk, now):
    registry = Registry.create(small_disk / "registry")
    registry.publish("a", {"bundle/c.json": b"{}"}, {}, now=now)
    outcomes = []
    for pages in range(60):

        def filling(draft, pages=pages):
            fill(small_disk, but=pages)
            return {}

        before = len(registry.releases("a"))
        try:
            registry.publish("a", {"bundle/c.json": b"[%d]" % pages}, {}, now=now, papers=filling)
            outcomes.append("well")
        except SmallcraftError as error:
            outcomes.append("full" if "free" in str(error) else str(error))
        (small_disk / "filler").unlink()
        now_there = len(Registry.open(registry.root).releases("a"))
        assert now_there in {before, before + 1}
        assert outcomes[-1] == "full" or now_there == before + 1
        verify_registry(registry.root)
    assert set(outcomes) == {"full", "well"}
    assert outcomes.count("full") > 5


def test_nothing_gets_its_name_before_it_is_synced_and_the_checkpoint_comes_last(registry, now, monkeypatch):
    """What a power cut may undo is ordered by syncs: files, their names, then the commit."""
    layout = registry.layout
    events = watch(monkeypatch, layout)
    registry.publish("helpdesk", {"bundle/x.json": b"1", "bundle/y.json": b"2"}, {}, now=now)
    commit = events.index(("name", str(layout.checkpoint)))
    intent = events.index(("name", str(layout.intent)))
    syncs = [number for number, (what, _) in enumerate(events) if what == "sync all"]
    named = [
        number
        for number, (what, path) in enumerate(events)
        if what == "name" and path.startswith((f"{layout.blobs}/", f"{layout.log}/tile"))
    ]
    written = [number for number, (what, path) in enumerate(events) if what == "new" and "/tile/" in path]
    assert len(named) >= 8
    assert len(written) == 2
    # everything new, and the declaration, is durable before anything has its name
    assert intent < syncs[0] < min(named + written)
    # all names are durable before the checkpoint
    assert max(named + written) < syncs[1] < commit
    assert ("sync", str(layout.log)) in events[commit : commit + 2]
    assert events.index(("name", str(layout.index))) > commit
    assert not [path for what, path in events[syncs[1] : commit] if what == "new"]


def test_without_a_sync_of_everything_each_file_and_folder_is_synced(registry, now, monkeypatch):
    monkeypatch.setattr(staging, "_load_syncfs", lambda: None)
    layout = registry.layout
    events = watch(monkeypatch, layout)
    registry.publish("helpdesk", {"bundle/x.json": b"1", "bundle/y.json": b"2"}, {}, now=now)
    commit = events.index(("name", str(layout.checkpoint)))
    synced = set()
    for what, path in events[:commit]:
        if what == "sync":
            synced.add(path)
        if what == "name" and path.startswith(f"{layout.blobs}/"):
            assert str(layout.tmp) in synced
    assert {str(layout.blobs), str(layout.log / "tile" / "0" / "000.p")} <= synced
    assert any(path.startswith(f"{layout.log}/tile/entries/") for path in synced)
    verify_registry(registry.root)


def watch(monkeypatch, layout):
    """What happens to files from here on, in order."""
    events = []
    real = {name: getattr(os, name) for name in ("fsync", "replace", "open", "link")}
    real_sync = staging._sync_filesystem

    def sync(opened):
        events.append(("sync", str(Path(f"/proc/self/fd/{opened}").readlink())))
        real["fsync"](opened)

    def sync_all(opened):
        done = real_sync(opened)
        if done:
            events.append(("sync all", str(layout.root)))
        return done

    def replace(source, target, **kwargs):
        events.append(("name", str(target)))
        real["replace"](source, target, **kwargs)

    def link(source, target, **kwargs):
        events.append(("name", str(target)))
        real["link"](source, target, **kwargs)

    def opened(path, flags, *args, **kwargs):
        if flags & os.O_CREAT:
            events.append(("new", str(path)))
        return real["open"](path, flags, *args, **kwargs)

    for name, call in {"fsync": sync, "replace": replace, "link": link, "open": opened}.items():
        monkeypatch.setattr(os, name, call)
    monkeypatch.setattr(staging, "_sync_filesystem", sync_all)
    return events


def test_an_undeclared_tile_past_the_checkpoint_is_not_written_over(registry, now):
    size = registry.log().checkpoint.size
    # by itself, no other key is new: one entry more
    planted = registry.layout.tile(f"tile/entries/000.p/{size + 1}")
    planted.write_bytes(b"planted")
    with pytest.raises(IntegrityError, match=rf"log/tile/entries/000.p/{size + 1} is there already"):
        registry.publish("helpdesk", {"bundle/x.json": b"1"}, {}, now=now)
    assert planted.read_bytes() == b"planted"
    planted.unlink()
    verify_registry(registry.root)


def test_a_sweep_removes_only_what_a_writer_declared(registry):
    layout = registry.layout
    (layout.blobs / ("0" * 64)).write_bytes(b"planted")
    (layout.tmp / "00000000").write_bytes(b"left behind")
    (layout.tmp / "folder").mkdir()
    (layout.tmp / "link").symlink_to(layout.blobs)
    Registry.open(registry.root)
    assert not any(layout.tmp.iterdir())
    assert (layout.blobs / ("0" * 64)).exists()


def declared(**changes):
    value = {"size": 99, "blobs": [], "tiles": [], "is_deriving": True}
    return canonical_json({**value, **changes})


@pytest.mark.parametrize(
    "intent",
    [
        b"[]",
        b"{}",
        b'{"size":}',
        declared(blobs=["sha256:../../log/checkpoint"]),
        declared(tiles=["tile/../checkpoint"]),
        declared(tiles=["checkpoint"]),
        declared(size=0),
        declared(size="all"),
    ],
)
def test_a_forged_declaration_is_refused(registry, intent):
    layout = registry.layout
    layout.intent.write_bytes(intent)
    with pytest.raises(IntegrityError, match=r"tmp/intent.json is not what a writer declares"):
        Registry.open(registry.root)
    assert layout.checkpoint.exists()


@pytest.mark.parametrize("kept", [0, 1, 10, -1])
def test_a_declaration_that_a_power_cut_tore_declared_nothing(registry, kept):
    layout = registry.layout
    blob = next(layout.blobs.iterdir())
    whole = declared(blobs=[f"sha256:{blob.name}"])
    layout.intent.write_bytes(whole[:kept] if kept != 0 else bytes(len(whole)))
    Registry.open(registry.root)
    assert not any(layout.tmp.iterdir())
    verify_registry(registry.root)


def test_what_was_declared_and_not_committed_is_taken_back(registry):
    layout = registry.layout
    before = verify_registry(registry.root).head
    digest = digest_bytes(b"half")
    layout.blob(digest).write_bytes(b"half")
    tiles = ["tile/0/000.p/250", "tile/entries/000.p/250", "tile/1/000.p/1"]
    for tile in tiles:
        layout.tile(tile).parent.mkdir(parents=True, exist_ok=True)
        layout.tile(tile).write_bytes(b"half")
    layout.index.write_bytes(b"not what the log gives")
    layout.intent.write_bytes(declared(blobs=[digest], tiles=tiles))
    Registry.open(registry.root)
    assert verify_registry(registry.root).head == before
    assert not (layout.log / "tile" / "1").exists()


def test_a_declaration_that_comes_back_after_its_commit_does_no_harm(registry):
    before = verify_registry(registry.root).head
    size = registry.log().checkpoint.size
    tiles = [f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}"]
    blobs = [f"sha256:{path.name}" for path in registry.layout.blobs.iterdir()]
    registry.layout.intent.write_bytes(declared(size=size, blobs=blobs, tiles=tiles))
    Registry.open(registry.root)
    assert verify_registry(registry.root).head == before


def test_a_damaged_blob_is_healed_by_publishing_its_content(registry, now):
    path = registry.layout.blob(digest_bytes(b'{"tokens":[]}'))
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    registry.publish("other", {"bundle/tokenizer.json": b'{"tokens":[]}'}, {}, now=now)
    verify_registry(registry.root)


def test_the_whole_system_can_be_asked_to_sync_here():
    """The tests above speak of `syncfs`; where it is not, they would prove less."""
    require(None if hasattr(ctypes.CDLL(None), "syncfs") else "this system has no syncfs")
    assert staging._load_syncfs() is not None


def test_layouts_of_the_same_folder_are_equal(tmp_path):
    assert Layout(tmp_path) == Layout(tmp_path)
