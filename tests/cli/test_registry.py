"""`smallcraft registry ...`: upkeep that loses nothing unsaid."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import before_next
from tests.cli.test_history import check_schema
from tests.unpacking import unpack

from smallcraft.api import load
from smallcraft.evaluate.meter.ledger import verify_ledger
from smallcraft.pipeline.workspace import Workspace, open_registry

OLD = Path(__file__).parents[1] / "registry" / "old" / "format_1.tar.gz"


def blobs_of(folder):
    return {path.name for path in (Workspace(folder).registry / "blobs" / "sha256").iterdir()}


def own_blobs(folder, label, other):
    """Digests of the files that one release alone has."""
    registry = open_registry(folder)
    files, others = ({file.digest for file in registry.read(name).files} for name in (label, other))
    return {digest.removeprefix("sha256:") for digest in files - others}


def test_a_retired_release_is_out_of_use_and_stays_in_the_log(storied, told, told_json):
    out = told("registry", "retire", "rows@2", "-p", storied, "--because", "wrong labels")
    assert before_next(out) == "rows@2 is retired\n"
    assert load("latest", project=storied).name == "rows@1"
    (line,) = [line for line in told_json("log", "-p", storied) if line["release"] == "rows@2"]
    assert line["is_retired"] is True
    assert any("rows@2 was retired: wrong labels" in event for event in line["events"])
    told("verify", "-p", storied)


@pytest.mark.parametrize("again", [[], ["--erase"]])
def test_a_release_that_a_word_means_is_not_retired(again, storied, told):
    message = told("registry", "retire", "rows@1", "-p", storied, *again, code=1)
    assert (
        "rows@1 is what 'stable' means; move that alias first: `smallcraft alias stable rows@VERSION`"
        in message
    )
    told("verify", "-p", storied)


def test_an_erased_release_is_gone_for_good_and_the_log_still_holds(storied, told, told_json):
    gone = own_blobs(storied, "rows@2", "rows@1")
    assert gone < blobs_of(storied)
    out = told("registry", "retire", "rows@2", "-p", storied, "--erase", "--because", "asked to forget")
    assert before_next(out) == "rows@2 is retired; `smallcraft registry gc` erases its bytes\n"
    out = told("registry", "gc", "-p", storied, "--purge-erased")
    assert " blobs went for good (" in out
    assert not out.startswith("0 ")
    assert not gone & blobs_of(storied)
    told("verify", "-p", storied)
    assert "were erased" in told("show", "rows@2", "-p", storied, code=1)
    assert "rows@2 was retired, its files erased: asked to forget" in told("log", "-p", storied)
    check_schema("log", told_json("log", "-p", storied))
    assert load("latest", project=storied).name == "rows@1"


def test_what_went_to_the_trash_lies_there_until_its_grace_is_over(storied, told):
    told("registry", "retire", "rows@2", "-p", storied, "--erase")
    assert " blobs went to the trash (" in told("registry", "gc", "-p", storied)
    trash = Workspace(storied).registry / "trash"
    lying = [path for path in trash.rglob("*") if path.is_file()]
    assert lying
    assert "0 deleted from the trash" in told("registry", "gc", "-p", storied)
    out = told("registry", "gc", "-p", storied, "--grace-days", 0)
    assert "0 deleted from the trash" not in out
    assert len([path for path in trash.rglob("*") if path.is_file()]) < len(lying)
    told("verify", "-p", storied)


def test_gc_of_what_is_all_needed_removes_nothing(storied, told):
    before = blobs_of(storied)
    assert told("registry", "gc", "-p", storied).startswith("0 blobs went to the trash (0 bytes)")
    assert before <= blobs_of(storied)


def test_scrub_reads_everything_once_and_within_a_budget(storied, told):
    count = len(blobs_of(storied))
    assert told("registry", "scrub", "-p", storied) == told("registry", "scrub", "-p", storied)
    assert f"{count} blobs read (" in told("registry", "scrub", "-p", storied)
    out = told("registry", "scrub", "-p", storied, "--budget-mb", 0.0001)
    assert f", {count - int(out.split()[0])} wait" in out
    assert int(out.split()[0]) < count


def test_a_rotten_blob_is_set_aside_with_exit_code_4_and_fetched_from_a_copy(storied, told, capsys, tmp_path):
    shared = tmp_path / "shared"
    told("push", shared, "-p", storied)
    registry = open_registry(storied)
    (weights,) = [f for f in registry.read("rows@1").files if f.path == "bundle/heads/ngram.npz"]
    blob = registry.layout.blob(weights.digest)
    right = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(right[:-1] + b"?")
    message = told("registry", "scrub", "-p", storied, code=4)
    assert f"broken: blobs/sha256/{blob.name}" in message
    assert "rows@1" in message
    assert "restore it from a copy" in message
    assert not blob.exists()
    assert [path.name for path in (registry.root / "quarantine").iterdir()]
    out = told("registry", "scrub", "-p", storied, "--source", shared)
    assert "the right bytes were fetched" in out
    assert blob.read_bytes() == right
    told("verify", "-p", storied)


def test_a_lost_index_is_made_anew_byte_for_byte(storied, told):
    registry = Workspace(storied).registry
    index = (registry / "index.json").read_bytes()
    (registry / "index.json").unlink()
    for path in registry.glob("state.db*"):
        path.unlink()
    told("verify", "-p", storied, code=4)
    entries = len(open_registry(storied).log().entries)
    assert before_next(told("registry", "reindex", "-p", storied)) == (
        f"index and search hold what {entries} entries of the log say\n"
    )
    assert (registry / "index.json").read_bytes() == index
    told("verify", "-p", storied)


def test_a_new_key_signs_on_and_who_pinned_the_old_one_follows(storied, told, tmp_path):
    pin = tmp_path / "pin"
    shutil.copy(Workspace(storied).registry / "log" / "checkpoint", pin)
    before = open_registry(storied).log()
    out = told("registry", "rotate-key", "-p", storied)
    after = open_registry(storied).log()
    assert out.startswith(f"the log is signed by {after.keys[-1]} from now on")
    assert after.keys[:-1] == before.keys
    told("alias", "canary", "rows@2", "-p", storied)
    told("verify", "-p", storied, "--pin", pin)
    told("card", "-p", storied)


def test_a_lost_ledger_is_written_anew_from_the_log(storied, told):
    ledger = Workspace(storied).ledger
    lines = ledger.read_bytes()
    for path in Workspace(storied).root.glob("ledger.jsonl*"):
        path.unlink()
    told("verify", "-p", storied, code=4)
    restored = before_next(told("registry", "restore-ledger", "-p", storied))
    assert restored == f"{ledger} holds the 2 looks of the log\n"
    assert ledger.read_bytes() == lines
    assert len(verify_ledger(ledger)) == 2
    told("verify", "-p", storied)


@pytest.fixture
def old_project(tmp_path, own_keys):
    """A project as the version before left it."""
    unpack(OLD, tmp_path / ".smallcraft")
    (tmp_path / ".smallcraft" / "format_1").rename(Workspace(tmp_path).registry)
    return tmp_path


def test_a_registry_of_the_format_before_says_how_to_bring_it_up_and_is(old_project, told):
    assert "smallcraft registry upgrade" in told("log", "-p", old_project, code=1)
    out = told("registry", "upgrade", "-p", old_project)
    kept = Workspace(old_project).registry.with_name("registry.before")
    assert before_next(out) == f"the registry has the present format; the old one is in {kept}\n"
    assert (kept / "log" / "entries" / "00000001.json").exists()
    assert "why      not recorded" in told("log", "-p", old_project)
    assert told("registry", "upgrade", "-p", old_project) == out


def test_a_registry_of_this_format_is_not_brought_up(storied_built, told):
    message = told("registry", "upgrade", "-p", storied_built, code=1)
    assert "has the present format already; nothing was changed" in message


@pytest.mark.parametrize(
    "verb",
    [
        *(["retire", "rows@1"], ["gc"], ["scrub"], ["reindex"], ["rotate-key"], ["restore-ledger"]),
        ["upgrade"],
    ],
)
def test_where_nothing_was_released_the_next_step_is_told(verb, tmp_path, told):
    assert "run `smallcraft build`" in told("registry", *verb, "-p", tmp_path, code=1)
    assert list(tmp_path.iterdir()) == []
