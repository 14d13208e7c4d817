import errno
import gc
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import weakref
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.registry import store
from smallcraft.registry.content.disk import Layout, locked
from smallcraft.registry.keys import pins
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry


def head_of(registry):
    return verify_registry(registry.root).head


def test_a_release_reads_back_as_published(registry, now):
    release = registry.read("helpdesk@2")
    assert release.label == "helpdesk@2"
    assert release.facts == {"chosen": "ngram", "accuracy": 0.92}
    assert release.created == "2026-10-01T12:00:00Z"
    assert [file.path for file in release.files] == [
        "bundle/model.json",
        "bundle/tokenizer.json",
        "card.md",
        "evidence/dev.json",
        "facts.json",
        "model.sig",
    ]
    assert registry.read_file(release, "evidence/dev.json") == b'{"accuracy":0.92}'
    assert json.loads(registry.read_file(release, "facts.json")) == release.facts
    assert release.previous_manifest == registry.read("1").manifest_digest


def test_files_are_copied_from_paths_as_from_bytes(registry, tmp_path, now):
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(3_000_001))
    release = registry.publish("big", {"bundle/big.bin": big, "bundle/empty.txt": b""}, {}, now=now)
    assert registry.read_file(release, "bundle/big.bin") == big.read_bytes()
    assert registry.read_file(release, "bundle/empty.txt") == b""
    assert registry.read("big") == release


def test_releases_of_a_name_are_listed_oldest_first(registry, now):
    registry.publish("other", {"a.json": b"1"}, {}, now=now)
    assert [r.label for r in registry.releases("helpdesk")] == [f"helpdesk@{v}" for v in (1, 2, 3)]
    assert [r.label for r in registry.releases()][-1] == "other@1"
    assert registry.releases("unheard-of") == ()


def test_equal_content_is_stored_once(registry):
    blobs = list(registry.layout.blobs.iterdir())
    # shared by three releases: tokenizer, card, the empty object; own: model, evidence, facts, signature, the
    # model's config, and the manifests of model, evaluation, card and signature
    assert len(blobs) == 3 + 3 * 9


def test_publishing_the_same_again_gives_the_release_that_is_there(registry, now):
    before = head_of(registry)
    second = registry.read("2")
    files = {
        file.path: registry.read_file(second, file.path)
        for file in second.files
        if file.path not in {"facts.json", "model.sig"}
    }
    again = registry.publish("helpdesk", files, second.facts, now=now + timedelta(days=1))
    assert again == second
    assert head_of(registry) == before


def test_one_changed_fact_makes_a_new_version(registry, now):
    files = {"bundle/x.json": b"1"}
    for fact in (0.92, 0.921):
        registry.publish("other", files, {"accuracy": fact}, now=now)
    assert [release.version for release in registry.releases("other")] == [1, 2]


def test_the_same_content_under_another_name_is_its_own_release(registry, now):
    for name in ("a", "b"):
        assert registry.publish(name, {"x.json": b"1"}, {}, now=now).label == f"{name}@1"
    verify_registry(registry.root)


def test_time_is_stored_in_utc(registry, now):
    abroad = datetime(2026, 10, 1, 20, 0, tzinfo=timezone(timedelta(hours=8)))
    assert registry.publish("a", {"x.json": b"1"}, {}, now=abroad).created == "2026-10-01T12:00:00Z"


