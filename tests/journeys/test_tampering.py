"""After a build, one changed byte anywhere that is kept makes `verify` exit 4 and name the file.

By the command line, as a person meets it: what was changed is named, and nothing answers from it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from smallcraft.cli.main import run
from smallcraft.pipeline.version_control import CHECKPOINT_FILE
from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.content.disk import DATABASE_NAMES


@pytest.fixture(autouse=True)
def _own_pins(built, tmp_path, monkeypatch):
    """The keys of the build, and pins that no other test moves: copies of one log grow apart here."""
    shutil.copytree(os.environ["SMALLCRAFT_CONFIG"], tmp_path / "config")
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(tmp_path / "config"))


def kept_files(folder: Path) -> list[Path]:
    """Every file that a release or its evidence rests on; nothing rests on the search."""
    root = folder / ".smallcraft"
    files = [
        path
        for part in ("registry", "bundles")
        for path in sorted((root / part).rglob("*"))
        if path.is_file() and path.name not in DATABASE_NAMES
    ]
    return [path for path in (*files, root / "ledger.jsonl") if path.stat().st_size]


def test_verify_passes_on_what_a_build_left(built, capsys):
    assert run(["verify", "-p", str(built)]) == 0
    assert "holds" in capsys.readouterr().out


def test_one_changed_byte_of_any_stored_file_is_named(built_copy, capsys):
    files = kept_files(built_copy)
    assert len(files) > 15
    for path in files:
        original = path.read_bytes()
        path.chmod(0o644)
        middle = len(original) // 2
        path.write_bytes(original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
        capsys.readouterr()
        assert run(["verify", "-p", str(built_copy)]) == 4, path
        message = capsys.readouterr().err
        assert path.name in message or path.name[:12] in message, (path, message)
        path.write_bytes(original)
    assert run(["verify", "-p", str(built_copy)]) == 0


def test_an_altered_bundle_is_not_used(built_copy, tmp_path, capsys):
    released = next((built_copy / ".smallcraft" / "bundles").glob("ngram-*"))
    weights = released / "heads" / "ngram.npz"
    data = bytearray(weights.read_bytes())
    data[-100] ^= 1
    weights.write_bytes(data)
    arguments = [
        "predict",
        "--bundle",
        str(released),
        "-i",
        str(built_copy / "tickets.csv"),
        "-o",
        str(tmp_path / "a.csv"),
    ]
    assert run(arguments) == 4
    assert "heads/ngram.npz does not match its record" in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()


def predict(folder: Path, *words: str) -> int:
    """Answer the project's own rows; nothing is written where that is refused."""
    answers = folder / "answers.csv"
    code = run(["predict", "-p", str(folder), "-i", str(folder / "tickets.csv"), "-o", str(answers), *words])
    assert answers.exists() is (code == 0)
    return code


def change_blob(folder: Path, digest: str) -> None:
    path = folder / ".smallcraft" / "registry" / "blobs" / "sha256" / digest.removeprefix("sha256:")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_replaced_weights_in_the_registry_are_not_served(built_copy, capsys):
    shutil.rmtree(built_copy / ".smallcraft" / "bundles")
    files = {file.path: file.digest for file in open_registry(built_copy).read("latest").files}
    change_blob(built_copy, files["bundle/heads/ngram.npz"])
    assert predict(built_copy) == 4
    assert "bundle/heads/ngram.npz of tickets@1) does not match its record" in capsys.readouterr().err
    assert run(["export", "latest", str(built_copy / "out"), "-p", str(built_copy)]) == 4
    assert not (built_copy / "out").exists()
    assert not (built_copy / ".smallcraft" / "bundles" / "tickets@1").exists()


