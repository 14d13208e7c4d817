import shutil

import pytest

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError
from smallcraft.registry.old.reading_1 import is_old, read_old
from smallcraft.registry.store import Registry


def files_of(root):
    return sorted(path for path in root.rglob("*") if path.is_file())


def spoil(path, data):
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_sound_registry_is_read_whole(old):
    found = read_old(old)
    assert [release.entry.label for release in found.releases] == [
        "helpdesk@1",
        "helpdesk@2",
        "routing@1",
        "helpdesk@3",
    ]
    assert found.releases[0].facts == {"accuracy": 0.91, "chosen": "ngram", "n": 1}
    assert "ledger.jsonl.head" in {file.path for file in found.releases[0].files}


def test_reading_changes_nothing(old):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files_of(old)}
    read_old(old)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files_of(old)} == before


def test_formats_are_told_apart(old, tmp_path):
    assert is_old(old)
    assert not is_old(Registry.create(tmp_path / "new").root)
    assert not is_old(tmp_path / "nothing")


def test_one_changed_byte_in_any_file_is_refused(old):
    for path in files_of(old):
        sound = path.read_bytes()
        for position in {0, len(sound) // 2, len(sound) - 1}:
            changed = bytearray(sound)
            changed[position] ^= 1
            spoil(path, bytes(changed))
            with pytest.raises(IntegrityError):
                read_old(old)
        spoil(path, sound)
    read_old(old)


def test_a_missing_file_is_refused(old, tmp_path):
    for path in files_of(old):
        path.rename(tmp_path / "aside")
        with pytest.raises(IntegrityError, match=path.name):
            read_old(old)
        (tmp_path / "aside").rename(path)


@pytest.mark.parametrize("where", ["log/entries/00000005.json", "blobs/sha256/more", "notes.txt", "extra/x"])
def test_a_file_that_nothing_accounts_for_is_named(old, where):
    (old / where).parent.mkdir(exist_ok=True)
    (old / where).write_bytes(b"{}")
    with pytest.raises(IntegrityError, match=f"^{where.partition('/x')[0]}.* does not belong here"):
        read_old(old)


def test_a_link_in_place_of_a_blob_is_refused(old, tmp_path):
    blob = next((old / "blobs" / "sha256").iterdir())
    blob.rename(tmp_path / "aside")
    blob.symlink_to(tmp_path / "aside")
    with pytest.raises(IntegrityError, match="is a link"):
        read_old(old)


def test_what_a_killed_publisher_declared_is_passed_over(old):
    planted = old / "blobs" / "sha256" / ("0" * 64)
    planted.write_bytes(b"new")
    (old / "log" / "entries" / "00000005.json").write_bytes(b"half an ent")
    (old / "tmp" / "intent.json").write_bytes(canonical_json({"entry": 5, "blobs": [f"sha256:{'0' * 64}"]}))
    assert len(read_old(old).releases) == 4
    (old / "blobs" / "sha256" / ("1" * 64)).write_bytes(b"planted")
    with pytest.raises(IntegrityError, match="1111 does not belong here"):
        read_old(old)


def test_an_index_that_is_behind_a_commit_is_passed_over_only_where_a_publisher_was_killed(old):
    spoil(old / "index.json", b"{}")
    with pytest.raises(IntegrityError, match=r"^index\.json"):
        read_old(old)
    (old / "tmp" / "intent.json").write_bytes(canonical_json({"entry": 4, "blobs": []}))
    assert len(read_old(old).releases) == 4


@pytest.mark.parametrize("intent", [b"{", b"{}", b'{"blobs":["x"],"entry":5}', b'{"blobs":[],"entry":9}'])
def test_a_declaration_that_no_publisher_writes_is_refused(old, intent):
    (old / "tmp" / "intent.json").write_bytes(intent)
    with pytest.raises(IntegrityError, match=r"^tmp/intent\.json is not what a publisher"):
        read_old(old)


def test_a_registry_without_tmp_is_read(old):
    shutil.rmtree(old / "tmp")
    assert len(read_old(old).releases) == 4