def test_a_time_without_a_zone_is_refused(registry):
    naive = datetime(2026, 10, 1, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(InvalidInputError, match=r"write datetime.now\(UTC\)"):
        registry.publish("a", {"x.json": b"1"}, {}, now=naive)


@pytest.mark.parametrize(
    ("name", "files", "facts", "message"),
    [
        ("a b", {"x.json": b"1"}, {}, "a release name must be"),
        ("a", {"../x.json": b"1"}, {}, "file path must be relative"),
        ("a", {}, {}, "at least one file"),
        ("a", {"x.json": b"1"}, {"accuracy": float("nan")}, "finite numbers only"),
        ("a", {"x.json": Path("no/such/file")}, {}, "cannot be stored|cannot be read as a plain file"),
        ("a", {"x.json": Path()}, {}, "must be a plain file"),
        ("a", {"x.exe": b"1"}, {}, "must be of a format that a release may hold"),
        ("a", {"x.pkl": b"1"}, {}, "holds a pickle, which can run any code"),
        ("a", {"x.npy": b"\x80\x04K\x01."}, {}, "pickle"),
        ("a", {"bundle/x.json": b"{"}, {}, "must be sound JSON"),
        ("a", {"facts.json": b"{}"}, {}, "'facts.json' is written by the registry itself"),
        ("a", {"facts.json/x.json": b"{}"}, {}, "cannot be a file and the folder of"),
    ],
)
def test_what_cannot_be_stored_leaves_the_registry_as_it_was(registry, now, name, files, facts, message):
    before = head_of(registry)
    with pytest.raises(InvalidInputError, match=message):
        registry.publish(name, files, facts, now=now)
    assert head_of(registry) == before
    assert not any(registry.layout.tmp.iterdir())


def test_a_link_is_not_published_in_place_of_a_file(registry, tmp_path, now):
    (tmp_path / "secret.json").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "secret.json")
    with pytest.raises(InvalidInputError, match="not a link"):
        registry.publish("a", {"x.json": tmp_path / "link"}, {}, now=now)


def test_stored_files_are_read_only(registry):
    for path in registry.layout.blobs.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_changed_bytes_are_not_handed_out(registry):
    release = registry.read("3")
    path = registry.layout.blob(digest_bytes(b'{"tokens":[]}'))
    path.chmod(0o644)
    path.write_bytes(b'{"tokens":[1]')
    with pytest.raises(IntegrityError, match=r"bundle/tokenizer.json of helpdesk@3.*do not use it"):
        registry.read_file(release, "bundle/tokenizer.json")
    with pytest.raises(IntegrityError, match=r"tokenizer.json"):
        registry.materialize(release, registry.root.parent / "copy")
    assert [path.name for path in registry.root.parent.iterdir()] == ["registry"]


def test_a_file_that_is_not_there_gets_a_hint(registry):
    with pytest.raises(NotFoundError, match=r"did you mean 'card.md'\?"):
        registry.read_file(registry.read("3"), "cart.md")


def test_readers_need_no_lock(registry):
    with locked(registry.layout.log):
        assert Registry.open(registry.root).read("3").version == 3


READER = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from smallcraft.errors import SmallcraftError
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

root, trust = Path(sys.argv[1]), Trust(Path(sys.argv[2]))
verify_registry(root, trust=Trust(Path(sys.argv[3])))  # imports now what only root may read
if os.geteuid() == 0:
    os.setuid(65534)
registry = Registry.open(root, trust=trust)
release = registry.read("helpdesk@stable")
print(release.label, len(registry.read_file(release, "bundle/model.json")))
print(len(verify_registry(root, trust=trust).steps))
try:
    registry.set_alias("helpdesk", "stable", 1, now=datetime(2026, 10, 1, tzinfo=UTC))
except SmallcraftError as error:
    print(error)
