"""What comes back from MLflow is believed nothing: every byte, file and path is held against the proof."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.mlflow import receiving
from smallcraft.registry.mlflow.addressing import parse_address
from smallcraft.registry.mlflow.packing import MODEL_FILE, write_folder
from smallcraft.registry.mlflow.receiving import check_folder, find_version, pull_version
from smallcraft.registry.opening import Trust
from smallcraft.registry.proving import prove_release
from smallcraft.registry.store import Registry


@pytest.fixture
def folder(released, name, tmp_path):
    """The first release as MLflow keeps it."""
    proof = prove_release(released, f"{name}@1")
    return write_folder(released.find(f"{name}@1"), proof, tmp_path / "model")


def test_a_whole_folder_is_what_the_log_says(folder, released, name):
    found = check_folder(folder)
    assert found.proof.entry.label == f"{name}@1"
    assert found.proof.files == released.find(f"{name}@1").files
    assert found.steps[-1].name == MODEL_FILE


def test_every_altered_byte_is_refused_and_named(folder):
    # VERIFY.md is for people: no step reads it.
    for path in [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "VERIFY.md"]:
        data = path.read_bytes()
        path.chmod(0o644)
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        with pytest.raises(IntegrityError):
            check_folder(folder)
        path.write_bytes(data)
    check_folder(folder)


def test_every_lost_file_is_refused(folder):
    for path in [path for path in sorted(folder.rglob("*")) if path.is_file()]:
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(IntegrityError):
            check_folder(folder)
        path.write_bytes(data)
    check_folder(folder)


@pytest.mark.parametrize("planted", ["code/loader.py", "release/extra.bin", "python_model.pkl"])
def test_a_planted_file_is_refused_and_named(folder, planted):
    path = folder / planted
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"print('here')")
    with pytest.raises(IntegrityError, match="does not belong here"):
        check_folder(folder)


def test_a_description_that_names_other_code_is_refused(folder):
    path = folder / MODEL_FILE
    path.write_bytes(path.read_bytes().replace(b"smallcraft.registry.mlflow.loading", b"os"))
    with pytest.raises(IntegrityError, match="it was altered, and may name other code"):
        check_folder(folder)


def test_files_of_one_release_under_the_proof_of_another_are_refused(folder, released, name, tmp_path):
    other = write_folder(released.find(f"{name}@2"), prove_release(released, f"{name}@2"), tmp_path / "other")
    shutil.rmtree(folder / "proof")
    shutil.copytree(other / "proof", folder / "proof")
    with pytest.raises(IntegrityError, match=r"card\.md"):
        check_folder(folder)


def test_a_log_that_the_reader_does_not_trust_is_refused(folder, tmp_path):
    stranger = Registry.create(tmp_path / "s", origin="example.com/models", trust=Trust(tmp_path / "sk"))
    policy = stranger.layout.policy.read_bytes()
    with pytest.raises(IntegrityError):
        check_folder(folder, policy)


def test_a_log_that_was_forked_is_seen_from_the_readers_own_copy(folder, toy_bundle, name, tmp_path, now):
    own = Registry.create(tmp_path / "own", origin="example.com/models", trust=Trust(tmp_path / "ok"))
    for version in (1, 2, 3):
        own.publish(name, {"card.md": b"# another %d" % version}, {}, now=now)
    with pytest.raises(IntegrityError, match="the log was forked"):
        receiving._check_own_log(check_folder(folder), own.log())


def test_the_readers_own_log_that_lags_behind_is_said_not_refused(folder, tmp_path):
    own = Registry.create(tmp_path / "own", origin="example.com/models", trust=Trust(tmp_path / "ok"))
    (step,) = receiving._check_own_log(check_folder(folder), own.log())
    assert "pull before you compare" in step.detail


def test_the_log_that_it_came_from_has_it_at_the_same_place(folder, released, now, name):
    released.set_alias(name, "stable", 1, now=now)
    (step,) = receiving._check_own_log(check_folder(folder), released.log())
    assert step.detail == f"the project's log has {name}@1 at the same place"


def test_another_projects_log_says_nothing_about_it(folder, registry):
    assert receiving._check_own_log(check_folder(folder), registry.log()) == ()


def test_a_folder_without_a_proof_is_no_release(tmp_path):
    (tmp_path / MODEL_FILE).write_text("flavors: {}")
    with pytest.raises(IntegrityError, match="holds no proof: it was not registered by `smallcraft push`"):
        check_folder(tmp_path)


def test_a_tag_that_says_another_thing_is_refused_with_both(folder):
    checked = check_folder(folder)
    tags = dict(receiving.tags_of(checked.proof, checked.files).named)
    receiving._check_tags(tags, checked, where="version 1")
    for tag in tags:
        with pytest.raises(IntegrityError, match=f"version 1: the tag {tag} says 'nothing'"):
            receiving._check_tags({**tags, tag: "nothing"}, checked, where="version 1")


def test_a_server_alone_is_no_version(tmp_path):
    with pytest.raises(InvalidInputError, match=r"add it, as in mlflow://localhost:5000#tickets/1"):
        find_version(SimpleNamespace(), parse_address("mlflow://localhost:5000"))


def test_a_folder_that_holds_something_is_not_written_over(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match="must be an empty folder or not be there"):
        pull_version(parse_address("mlflow://localhost:5000#tickets/1"), tmp_path)