def test_a_bundle_changed_after_verify_answers_nothing(built_copy, capsys):
    assert predict(built_copy) == 0
    assert run(["verify", "-p", str(built_copy)]) == 0
    (built_copy / "answers.csv").unlink()
    weights = built_copy / ".smallcraft" / "bundles" / "tickets@1" / "heads" / "ngram.npz"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1])
    assert predict(built_copy) == 4
    assert "heads/ngram.npz does not match its record" in capsys.readouterr().err
    assert run(["verify", "-p", str(built_copy)]) == 4


@pytest.fixture
def rolled_back(built_copy):
    """`stable` was moved by an entry; then the registry of before was put back."""
    registry, before = built_copy / ".smallcraft" / "registry", built_copy / "before"
    shutil.copytree(registry, before)
    assert run(["alias", "stable", "tickets@1", "-p", str(built_copy)]) == 0
    assert run(["verify", "-p", str(built_copy)]) == 0
    shutil.copy(registry / "log" / "checkpoint", built_copy / "kept")
    shutil.rmtree(registry)
    before.rename(registry)
    return built_copy


def test_a_registry_put_back_to_an_older_copy_answers_nothing(rolled_back, capsys):
    capsys.readouterr()
    for verb in (
        ["verify"],
        ["log"],
        ["show", "tickets@1"],
        ["card", "tickets@1"],
        ["alias", "a", "tickets@1"],
    ):
        assert run([*verb, "-p", str(rolled_back)]) == 4, verb
        assert "the log was rolled back" in " ".join(capsys.readouterr().err.split())
    assert predict(rolled_back) == 4


def test_an_older_copy_is_named_by_the_checkpoint_that_is_kept_with_the_project(
    rolled_back, tmp_path, monkeypatch, capsys
):
    """On a machine that never saw the log, the file in git stands for what others saw."""
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(tmp_path / "elsewhere"))
    assert run(["verify", "-p", str(rolled_back)]) == 0
    assert run(["verify", "-p", str(rolled_back), "--pin", str(rolled_back / "kept")]) == 4
    (rolled_back / "kept").rename(rolled_back / CHECKPOINT_FILE)
    for words in ([], ["tickets@1"]):
        capsys.readouterr()
        assert run(["verify", *words, "-p", str(rolled_back)]) == 4
        assert f"{CHECKPOINT_FILE}: the log was rolled back" in " ".join(capsys.readouterr().err.split())


def test_any_changed_file_of_a_proof_is_named(built, tmp_path, capsys):
    proof = tmp_path / "proof"
    assert run(["show", "tickets@1", "--proof", str(proof), "-p", str(built)]) == 0
    assert run(["verify", str(proof)]) == 0
    files = [path for path in sorted(proof.rglob("*")) if path.is_file() and path.name != "VERIFY.md"]
    assert len(files) > 8
    for path in files:
        original = path.read_bytes()
        middle = len(original) // 2
        path.chmod(0o644)
        path.write_bytes(original[:middle] + bytes([original[middle] ^ 1]) + original[middle + 1 :])
        assert run(["verify", str(proof)]) == 4, path
        path.write_bytes(original)
    assert run(["verify", str(proof)]) == 0


def test_a_published_card_that_was_edited_is_told_from_the_release(built, tmp_path, capsys):
    assert run(["card", "tickets@1", "-p", str(built)]) == 0
    card = tmp_path / "README.md"
    text = capsys.readouterr().out
    card.write_text(text)
    assert run(["card", "tickets@1", "--check", str(card), "-p", str(built)]) == 0
    assert run(["verify", "-p", str(built), "--pin", str(card)]) == 0
    card.write_text(text.replace("0.9", "0.99", 1))
    assert run(["card", "tickets@1", "--check", str(card), "-p", str(built)]) == 1


@pytest.mark.parametrize("name", ["nothing", "tickets.csv"])
def test_verify_of_something_else_says_what_it_takes(built, name, capsys):
    assert run(["verify", str(built / name)]) == 1
    assert "is neither a registry, nor a proof, nor a bundle" in capsys.readouterr().err
