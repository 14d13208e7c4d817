import json
import os
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.registry import store
from smallcraft.registry.disk import Layout
from smallcraft.registry.store import Registry
from smallcraft.registry.verify import verify_registry


def test_a_release_reads_back_as_published(registry, now):
    release = registry.read("helpdesk@2")
    assert release.label == "helpdesk@2"
    assert release.facts == {"chosen": "ngram", "accuracy": 0.92}
    assert release.created == "2026-10-01T12:00:00Z"
    assert [file.path for file in release.files] == [
        "bundle/model.onnx",
        "bundle/tokenizer.json",
        "card.md",
        "evidence/dev.json",
    ]
    assert registry.read_file(release, "evidence/dev.json") == b'{"accuracy":0.92}'
    assert release.previous_manifest == registry.read("1").manifest_digest


def test_files_are_copied_from_paths_as_from_bytes(registry, tmp_path, now):
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(3_000_001))
    release = registry.publish("big", {"bundle/big.bin": big, "empty.json": b""}, {}, now=now)
    assert registry.read_file(release, "bundle/big.bin") == big.read_bytes()
    assert registry.read_file(release, "empty.json") == b""
    assert registry.read("big") == release


def test_releases_of_a_name_are_listed_oldest_first(registry, now):
    registry.publish("other", {"a.json": b"1"}, {}, now=now)
    assert [r.label for r in registry.releases("helpdesk")] == [f"helpdesk@{v}" for v in (1, 2, 3)]
    assert [r.label for r in registry.releases()][-1] == "other@1"
    assert registry.releases("unheard-of") == ()


def test_equal_content_is_stored_once(registry):
    blobs = list(Layout(registry.root).blobs.iterdir())
    # shared by three releases: tokenizer and card; own: model, evidence, facts, manifest
    assert len(blobs) == 2 + 3 * 4


def test_publishing_the_same_again_gives_the_release_that_is_there(registry, now):
    before = verify_registry(registry.root)
    second = registry.read("2")
    files = {file.path: registry.read_file(second, file.path) for file in second.files}
    again = registry.publish("helpdesk", files, second.facts, now=now + timedelta(days=1))
    assert again == second
    assert verify_registry(registry.root) == before


def test_one_changed_fact_makes_a_new_version(registry, now):
    second = registry.read("2")
    files = {file.path: registry.read_file(second, file.path) for file in second.files}
    again = registry.publish("helpdesk", files, {**second.facts, "accuracy": 0.921}, now=now)
    assert again.label == "helpdesk@4"


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
        ("a b", {"x": b"1"}, {}, "a release name must be"),
        ("a", {"../x": b"1"}, {}, "file path must be relative"),
        ("a", {}, {}, "at least one file"),
        ("a", {"x": b"1"}, {"accuracy": float("nan")}, "finite numbers only"),
        ("a", {"x": Path("no/such/file")}, {}, "cannot be read as a plain file"),
        ("a", {"x": Path()}, {}, "must be a plain file"),
    ],
)
def test_what_cannot_be_stored_leaves_the_registry_as_it_was(registry, now, name, files, facts, message):
    before = verify_registry(registry.root)
    with pytest.raises(InvalidInputError, match=message):
        registry.publish(name, files, facts, now=now)
    assert verify_registry(registry.root) == before
    assert not any(Layout(registry.root).tmp.iterdir())


def test_a_link_is_not_published_in_place_of_a_file(registry, tmp_path, now):
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidInputError, match="not a link to it"):
        registry.publish("a", {"x": tmp_path / "link"}, {}, now=now)


def test_too_little_space_is_refused_before_anything_is_written(registry, now, monkeypatch):
    usage = store.shutil.disk_usage(registry.root)._replace(free=1000)
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SmallcraftError, match=r"has 1,000 free; free space or keep the registry"):
        registry.publish("a", {"x": b"1"}, {}, now=now)
    assert len(registry.releases()) == 3


def test_stored_files_are_read_only(registry):
    for path in Layout(registry.root).blobs.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_no_registry_says_how_to_make_one(tmp_path):
    with pytest.raises(NotFoundError, match="run `smallcraft build`"):
        Registry.open(tmp_path / "nothing")


def test_creating_twice_opens_what_is_there(registry):
    assert len(Registry.create(registry.root).releases()) == 3


def test_an_interrupted_creation_is_finished(tmp_path):
    layout = Layout(Registry.create(tmp_path / "r").root)
    layout.checkpoint.unlink()
    (layout.tmp / "index.json.new").write_bytes(b"half")
    verify_registry(Registry.create(layout.root).root)


def test_a_folder_with_other_things_in_it_is_not_made_a_registry(tmp_path):
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(InvalidInputError, match=r"already holds thesis.txt"):
        Registry.create(tmp_path)
    with pytest.raises(InvalidInputError, match="is a file; choose another path"):
        Registry.create(tmp_path / "thesis.txt")


