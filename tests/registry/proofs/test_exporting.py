import os
import subprocess
import sys

import pytest
from tests.conftest import require, why_no_model_signing

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.records import StoredFile
from smallcraft.registry.proofs.exporting import export_release, walk_files
from smallcraft.registry.proofs.openssf import sign_files

CONTENT = {
    "bundle/model.onnx": b"weights" * 1000,
    "bundle/parts/vocab.json": b"{}",
    "card.md": b"# helpdesk\n",
}
FILES = tuple(StoredFile(path, digest_bytes(data), len(data)) for path, data in CONTENT.items())


def read(file):
    return CONTENT[file.path]


def content_of(folder):
    return {path: (folder / path).read_bytes() for path in walk_files(folder)}


def test_a_whole_release_is_written_under_its_own_paths(tmp_path):
    assert content_of(export_release(FILES, read, tmp_path / "out")) == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_device_bundle_alone_stands_at_the_root(tmp_path):
    target = export_release(FILES, read, tmp_path / "a" / "device", only="bundle")
    assert content_of(target) == {
        "model.onnx": CONTENT["bundle/model.onnx"],
        "parts/vocab.json": CONTENT["bundle/parts/vocab.json"],
    }


def test_an_empty_folder_may_be_there_and_the_same_export_twice_is_one(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    export_release(FILES, read, target)
    before = {path: (target / path).stat().st_ino for path in CONTENT}
    export_release(FILES, lambda file: pytest.fail("nothing is to be read"), target)
    assert {path: (target / path).stat().st_ino for path in CONTENT} == before


@pytest.mark.parametrize("planted", ["notes.txt", "bundle/extra.bin", "z/link"])
def test_a_folder_that_holds_anything_else_is_never_touched(tmp_path, planted):
    target = export_release(FILES, read, tmp_path / "out")
    (target / planted).parent.mkdir(exist_ok=True)
    if planted.endswith("link"):
        (target / planted).symlink_to(tmp_path)
    else:
        (target / planted).write_bytes(b"mine")
    before = sorted(walk_files(target))
    with pytest.raises(InvalidInputError, match=f"already holds {planted}"):
        export_release(FILES, read, target)
    assert sorted(walk_files(target)) == before


def test_an_earlier_export_that_was_changed_is_named(tmp_path):
    target = export_release(FILES, read, tmp_path / "out")
    (target / "card.md").chmod(0o644)
    (target / "card.md").write_bytes(b"# Helpdesk\n")
    with pytest.raises(IntegrityError, match=r"card\.md .* does not match its record"):
        export_release(FILES, read, target)
    (target / "card.md").unlink()
    with pytest.raises(IntegrityError, match=r"card\.md is missing"):
        export_release(FILES, read, target)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_the_target_is_a_folder_of_its_own(tmp_path, kind):
    target = tmp_path / "out"
    (tmp_path / "elsewhere").mkdir()
    if kind == "file":
        target.write_bytes(b"")
    else:
        target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInputError, match="must be a folder or not be there"):
        export_release(FILES, read, target)
    assert not any((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("broken", [file.path for file in FILES])
def test_one_changed_byte_anywhere_leaves_no_folder(tmp_path, broken):
    def read_broken(file):
        return bytes([read(file)[0] ^ 1]) + read(file)[1:] if file.path == broken else read(file)

    with pytest.raises(IntegrityError, match=f"{broken} .* do not use it"):
        export_release(FILES, read_broken, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_refuses_leaves_no_folder(tmp_path):
    def read_refused(file):
        raise OSError(28, os.strerror(28))

    with pytest.raises(SmallcraftError, match=r"No space left on device.*export again"):
        export_release(FILES, read_refused, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_crash_half_way_leaves_nothing_under_the_name(tmp_path):
    program = (
        "import os, sys, tests.registry.proofs.test_exporting as t\n"
        "from pathlib import Path\n"
        "def read(file):\n"
        "    return os._exit(9) if file.path == 'card.md' else t.read(file)\n"
        "t.export_release(t.FILES, read, Path(sys.argv[1]))\n"
    )
    target = tmp_path / "out"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path])}
    ran = subprocess.run([sys.executable, "-c", program, target], env=environment, timeout=60)
    assert (ran.returncode, target.exists()) == (9, False)
    assert content_of(export_release(FILES, read, target)) == CONTENT


def test_another_export_that_was_first_is_accepted_when_it_is_the_same(tmp_path):
    target = tmp_path / "out"

    def read_late(file):
        if file.path == "card.md":
            export_release(FILES, read, target)
        return read(file)

    assert content_of(export_release(FILES, read_late, target)) == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "bundle/../../x", "a\\b", ""])
def test_paths_that_leave_the_folder_are_refused(tmp_path, path):
    with pytest.raises(InvalidInputError, match="must be relative"):
        export_release([StoredFile(path, FILES[0].digest, 1)], read, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_release_without_a_bundle_has_no_device_bundle(tmp_path):
    with pytest.raises(NotFoundError, match="below bundle/"):
        export_release(FILES[2:], read, tmp_path / "out", only="bundle")


def test_a_release_is_signed_once(tmp_path, author):
    files = (*FILES, StoredFile("model.sig", FILES[0].digest, FILES[0].size_bytes))
    with pytest.raises(InvalidInputError, match=r"its own model\.sig"):
        export_release(files, read, tmp_path / "out", signature=b"{}")


def assert_the_reference_accepts(target, public_pem, folder):
    (folder / "author.pem").write_bytes(public_pem)
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(target)]
    command += ["--signature", str(target / "model.sig"), "--public_key", str(folder / "author.pem")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (0, "Verification succeeded\n"), ran.stderr


def test_the_reference_accepts_a_release_as_a_registry_signed_it(stored, trust, tmp_path):
    require(why_no_model_signing())
    release = stored.read("helpdesk@2")
    target = export_release(
        release.files, lambda file: stored.read_file(release, file.path), tmp_path / "release"
    )
    assert_the_reference_accepts(target, trust.keyring.author(create=False).public_pem, tmp_path)


@pytest.mark.parametrize("only", ["all", "bundle"])
def test_the_reference_accepts_a_signed_export(tmp_path, author, only):
    require(why_no_model_signing())
    prefix = "bundle/" if only == "bundle" else ""
    digests = {f.path.removeprefix(prefix): f.digest for f in FILES if f.path.startswith(prefix)}
    signature = sign_files(digests, name="helpdesk@3", author=author)
    target = export_release(FILES, read, tmp_path / "out", only=only, signature=signature)
    assert_the_reference_accepts(target, author.public_pem, tmp_path)
