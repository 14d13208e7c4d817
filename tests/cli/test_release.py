"""`alias`, `push` and `pull`: what a release is called, and what arrives elsewhere."""

from __future__ import annotations

import pytest
from tests.cli.conftest import ORIGIN, before_next
from tests.conftest import require
from tests.projects import copy_project
from tests.registry.remotes.conftest import why_no_obstore

from smallcraft.api import load
from smallcraft.pipeline.workspace import Workspace, open_registry


def entries_of(folder):
    return open_registry(folder).log().entries


def test_a_word_is_moved_back_and_taken_away_each_time_by_an_entry(storied, told):
    before = len(entries_of(storied))
    assert before_next(told("alias", "canary", "rows@1", "-p", storied)) == "rows@canary means rows@1\n"
    assert before_next(told("alias", "canary", "latest", "-p", storied, "--because", "try it")) == (
        "rows@canary means rows@2\n"
    )
    assert load("rows@canary", project=storied).name == "rows@2"
    told("alias", "canary", "rows@1", "-p", storied, "--because", "it failed")
    assert load("rows@canary", project=storied).name == "rows@1"
    removed = before_next(told("alias", "canary", "--remove", "rows", "-p", storied))
    assert removed == "rows@canary means nothing now\n"
    moves = entries_of(storied)[before:]
    assert [(entry.kind, entry.version, entry.reason) for entry in moves] == [
        ("alias", 1, None),
        ("alias", 2, "try it"),
        ("alias", 1, "it failed"),
        ("alias", None, None),
    ]
    out = told("log", "-p", storied)
    assert "canary went back from rows@2 to rows@1: it failed" in out
    assert "canary was taken away from rows@1" in out


def test_a_word_that_means_that_already_is_no_entry(storied, told):
    before = len(entries_of(storied))
    told("alias", "stable", "rows@1", "-p", storied)
    assert len(entries_of(storied)) == before


@pytest.mark.parametrize("word", ["latest", "7", "Stable", "a b", "st@ble", "", "x" * 200])
def test_a_word_that_cannot_be_an_alias_is_refused(word, storied_built, told):
    before = len(entries_of(storied_built))
    message = told("alias", word, "rows@1", "-p", storied_built, code=1)
    assert message.startswith("error: ")
    assert "alias" in message
    assert len(entries_of(storied_built)) == before


def test_an_alias_wants_a_release_or_a_name_to_take_it_from(storied_built, told):
    for arguments in (["stable"], ["stable", "rows@1", "--remove", "rows"]):
        message = told("alias", *arguments, "-p", storied_built, code=1)
        assert "wants the release that 'stable' is to mean, or --remove NAME" in message


def test_a_word_that_means_nothing_cannot_be_taken_away(storied_built, told):
    message = told("alias", "canary", "--remove", "rows", "-p", storied_built, code=1)
    assert "rows@canary means nothing, so it cannot be taken away" in message


def test_a_retired_release_gets_no_alias(storied, told):
    told("registry", "retire", "rows@2", "-p", storied)
    message = told("alias", "canary", "rows@2", "-p", storied, code=1)
    assert "rows@2 is retired, so it cannot be served any more" in message


def test_a_reason_too_long_for_an_entry_is_refused(storied_built, told):
    message = told("alias", "canary", "rows@1", "-p", storied_built, "--because", "x" * 201, code=1)
    assert "reason" in message


