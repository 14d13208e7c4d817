"""A candidate as a directory named by its digest: whole or not at all, and the same twice."""

from __future__ import annotations

import json
import shutil

import pytest
from tests.models.toys import TEXT, toy_rows, toy_workshop

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.selfcheck import run_selfcheck
from smallcraft.models import export
from smallcraft.models.export import write_bundle
from smallcraft.models.rungs import BUILTIN


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """Write the toy n-gram candidate into a folder."""
    workshop = toy_workshop(tmp_path_factory.mktemp("work"), n=60)
    stages = BUILTIN["ngram"].stages(workshop)

    def write(target, decoder=None, **about):
        facts = {"rung": "ngram"} | about
        return write_bundle(
            target, stages, decoder or Decoder(1.5), classes=workshop.classes, spec=TEXT, about=facts
        )

    return write


def test_a_bundle_is_named_by_its_rung_and_digest_and_opens(write, tmp_path):
    path, digest = write(tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / f"ngram-{digest[7:19]}"
    bundle = open_bundle(path)
    assert bundle.digest == digest
    assert bundle.predict(toy_rows(5).columns["message"])
    assert run_selfcheck(bundle).largest_difference == 0


def test_the_description_holds_what_was_said_and_lists_every_file(write, tmp_path):
    path, _ = write(tmp_path, license="MIT", made_from=["train"])
    description = json.loads((path / "bundle.json").read_bytes())
    assert description["about"] == {"rung": "ngram", "license": "MIT", "made_from": ["train"]}
    assert description["classes"] == ["billing", "cards", "other"]
    assert description["inputs"] == {"text": "message", "numbers": [], "categories": []}
    assert description["decoder"] == {"scale": 1.5, "threshold": 0, "mix": None}
    assert [stage["name"] for stage in description["stages"]] == ["ngram"]
    there = {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}
    assert there == {"bundle.json", *description["files"]}


def test_the_same_candidate_twice_is_one_directory(write, tmp_path):
    path, _ = write(tmp_path)
    times = {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    assert write(tmp_path)[0] == path
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == times
    assert list(tmp_path.iterdir()) == [path]


def test_what_differs_gets_a_directory_of_its_own(write, tmp_path):
    names = {
        write(tmp_path)[0].name,
        write(tmp_path, Decoder(1.6))[0].name,
        write(tmp_path, license="MIT")[0].name,
    }
    assert len(names) == 3
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.parametrize("damage", ["change", "remove", "describe"])
def test_a_damaged_directory_is_written_anew(write, tmp_path, damage):
    path, digest = write(tmp_path)
    if damage == "change":
        (path / "ngram.npz").write_bytes(b"torn")
    elif damage == "remove":
        (path / "selfcheck.npz").unlink()
    else:
        (path / "bundle.json").write_bytes(b"{}")
    assert write(tmp_path) == (path, digest)
    assert run_selfcheck(open_bundle(path)).rows == 32
    assert list(tmp_path.iterdir()) == [path]


def test_a_crash_in_the_middle_leaves_no_bundle_and_the_next_try_succeeds(write, tmp_path, monkeypatch):
    def crash(*arguments):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(export, "golden_answers", crash)
        with pytest.raises(MemoryError):
            write(tmp_path)
    assert all(path.name.endswith(".tmp") for path in tmp_path.iterdir())
    path, _ = write(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_bundle_may_be_moved(write, tmp_path):
    path, digest = write(tmp_path / "here")
    moved = shutil.move(path, tmp_path / "there")
    assert open_bundle(moved).digest == digest
