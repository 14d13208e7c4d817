import os

import pytest

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.registry.verify.folder import verify_directory, walk


def test_a_materialised_copy_passes_until_a_byte_changes(registry, tmp_path):
    release = registry.read("3")
    copy = registry.materialize(release, tmp_path / "copy", prefix="")
    assert verify_directory(copy, release.files).steps[0].count == len(release.files) == 6
    for file in release.files:
        path = copy / file.path
        sound = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        with pytest.raises(IntegrityError, match=f"{file.path}.* does not match its record"):
            verify_directory(copy, release.files)
        path.write_bytes(sound)
    verify_directory(copy, release.files)


def test_a_file_too_many_or_too_few_in_a_copy_is_named(registry, tmp_path):
    release = registry.read("3")
    copy = registry.materialize(release, tmp_path / "copy", prefix="")
    (copy / "bundle" / "sitecustomize.py").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"bundle/sitecustomize.py does not belong here"):
        verify_directory(copy, release.files)
    (copy / "bundle" / "sitecustomize.py").unlink()
    (copy / "card.md").unlink()
    with pytest.raises(IntegrityError, match=r"card.md is missing"):
        verify_directory(copy, release.files)


def test_a_copy_that_is_not_there_is_not_a_sound_one(registry, tmp_path):
    with pytest.raises(NotFoundError, match="no folder at"):
        verify_directory(tmp_path / "nothing", registry.read("3").files)


def test_links_to_folders_and_unknown_folders_are_told(tmp_path):
    (tmp_path / "known").mkdir()
    (tmp_path / "unknown").mkdir()
    (tmp_path / "known" / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "known")
    assert list(walk(tmp_path)) == ["link", "known/file"]
    assert list(walk(tmp_path, {"known"})) == ["link", "unknown", "known/file"]


def test_a_folder_that_cannot_be_listed_hides_nothing(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, os.strerror(13), str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(IntegrityError, match=r"cannot be listed .*give read permission"):
        list(walk(tmp_path))