"""


@pytest.mark.parametrize("left", [False, True])
def test_a_reader_needs_no_right_to_write(registry, now, left):
    """Root becomes another user, others take their own right away; also where a writer left something."""
    registry.set_alias("helpdesk", "stable", 2, now=now)
    if left:
        (registry.layout.tmp / "left-behind").write_bytes(b"half")
    folder = registry.root.parent
    settings = folder / "settings"
    settings.mkdir()
    for parent in (folder, *(p for p in folder.parents if p.is_relative_to(tempfile.gettempdir()))):
        if parent != Path(tempfile.gettempdir()):
            parent.chmod(0o755)
    if os.geteuid() != 0:
        for place in (settings, *(path for path in registry.root.rglob("*") if path.is_dir())):
            place.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", READER, str(registry.root), str(settings), str(folder / "roots")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read, steps, refused = done.stdout.splitlines()
    assert read == f"helpdesk@2 {len(registry.read_file(registry.read('2'), 'bundle/model.json'))}"
    assert int(steps) == len(verify_registry(registry.root).steps)
    assert "fix the folder's permissions" in refused
    assert not any(settings.iterdir())


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_leftovers_that_cannot_be_swept_here_stand_in_nobodys_way(registry, monkeypatch, number):
    (registry.layout.tmp / "left-behind").write_bytes(b"half")

    def refuse(self, missing_ok=False):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "unlink", refuse)
    assert Registry.open(registry.root).read("3").version == 3


def test_the_index_names_every_manifest_for_other_tools(registry):
    index = json.loads(registry.layout.index.read_bytes())
    names = [
        described["annotations"]["org.opencontainers.image.ref.name"] for described in index["manifests"]
    ]
    assert [name for name in names if "-" not in name] == ["helpdesk@1", "helpdesk@2", "helpdesk@3"]
    for described in index["manifests"]:
        data = registry.layout.blob(described["digest"]).read_bytes()
        assert (digest_bytes(data), len(data)) == (described["digest"], described["size"])


def test_an_alias_means_one_version_at_a_time(registry, now):
    registry.set_alias("helpdesk", "stable", 1, now=now, reason="the first that held")
    assert registry.read("helpdesk@stable").version == 1
    registry.set_alias("helpdesk", "stable", 3, now=now)
    assert Registry.open(registry.root).read("helpdesk@stable").version == 3
    registry.set_alias("helpdesk", "stable", None, now=now)
    with pytest.raises(NotFoundError, match="has no version 'stable'"):
        registry.read("helpdesk@stable")
    verify_registry(registry.root)


def test_an_alias_that_means_this_already_is_not_logged_again(registry, now):
    registry.set_alias("helpdesk", "stable", 1, now=now)
    before = registry.log().checkpoint.size
    registry.set_alias("helpdesk", "stable", 1, now=now)
    assert registry.log().checkpoint.size == before


def test_a_retired_version_is_out_of_index_and_latest_and_can_be_read(registry, now):
    registry.retire("helpdesk", 3, now=now, reason="a leak in its data")
    assert registry.read("helpdesk").version == 2
    assert registry.read("helpdesk@3").version == 3
    assert b"helpdesk@3" not in registry.layout.index.read_bytes()
    verify_registry(registry.root)


def test_an_erased_release_is_not_listed_and_not_read(registry, now):
    registry.retire("helpdesk", 2, now=now, erase=True)
    assert [release.version for release in registry.releases()] == [1, 3]
    with pytest.raises(NotFoundError, match=r"helpdesk@2 was retired and its bytes were erased"):
        registry.read("helpdesk@2")
    verify_registry(registry.root)


def test_trials_are_logged_once(registry, now):
    documents = [b'{"rung":"fast"}', b'{"rung":"frozen"}', b'{"rung":"fast"}']
    registry.record_trials("helpdesk", documents, now=now)
    size = registry.log().checkpoint.size
    registry.record_trials("helpdesk", documents, now=now)
    assert registry.log().checkpoint.size == size
    assert sum(entry.kind == "decision" for entry in registry.log().entries) == 2
    verify_registry(registry.root)


def test_trials_are_logged_beside_a_release_that_is_there_already(registry, now):
    first = registry.publish("a", {"x.json": b"1"}, {}, now=now, trials=[b"[1]"])
    again = registry.publish("a", {"x.json": b"1"}, {}, now=now, trials=[b"[1]", b"[2]"])
    assert again == first
    assert sum(entry.kind == "decision" for entry in registry.log().entries) == 2
    verify_registry(registry.root)


def test_looks_are_logged_in_the_ledgers_order_and_once(registry, now):
    lines = [b"first\n", b"second\n"]
    registry.record_looks("helpdesk", lines, now=now)
    registry.record_looks("helpdesk", lines, now=now)
    registry.record_looks("helpdesk", [*lines, b"third\n"], now=now)
    assert registry.looks() == (b"first\n", b"second\n", b"third\n")
    verify_registry(registry.root)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b"first\n"], "the log holds 2 looks at the sealed test set, the ledger 1: looks were deleted"),
        ([], "the log holds 2 looks"),
        ([b"first\n", b"other\n"], "line 2 of the ledger is not the look that was logged"),
        ([b"second\n", b"first\n", b"third\n"], "line 1 of the ledger is not the look"),
    ],
)
def test_a_ledger_that_forgot_a_look_is_refused(registry, now, lines, message):
    registry.record_looks("helpdesk", [b"first\n", b"second\n"], now=now)
    with pytest.raises(IntegrityError, match=message):
        registry.record_looks("helpdesk", lines, now=now)
    assert len(registry.looks()) == 2


def test_looks_of_two_processes_at_once_are_compared_under_the_lock(registry, now, monkeypatch):
    """The other one's look comes between this one's start and its turn."""
    other, real = Registry.open(registry.root), store.locked

    def late(folder, **kwargs):
        monkeypatch.setattr(store, "locked", real)
        other.record_looks("helpdesk", [b"first\n"], now=now)
        return real(folder, **kwargs)

    monkeypatch.setattr(store, "locked", late)
    registry.record_looks("helpdesk", [b"first\n", b"second\n"], now=now)
    assert registry.looks() == (b"first\n", b"second\n")


def test_a_machine_without_the_key_reads_and_cannot_write(registry, now, tmp_path):
    elsewhere = Registry.open(registry.root, trust=Trust(tmp_path / "other"))
    before = head_of(registry)
    assert elsewhere.read("helpdesk@2") == registry.read("helpdesk@2")
    changes = (
        lambda: elsewhere.publish("helpdesk", {"x.json": b"1"}, {}, now=now),
        lambda: elsewhere.set_alias("helpdesk", "stable", 1, now=now),
        lambda: elsewhere.retire("helpdesk", 1, now=now),
        lambda: elsewhere.record_looks("helpdesk", [b"x"], now=now),
    )
    for change in changes:
        with pytest.raises(NotFoundError, match=r"copy it from the machine that has it, or name its folder"):
            change()
    assert head_of(registry) == before


def test_what_this_process_committed_is_pinned_by_its_next_read(registry, now):
    registry.set_alias("helpdesk", "stable", 1, now=now)
    size = registry.log().checkpoint.size
    pin = registry.trust.pins.read(registry.log().checkpoint.origin)
    assert pin.checkpoint.size == size


def test_what_this_process_committed_is_pinned_when_it_ends(tmp_path, now):
    script = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from smallcraft.registry.store import Registry\n"
        "registry = Registry.create(Path(sys.argv[1]))\n"
        "registry.record_trials('a', [b'[1]'], now=datetime(2026, 10, 1, tzinfo=UTC))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "r")], env=environment, check=True)
    log = Registry.open(tmp_path / "r")._open()
    assert log.standing == "the log is as it was, with 3 entries"


def test_a_disk_that_refuses_says_that_trying_again_is_safe(registry, now, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("smallcraft.registry.committing.rename_durably", refuse)
    with pytest.raises(SmallcraftError, match=r"stopped .*run the same command again: that never registers"):
        registry.publish("helpdesk", {"x.json": b"1"}, {}, now=now)
    monkeypatch.undo()
    assert len(Registry.open(registry.root).releases()) == 3
    verify_registry(registry.root)


def test_a_layout_is_where_the_registry_is(registry):
    assert registry.layout == Layout(registry.root)


@pytest.fixture
def no_collector():
    """Garbage goes when the test says so."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_a_registry_that_goes_as_garbage_while_a_pin_is_written_stops_nobody(registry, now, monkeypatch):
    gone = Registry.open(registry.root)
    gone.set_alias("helpdesk", "stable", 1, now=now)
    gone.itself = gone
    went, parse = weakref.finalize(gone, bool), pins.parse_pin

    def parse_while_memory_is_collected(data, *, path):
        gc.collect()
        return parse(data, path=path)

    del gone
    monkeypatch.setattr(pins, "parse_pin", parse_while_memory_is_collected)
    reader = threading.Thread(target=registry.log, daemon=True)
    reader.start()
    reader.join(60)
    assert not reader.is_alive(), "it waits for itself"
    assert not went.alive
    assert registry._trust.pins.read(registry.log().checkpoint.origin).checkpoint.size == 6


def test_a_pin_that_cannot_be_moved_at_the_end_disturbs_nobody(registry, now, monkeypatch):
    """Whoever opens the log next is told; here the folder with the keys is gone by then."""
    moved = []
    monkeypatch.setattr(store, "keep_pin", lambda log, trust: moved.append(log.checkpoint.size))
    registry.set_alias("helpdesk", "stable", 1, now=now)
    ending = registry._at_end
    assert ending is not None
    monkeypatch.setattr(Path, "is_dir", lambda path: False)
    ending()
    assert moved == []
    monkeypatch.undo()
    assert registry.log().checkpoint.size == 6
