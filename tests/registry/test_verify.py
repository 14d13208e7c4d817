import pytest

from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.registry.disk import Layout
from smallcraft.registry.store import Registry
from smallcraft.registry.verify import verify_directory, verify_registry


def stored_files(registry):
    return sorted(path for path in registry.root.rglob("*") if path.is_file())


def test_a_sound_registry_passes_in_numbered_steps(registry):
    report = verify_registry(registry.root)
    assert [step.name for step in report.steps] == [
        "layout",
        "log",
        "releases",
        "blobs",
        "index",
        "extra",
    ]
    assert {step.name: step.count for step in report.steps}["blobs"] == 14
    assert report.head is not None


def test_an_empty_registry_passes(tmp_path):
    report = verify_registry(Registry.create(tmp_path / "r").root)
    assert report.head is None


def test_one_changed_byte_in_any_file_names_that_file(registry):
    """First, last and middle bytes of every file; each kind of file is there."""
    files = stored_files(registry)
    assert len(files) == 3 + 3 + 14
    for path in files:
        sound = path.read_bytes()
        path.chmod(0o644)
        for position in {0, 1, len(sound) // 3, len(sound) // 2, len(sound) - 2, len(sound) - 1}:
            changed = bytearray(sound)
            changed[position] ^= 0x01
            path.write_bytes(changed)
            with pytest.raises(IntegrityError) as caught:
                verify_registry(registry.root)
            assert str(caught.value).startswith(path.relative_to(registry.root).as_posix())
        path.write_bytes(sound)
    verify_registry(registry.root)


def test_every_changed_byte_of_the_small_files_is_seen(registry):
    layout = Layout(registry.root)
    for path in (layout.checkpoint, layout.entry(2), layout.oci_layout):
        sound = path.read_bytes()
        path.chmod(0o644)
        for position in range(len(sound)):
            changed = bytearray(sound)
            changed[position] ^= 0x04
            path.write_bytes(changed)
            with pytest.raises(IntegrityError, match=f"^{layout.name_of(path)}"):
                verify_registry(registry.root)
        path.write_bytes(sound)
    verify_registry(registry.root)


def test_a_byte_more_or_less_in_any_file_names_that_file(registry):
    for path in stored_files(registry):
        sound = path.read_bytes()
        path.chmod(0o644)
        for changed in (sound + b"\n", sound[:-1], b""):
            path.write_bytes(changed)
            with pytest.raises(IntegrityError) as caught:
                verify_registry(registry.root)
            assert str(caught.value).startswith(path.relative_to(registry.root).as_posix())
        path.write_bytes(sound)


def test_any_file_removed_is_named(registry):
    for path in stored_files(registry):
        sound = path.read_bytes()
        path.unlink()
        with pytest.raises(IntegrityError, match=path.relative_to(registry.root).as_posix()):
            verify_registry(registry.root)
        path.write_bytes(sound)


def test_file_modes_and_leftovers_in_tmp_are_no_error(registry):
    for path in stored_files(registry):
        path.chmod(0o600)
    (Layout(registry.root).tmp / "00000001").write_bytes(b"half written")
    verify_registry(registry.root)


def test_a_copy_without_empty_folders_passes(registry):
    Layout(registry.root).tmp.rmdir()
    verify_registry(registry.root)


def test_no_registry_is_not_a_sound_one(tmp_path):
    with pytest.raises(NotFoundError, match="run `smallcraft build`"):
        verify_registry(tmp_path)


def test_a_materialised_copy_passes_until_a_byte_changes(registry, tmp_path):
    release = registry.read("3")
    copy = registry.materialize(release, tmp_path / "copy", prefix="")
    assert verify_directory(copy, release.files).steps[0].count == 4
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
