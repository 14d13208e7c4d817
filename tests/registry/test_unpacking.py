import os

import pytest

from smallcraft.errors import IntegrityError, NotFoundError, SmallcraftError
from smallcraft.registry import unpacking


def test_a_materialised_bundle_holds_exactly_the_releases_bytes(registry, tmp_path):
    release = registry.read("2")
    target = registry.materialize(release, tmp_path / "deep" / "bundle")
    held = {path.name: path.read_bytes() for path in target.iterdir()}
    assert held == {
        "model.json": registry.read_file(release, "bundle/model.json"),
        "tokenizer.json": b'{"tokens":[]}',
    }
    assert registry.materialize(release, target) == target
    assert [path.name for path in target.parent.iterdir()] == ["bundle"]


def test_an_empty_prefix_materialises_everything(registry, tmp_path):
    release = registry.read("1")
    target = registry.materialize(release, tmp_path / "all", prefix="")
    held = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert held == {file.path for file in release.files}
    assert (target / "evidence" / "dev.json").read_bytes() == b'{"accuracy":0.91}'


def test_a_folder_of_another_release_is_not_taken_for_this_one(registry, tmp_path):
    target = registry.materialize(registry.read("1"), tmp_path / "copy")
    with pytest.raises(IntegrityError, match=r"model.json"):
        registry.materialize(registry.read("2"), target)


def test_a_prefix_without_files_is_refused(registry, tmp_path):
    with pytest.raises(NotFoundError, match="no file below 'data/'"):
        registry.materialize(registry.read("1"), tmp_path / "copy", prefix="data/")


def test_a_link_in_a_materialised_folder_is_not_followed(registry, tmp_path):
    target = registry.materialize(registry.read("1"), tmp_path / "copy")
    (tmp_path / "elsewhere").write_bytes((target / "model.json").read_bytes())
    (target / "model.json").unlink()
    (target / "model.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IntegrityError, match=r"model.json is a link"):
        registry.materialize(registry.read("1"), target)


def test_an_empty_folder_is_filled(registry, tmp_path):
    (tmp_path / "copy").mkdir()
    assert len(list(registry.materialize(registry.read("1"), tmp_path / "copy").iterdir())) == 2


def test_a_disk_that_refuses_leaves_no_half_folder(registry, tmp_path, monkeypatch):
    real, written = unpacking.write_new, []

    def failing(path, data):
        written.append(path)
        if len(written) == 2:
            raise OSError(28, os.strerror(28))
        real(path, data)

    monkeypatch.setattr(unpacking, "write_new", failing)
    with pytest.raises(SmallcraftError, match=r"writing .*copy stopped .No space left"):
        registry.materialize(registry.read("1"), tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["registry"]