def test_what_is_pushed_and_pulled_is_the_same_registry_on_another_machine(
    storied, told, tmp_path, monkeypatch
):
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    size = len(entries_of(storied))
    assert f"{ORIGIN} to {shared}: 0 to {size} entries; " in told("push", shared, "-p", storied)
    assert f"{ORIGIN} to {shared}: nothing new; 0 blobs" in told("push", shared, "-p", storied)
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(tmp_path / "other-machine"))
    elsewhere.mkdir()
    assert f"{ORIGIN} from {shared}: 0 to {size} entries; " in told("pull", shared, "-p", elsewhere)
    assert load("rows@stable", project=elsewhere).name == "rows@1"
    message = told("alias", "canary", "rows@1", "-p", elsewhere, code=1)
    assert f"the key that signs log '{ORIGIN}' is not there" in message
    message = told("verify", "-p", elsewhere, code=4)
    assert "`smallcraft registry restore-ledger`" in message
    told("registry", "restore-ledger", "-p", elsewhere)
    told("verify", "-p", elsewhere)


def test_what_came_after_is_pushed_and_pulled_alone(storied, told, tmp_path):
    shared, other = tmp_path / "shared", tmp_path / "other"
    told("push", shared, "-p", storied)
    other.mkdir()
    told("pull", shared, "-p", other)
    told("alias", "canary", "rows@2", "-p", storied)
    size = len(entries_of(storied))
    assert f": {size - 1} to {size} entries; 0 blobs, 0 bytes copied" in told("push", shared, "-p", storied)
    assert f": {size - 1} to {size} entries; 0 blobs" in told("pull", shared, "-p", other)
    assert load("rows@canary", project=other).name == "rows@2"


def test_a_shared_folder_that_is_behind_is_said_to_be_and_one_ahead_is_not_overwritten(
    storied, told, tmp_path
):
    shared, earlier = tmp_path / "shared", copy_project(storied, tmp_path / "earlier")
    told("push", shared, "-p", storied)
    told("alias", "canary", "rows@2", "-p", storied)
    assert "it is 1 entry behind: push them" in told("pull", shared, "-p", storied)
    told("push", shared, "-p", storied)
    message = told("push", shared, "-p", earlier, code=1)
    assert "1 entries ahead of" in message
    assert "pull them first, then push" in message


def test_a_shared_folder_of_a_fork_is_broken_and_left_alone(storied, told, tmp_path, forget_pins):
    shared, fork = tmp_path / "shared", copy_project(storied, tmp_path / "fork")
    told("alias", "canary", "rows@2", "-p", storied)
    told("push", shared, "-p", storied)
    forget_pins()
    told("alias", "canary", "rows@1", "-p", fork)
    before = (shared / "log" / "checkpoint").read_bytes()
    assert "fork" in told("push", shared, "-p", fork, code=4)
    assert "fork" in told("pull", shared, "-p", fork, code=4)
    assert (shared / "log" / "checkpoint").read_bytes() == before


