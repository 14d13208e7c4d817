"""What `verify` covers beyond the registry: the ledger, the releases' looks in it, the working copies."""

from __future__ import annotations

import shutil

import pytest

from smallcraft.api import load
from smallcraft.canonical import canonical_json, digest_value, plain
from smallcraft.errors import IntegrityError, NotFoundError
from smallcraft.evaluate.meter.chain import GENESIS
from smallcraft.evaluate.meter.ledger import verify_ledger
from smallcraft.pipeline.verifying import verify_bundle, verify_path, verify_project
from smallcraft.pipeline.workspace import Workspace, open_registry


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


def test_a_ledger_written_anew_is_detected_by_what_the_release_recorded(tiny):
    forget_the_looks(tiny)
    with pytest.raises(IntegrityError, match=r"none with digest sha256:.* do not trust its cert scores"):
        verify_project(tiny)


def test_a_ledger_that_is_gone_is_detected_by_what_the_release_recorded(tiny):
    for path in Workspace(tiny).root.glob("ledger.jsonl*"):
        path.unlink()
    with pytest.raises(IntegrityError, match=r"missing, and rows@1 .* as rows@1 keeps them"):
        verify_project(tiny)


def test_the_copy_that_the_release_keeps_restores_a_lost_ledger(tiny):
    for path in Workspace(tiny).root.glob("ledger.jsonl*"):
        path.unlink()
    registry = open_registry(tiny)
    for name in ("ledger.jsonl", "ledger.jsonl.head"):
        (Workspace(tiny).root / name).write_bytes(registry.read_file(registry.read("latest"), name))
    verify_project(tiny)


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
    with pytest.raises(NotFoundError, match="neither a registry nor a bundle"):
        verify_path(tiny)
    with pytest.raises(NotFoundError, match="smallcraft build"):
        verify_project(tiny / ".smallcraft")