def test_a_lost_checkpoint_is_not_an_empty_registry(registry):
    Layout(registry.root).checkpoint.unlink()
    for reopen in (Registry.open, Registry.create):
        with pytest.raises(IntegrityError, match="log/checkpoint is missing, but"):
            reopen(registry.root)


def test_changed_bytes_are_not_handed_out(registry):
    release = registry.read("3")
    path = Layout(registry.root).blob(digest_bytes(b'{"tokens":[]}'))
    path.chmod(0o644)
    path.write_bytes(b'{"tokens":[1]')
    with pytest.raises(IntegrityError, match=r"bundle/tokenizer.json of helpdesk@3.*do not use it"):
        registry.read_file(release, "bundle/tokenizer.json")
    target = registry.root.parent / "copy"
    with pytest.raises(IntegrityError, match=r"tokenizer.json"):
        registry.materialize(release, target)
    assert [path.name for path in registry.root.parent.iterdir()] == ["registry"]


def test_a_damaged_blob_is_healed_by_publishing_its_content(registry, now):
    path = Layout(registry.root).blob(digest_bytes(b'{"tokens":[]}'))
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    registry.publish("other", {"bundle/tokenizer.json": b'{"tokens":[]}'}, {}, now=now)
    verify_registry(registry.root)


def test_a_file_that_is_not_there_gets_a_hint(registry):
    with pytest.raises(NotFoundError, match=r"did you mean 'card.md'\?"):
        registry.read_file(registry.read("3"), "cart.md")


def test_a_materialised_bundle_holds_exactly_the_releases_bytes(registry, tmp_path):
    release = registry.read("2")
    target = registry.materialize(release, tmp_path / "deep" / "bundle")
    held = {path.name: path.read_bytes() for path in target.iterdir()}
    assert held == {
        "model.onnx": registry.read_file(release, "bundle/model.onnx"),
        "tokenizer.json": b'{"tokens":[]}',
    }
    assert registry.materialize(release, target) == target
    assert [path.name for path in target.parent.iterdir()] == ["bundle"]


def test_an_empty_prefix_materialises_everything(registry, tmp_path):
    target = registry.materialize(registry.read("1"), tmp_path / "all", prefix="")
    assert (target / "evidence" / "dev.json").read_bytes() == b'{"accuracy":0.91}'
    assert (target / "bundle" / "tokenizer.json").exists()


def test_a_folder_of_another_release_is_not_taken_for_this_one(registry, tmp_path):
    target = registry.materialize(registry.read("1"), tmp_path / "copy")
    with pytest.raises(IntegrityError, match=r"model.onnx"):
        registry.materialize(registry.read("2"), target)


def test_a_prefix_without_files_is_refused(registry, tmp_path):
    with pytest.raises(NotFoundError, match="no file below 'data/'"):
        registry.materialize(registry.read("1"), tmp_path / "copy", prefix="data/")


def test_an_undeclared_entry_past_the_checkpoint_is_not_written_over(registry, now):
    layout = Layout(registry.root)
    planted = layout.entry(4)
    planted.write_bytes(b"planted")
    with pytest.raises(IntegrityError, match=r"00000004.json: entry 4 is stored, but"):
        registry.publish("a", {"x.json": b"1"}, {}, now=now)
    assert planted.read_bytes() == b"planted"


def test_a_sweep_removes_only_what_a_writer_declared(registry):
    layout = Layout(registry.root)
    (layout.blobs / ("0" * 64)).write_bytes(b"planted")
    (layout.tmp / "00000000").write_bytes(b"left behind")
    (layout.tmp / "folder").mkdir()
    Registry.open(registry.root)
    assert not any(layout.tmp.iterdir())
    assert (layout.blobs / ("0" * 64)).exists()


@pytest.mark.parametrize(
    "intent",
    [b"", b"[]", b'{"entry":4,"blobs":["sha256:../../log/checkpoint"]}', b'{"entry":0,"blobs":[]}'],
)
def test_a_forged_declaration_is_refused(registry, intent):
    layout = Layout(registry.root)
    layout.intent.write_bytes(intent)
    with pytest.raises(IntegrityError, match=r"tmp/intent.json is not what a writer declares"):
        Registry.open(registry.root)
    assert layout.checkpoint.exists()


def test_readers_need_no_lock_and_no_right_to_write(registry):
    layout = Layout(registry.root)
    with store.locked(layout.log):
        assert Registry.open(registry.root).read("3").version == 3


def test_the_index_names_every_release_for_other_tools(registry):
    index = json.loads(Layout(registry.root).index.read_bytes())
    for described in index["manifests"]:
        data = Layout(registry.root).blob(described["digest"]).read_bytes()
        assert (digest_bytes(data), len(data)) == (described["digest"], described["size"])