def test_a_wrong_byte_in_the_shared_folder_does_not_arrive(storied, told, tmp_path):
    shared, other = tmp_path / "shared", tmp_path / "other"
    told("push", shared, "-p", storied)
    largest = max((shared / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    largest.chmod(0o644)
    largest.write_bytes(largest.read_bytes()[:-1] + b"?")
    other.mkdir()
    assert largest.name[:12] in told("pull", shared, "-p", other, code=4)
    assert not Workspace(other).registry.joinpath("log", "checkpoint").exists()


def test_where_nothing_was_released_nothing_is_pushed_or_pulled(tmp_path, told):
    assert "run `smallcraft build`" in told("push", tmp_path / "s", "-p", tmp_path, code=1)
    assert "is not there; name another folder" in told("pull", tmp_path / "s", "-p", tmp_path, code=1)
    assert list(tmp_path.iterdir()) in ([], [tmp_path / ".smallcraft"])


def test_scripts_get_one_object_from_every_verb(storied, told_json, tmp_path):
    assert told_json("alias", "canary", "rows@1", "-p", storied) == {
        "alias": "rows@canary",
        "means": "rows@1",
    }
    assert told_json("alias", "canary", "--remove", "rows", "-p", storied)["means"] is None
    target = tmp_path / "out"
    assert told_json("export", "rows@1", target, "-p", storied) == {
        "release": "rows@1",
        "folder": str(target),
    }
    assert told_json("push", tmp_path / "shared", "-p", storied)["size"] > 0
    assert told_json("pull", tmp_path / "shared", "-p", storied)["blobs"] == 0
    assert told_json("registry", "reindex", "-p", storied)["entries"] > 0
    assert told_json("registry", "scrub", "-p", storied)["is_whole"] is True
    assert told_json("registry", "gc", "-p", storied)["removed"] == []
    assert told_json("registry", "rotate-key", "-p", storied)["key"].startswith("example.com/routing+")
    assert told_json("registry", "restore-ledger", "-p", storied)["looks"] > 0
    retired = told_json("registry", "retire", "rows@2", "-p", storied)
    assert retired == {"retired": "rows@2", "erased": False}


def test_what_moves_after_a_build_stands_in_the_repository_too(storied, told):
    kept = storied / "smallcraft.checkpoint"
    before = kept.read_bytes()
    told("alias", "canary", "rows@1", "-p", storied)
    assert kept.read_bytes() == open_registry(storied).log().note != before


@pytest.fixture
def bucket(monkeypatch):
    """An address whose objects are in memory."""
    require(why_no_obstore())
    from obstore.store import MemoryStore

    from smallcraft.registry.remotes.bucket import Bucket, BucketKind

    store = MemoryStore()
    monkeypatch.setattr(BucketKind, "open", lambda kind, address: Bucket(address, store))
    return "s3://models/routing"


def test_a_bucket_is_pushed_to_and_pulled_from_as_a_folder_is(storied, told, tmp_path, monkeypatch, bucket):
    elsewhere, size = tmp_path / "elsewhere", len(entries_of(storied))
    out = told("push", bucket, "-p", storied)
    assert f"{ORIGIN} to {bucket}: 0 to {size} entries; " in out
    assert out.endswith(f"next  smallcraft pull {bucket} --project FOLDER\n")
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(tmp_path / "other-machine"))
    elsewhere.mkdir()
    out = told("pull", bucket, "-p", elsewhere)
    assert f"{ORIGIN} from {bucket}: 0 to {size} entries; " in out
    assert load("rows@stable", project=elsewhere).name == "rows@1"


def test_a_word_is_moved_at_the_bucket_first_on_top_of_what_others_put_there(storied, told, tmp_path, bucket):
    other = copy_project(storied, tmp_path / "other")
    told("push", bucket, "-p", storied)
    told("alias", "canary", "rows@2", "-p", storied, "--remote", bucket)
    told("alias", "stable", "rows@2", "-p", other, "--remote", bucket)
    assert [(entry.alias, entry.version) for entry in entries_of(other)[-2:]] == [
        ("canary", 2),
        ("stable", 2),
    ]
    told("pull", bucket, "-p", storied)
    assert entries_of(storied) == entries_of(other)
    message = told("alias", "stable", "rows@1", "-p", storied, "--remote", "shared", code=1)
    assert "--remote wants a bucket such as s3://models/team" in message


def test_an_address_that_nothing_opens_is_refused(storied_built, told):
    message = told("push", "ftp://models", "-p", storied_built, code=1)
    assert "a remote is a folder or one of s3://bucket/prefix" in message


def test_a_version_of_mlflow_goes_to_a_folder_and_nothing_else_does(storied_built, told, tmp_path):
    message = told("pull", "mlflow://localhost:5000#rows/1", "-p", storied_built, code=1)
    assert "--to and a version in MLflow belong together" in message
    message = told("pull", tmp_path / "remote", "--to", tmp_path / "f", "-p", storied_built, code=1)
    assert "with --to" in message


def test_one_release_alone_is_pushed_to_mlflow_only(storied_built, told, tmp_path):
    message = told("push", tmp_path / "remote", "--release", "rows@1", "-p", storied_built, code=1)
    assert "gets the whole registry, leave the option out" in message
    assert not (tmp_path / "remote").exists()
