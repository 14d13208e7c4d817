"""What `verify` covers beyond the registry: the looks that the log has, working copies, proofs."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from smallcraft.api import load
from smallcraft.canonical import canonical_json, digest_value, plain
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.evaluate.meter.chain import GENESIS
from smallcraft.evaluate.meter.ledger import verify_ledger
from smallcraft.pipeline.verifying import (
    VerifyOptions,
    restore_looks,
    verify_bundle,
    verify_looks,
    verify_named,
    verify_path,
    verify_project,
)
from smallcraft.pipeline.version_control import CHECKPOINT_FILE
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.registry.proofs.proof_folder import write_proof_folder
from smallcraft.registry.proving import prove_release


def forget_the_looks(folder):
    """What an owner can do who knows the format: a ledger that is sound in itself, with other entries."""
    ledger = Workspace(folder).ledger
    (entry,) = verify_ledger(ledger)
    facts = {**plain(entry), "answer": {"accuracy": 1.0}}
    del facts["digest"]
    forged = {**facts, "digest": digest_value(facts)}
    ledger.write_bytes(canonical_json(forged) + b"\n")
    ledger.with_name("ledger.jsonl.head").write_bytes(canonical_json({"seq": 1, "digest": forged["digest"]}))
    assert len(verify_ledger(ledger)) == 1


def test_a_sound_project_verifies_by_its_folder_and_by_its_file(tiny):
    load("latest", project=tiny)
    report = verify_project(tiny)
    assert report == verify_project(tiny / "smallcraft.toml")
    counts = {step.name: step.count for step in report.steps}
    assert counts["ledger"] == 1
    assert counts["bundles"] == len(list(Workspace(tiny).bundles.iterdir())) == 4


def test_a_release_records_the_ledgers_head_right_after_its_look(tiny_built):
    (entry,) = verify_ledger(Workspace(tiny_built).ledger)
    release = open_registry(tiny_built).read("latest")
    assert release.facts["cert"]["ledger_head"] == entry.digest != GENESIS


def test_a_ledger_written_anew_is_detected_by_what_the_log_has(tiny):
    forget_the_looks(tiny)
    with pytest.raises(IntegrityError, match=r"line 1 of the ledger is not the look that was logged"):
        verify_project(tiny)


def test_a_ledger_that_is_gone_is_detected_by_what_the_log_has(tiny):
    for path in Workspace(tiny).root.glob("ledger.jsonl*"):
        path.unlink()
    with pytest.raises(IntegrityError, match=r"missing, and the log has 1 looks .* restore-ledger"):
        verify_project(tiny)


def test_the_log_gives_a_lost_or_a_forged_ledger_back_byte_for_byte(tiny):
    ledger = Workspace(tiny).ledger
    lines = ledger.read_bytes()
    forget_the_looks(tiny)
    assert restore_looks(tiny / "smallcraft.toml") == restore_looks(tiny)
    assert ledger.read_bytes() == lines
    for path in Workspace(tiny).root.glob("ledger.jsonl*"):
        path.unlink()
    restored = restore_looks(tiny)
    assert (restored.count, restored.path, ledger.read_bytes()) == (1, ledger, lines)
    verify_project(tiny)


def test_a_ledger_may_hold_more_than_the_log_and_never_less(tiny):
    ledger = Workspace(tiny).ledger
    (line,) = open_registry(tiny).looks()
    assert verify_looks(ledger, []).count == verify_looks(ledger, [line]).count == 1
    with pytest.raises(IntegrityError, match=r"the log holds 2 looks .*, the ledger 1: looks were deleted"):
        verify_looks(ledger, [line, line])
    assert verify_looks(tiny / "none.jsonl", []).count == 0
    with pytest.raises(IntegrityError, match=r"none.jsonl is missing, and the log has 1 looks"):
        verify_looks(tiny / "none.jsonl", [line])


def test_a_working_copy_exchanged_for_another_sound_bundle_is_detected(tiny):
    copy = load("latest", project=tiny).bundle.path
    shutil.rmtree(copy)
    shutil.copytree(next(Workspace(tiny).bundles.glob("majority-*")), copy)
    with pytest.raises(IntegrityError, match="rows@1"):
        verify_project(tiny)


def test_a_bundle_under_another_bundles_name_is_detected(tiny):
    bundles = Workspace(tiny).bundles
    majority, ngram = next(bundles.glob("majority-*")), next(bundles.glob("ngram-*"))
    shutil.rmtree(ngram)
    majority.rename(ngram)
    with pytest.raises(IntegrityError, match=f"the name says {ngram.name[-12:]}"):
        verify_project(tiny)


@pytest.mark.parametrize("name", ["a-helpdeskab@1", "my-model", "bundle", "x-123456789012345"])
def test_a_name_that_holds_no_digest_says_nothing_about_it(tiny, tmp_path, name):
    copy = shutil.copytree(next(Workspace(tiny).bundles.glob("ngram-*")), tmp_path / name)
    assert verify_bundle(copy).name == "bundle"


def test_a_file_beside_those_listed_is_named(tiny):
    bundle = next(Workspace(tiny).bundles.glob("ngram-*"))
    (bundle / "heads" / "extra.npz").write_bytes(b"?")
    with pytest.raises(IntegrityError, match=r"extra.npz is not listed"):
        verify_path(bundle)


def test_a_path_is_verified_as_what_it_is(tiny):
    workspace = Workspace(tiny)
    assert [step.name for step in verify_path(next(workspace.bundles.glob("ngram-*"))).steps] == ["bundle"]
    assert "log" in [step.name for step in verify_path(workspace.registry).steps]
    with pytest.raises(NotFoundError, match="neither a registry, nor a proof, nor a bundle"):
        verify_path(tiny)
    with pytest.raises(NotFoundError, match="smallcraft build"):
        verify_project(tiny / ".smallcraft")


def test_a_release_is_verified_by_its_name(tiny):
    report = verify_named("rows@1", tiny)
    assert report == verify_named("latest", tiny / "smallcraft.toml")
    assert [step.name for step in report.steps] == [
        *("log", "copies", "release", "signature", "decision", "files")
    ]
    assert report.head == verify_project(tiny).head
    with pytest.raises(NotFoundError, match="rows has no version '2'"):
        verify_named("rows@2", tiny)


def test_a_proof_is_verified_as_such_and_shows_the_same_state(tiny, tmp_path):
    proof = write_proof_folder(prove_release(open_registry(tiny), "rows@1"), tmp_path / "proof")
    report = verify_path(proof)
    assert report.root == verify_project(tiny).root
    assert {"checkpoint", "log", "release", "author"} <= {step.name for step in report.steps}


@pytest.mark.parametrize("form", ["tar", "zip"])
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_a_proof_that_came_as_an_archive_is_verified_as_the_folder_is(tiny, tmp_path, form, is_wrapped):
    proof = write_proof_folder(prove_release(open_registry(tiny), "rows@1"), tmp_path / "sent" / "proof")
    root, base = (proof.parent, proof.name) if is_wrapped else (proof, ".")
    archive = Path(shutil.make_archive(str(tmp_path / "proof"), form, root, base))
    assert verify_path(archive) == verify_path(proof)


@pytest.mark.parametrize("name", ["../escaped", "/escaped"])
def test_an_archive_that_would_write_elsewhere_is_refused_before_anything_lands(tmp_path, name):
    archive = tmp_path / "proof.tar"
    with tarfile.open(archive, "w") as written:
        written.addfile(tarfile.TarInfo(name))
    with pytest.raises(InvalidInputError, match="must not be unpacked"):
        verify_path(archive)
    assert [path.name for path in tmp_path.iterdir()] == ["proof.tar"]


def test_a_checkpoint_beside_the_project_file_counts_as_a_copy_kept_elsewhere(tiny):
    def copies(report):
        return next(step.count for step in report.steps if step.name == "copies")

    whole, named = copies(verify_project(tiny)), copies(verify_named("rows@1", tiny))
    note = (Workspace(tiny).registry / "log" / "checkpoint").read_bytes()
    (tiny / CHECKPOINT_FILE).write_bytes(note)
    assert copies(verify_project(tiny)) == whole + 1
    assert copies(verify_named("rows@1", tiny)) == named + 1
    (tiny / CHECKPOINT_FILE).write_bytes(note.replace(b"\n5\n", b"\n9\n"))
    with pytest.raises(IntegrityError, match=r"smallcraft\.checkpoint: no key of this log signed"):
        verify_project(tiny)


def test_options_without_anything_trust_what_was_seen_first(tmp_path):
    assert (VerifyOptions().copies, VerifyOptions().trust.policy) == ((), None)
    with pytest.raises(NotFoundError, match="no policy at"):
        _ = VerifyOptions(policy=tmp_path / "none").trust
    with pytest.raises(NotFoundError, match="no checkpoint at"):
        _ = VerifyOptions(pins=(tmp_path / "none",)).copies
