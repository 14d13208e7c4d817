"""`smallcraft verify`: whatever is named, by its kind; with copies kept elsewhere; in exit codes."""

from __future__ import annotations

import shutil

import pytest
from tests.cli.conftest import commit, git
from tests.cli.test_history import check_schema
from tests.projects import copy_project

from smallcraft.pipeline.workspace import Workspace, open_registry


def checkpoint_of(folder):
    return Workspace(folder).registry / "log" / "checkpoint"


@pytest.fixture
def earlier(storied, told, tmp_path):
    """The project as it was before its last entry, which its owner put back."""
    folder = copy_project(storied, tmp_path / "earlier")
    told("alias", "canary", "rows@2", "-p", storied)
    return folder


def test_a_project_is_verified_whole_and_where_its_log_stands_is_told(storied_built, told, told_json):
    out = told("verify", "-p", storied_built)
    for step in (
        *("layout", "log", "copies", "releases", "signatures", "decisions", "blobs", "extra", "index"),
        *("ledger", "bundles"),
    ):
        assert f"holds {step}:" in out
    report = told_json("verify", "-p", storied_built)
    check_schema("verify", report)
    assert f"head of the log: {report['head']}\n" in out
    assert report["head"].endswith(report["root"])


@pytest.mark.parametrize("release", ["rows@1", "rows@stable", "latest", "rows", "rows@2"])
def test_one_release_is_verified_by_any_of_its_names(release, storied_built, told, told_json):
    out = told("verify", release, "-p", storied_built)
    for step in ("log", "copies", "release", "signature", "decision", "files"):
        assert f"holds {step}:" in out
    check_schema("verify", told_json("verify", release, "-p", storied_built))


def test_a_registry_a_bundle_and_a_proof_need_no_project(
    storied_built, tmp_path, monkeypatch, told, told_json, stranger
):
    proof, registry = tmp_path / "proof", Workspace(storied_built).registry
    told("show", "rows@1", "-p", storied_built, "--proof", proof)
    told("export", "rows@1", tmp_path / "device", "-p", storied_built, "--only", "bundle")
    monkeypatch.chdir(tmp_path)
    for target, step in ((registry, "releases"), ("proof", "manifests"), ("device", "bundle")):
        report = told_json("verify", str(target) if target == registry else f"./{target}")
        check_schema("verify", report)
        assert step in " ".join(one["name"] for one in report["steps"])
    assert told_json("verify", "proof")["root"] == told_json("verify", registry)["root"]
    assert told_json("verify", "device")["head"] is None


def test_what_is_none_of_them_is_refused_with_what_it_takes(storied_built, told):
    message = told("verify", storied_built / "rows.csv", code=1)
    assert "is neither a registry, nor a proof, nor a bundle" in message


def test_deep_reads_packs_too(storied_built, told):
    assert "holds blobs:" in told("verify", "-p", storied_built, "--deep")


@pytest.mark.parametrize("kind", ["note", "card", "registry"])
def test_a_copy_kept_elsewhere_holds_while_the_log_continues_it(kind, storied, tmp_path, told, stranger):
    pin = tmp_path / "pin"
    if kind == "registry":
        shutil.copytree(Workspace(storied).registry, pin)
    elif kind == "note":
        shutil.copy(checkpoint_of(storied), pin)
    else:
        pin.write_text(told("card", "-p", storied), encoding="utf-8")
    for target in ([], ["rows@1"], [Workspace(storied).registry]):
        assert "holds copies:" in told("verify", *target, "-p", storied, "--pin", pin)


@pytest.mark.parametrize("target", ["project", "release", "registry"])
@pytest.mark.parametrize("kind", ["note", "card", "registry"])
def test_a_rollback_is_shown_by_a_copy_of_any_kind_with_exit_code_4(
    kind, target, storied, earlier, tmp_path, told, stranger
):
    pin = {"note": checkpoint_of(storied), "registry": Workspace(storied).registry}.get(kind)
    if pin is None:
        pin = tmp_path / "card.md"
        pin.write_text(told("card", "-p", storied), encoding="utf-8")
        shutil.rmtree(tmp_path / "empty-config", ignore_errors=True)
    named = {"project": [], "release": ["rows@1"], "registry": [Workspace(earlier).registry]}[target]
    told("verify", *named, "-p", earlier)
    message = told("verify", *named, "-p", earlier, "--pin", pin, code=4)
    assert message.startswith(f"broken: {pin}: ")
    assert "the log was rolled back" in message


def test_a_rollback_is_shown_by_what_this_user_saw_before(storied, earlier, told):
    assert "the log was rolled back" in told("verify", "-p", earlier, code=4)


def test_the_checkpoint_in_git_shows_a_rollback_to_whoever_clones(storied, earlier, tmp_path, told, stranger):
    """The project's own repository has the newest checkpoint; the registry is an older one."""
    told("verify", "-p", earlier)
    (earlier / "smallcraft.checkpoint").write_bytes(checkpoint_of(storied).read_bytes())
    commit(earlier)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(earlier), str(clone))
    shutil.copytree(earlier / ".smallcraft", clone / ".smallcraft")
    for target in ([], ["rows@1"]):
        message = told("verify", *target, "-p", clone, code=4)
        assert f"{clone}/smallcraft.checkpoint: the log was rolled back" in message


def test_a_pin_that_is_not_there_or_holds_none_is_refused(storied_built, tmp_path, told):
    assert f"no checkpoint at {tmp_path}/none" in told(
        "verify", "-p", storied_built, "--pin", tmp_path / "none", code=1
    )
    message = told("verify", "-p", storied_built, "--pin", storied_built / "rows.csv", code=1)
    assert "holds no checkpoint; name a copy of log/checkpoint, or a card" in message


def test_a_pin_of_another_log_is_broken(storied_built, small_built, told):
    message = told("verify", "-p", storied_built, "--pin", checkpoint_of(small_built), code=4)
    assert "no key of this log signed that checkpoint: it is of another log" in message


def test_a_policy_says_whose_log_counts(storied_built, small_built, told, tmp_path):
    own, other = (Workspace(folder).registry / "log" / "policy" for folder in (storied_built, small_built))
    for target in ([], ["rows@1"], [Workspace(storied_built).registry]):
        told("verify", *target, "-p", storied_built, "--policy", own)
        message = told("verify", *target, "-p", storied_built, "--policy", other, code=4)
        assert message.startswith("broken: ")
    proof = tmp_path / "proof"
    told("show", "-p", storied_built, "--proof", proof)
    told("verify", proof, "--policy", own)
    assert told("verify", proof, "--policy", other, code=4).startswith("broken: ")


def test_a_policy_that_is_not_there_or_is_none_is_refused(storied_built, told):
    assert "no policy at none" in told("verify", "-p", storied_built, "--policy", "none", code=1)
    told("verify", "-p", storied_built, "--policy", storied_built / "rows.csv", code=1)


def test_a_proof_and_a_pin_of_its_state_hold_and_of_another_say_what_to_do(storied, earlier, tmp_path, told):
    proof = tmp_path / "proof"
    told("show", "rows@1", "-p", storied, "--proof", proof)
    told("verify", proof, "--pin", checkpoint_of(storied))
    message = told("verify", proof, "--pin", checkpoint_of(earlier), code=1)
    assert "a proof alone cannot connect the two; verify the registry itself with this pin" in message


def test_a_changed_byte_of_a_proof_is_broken(storied_built, tmp_path, told):
    proof = tmp_path / "proof"
    told("show", "rows@1", "-p", storied_built, "--proof", proof)
    entry = proof / "entry.json"
    entry.chmod(0o644)
    entry.write_bytes(entry.read_bytes().replace(b'"version":1', b'"version":2'))
    assert told("verify", proof, code=4).startswith("broken: ")


def test_a_changed_byte_of_one_release_breaks_it_and_leaves_the_other(storied, told):
    registry = open_registry(storied)
    (decision,) = [file for file in registry.read("rows@1").files if file.path == "decision.json"]
    blob = registry.layout.blob(decision.digest)
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes().replace(b"accept", b"reject"))
    assert "decision.json" in told("verify", "rows@1", "-p", storied, code=4)
    assert told("verify", "-p", storied, code=4).startswith("broken: ")


def test_a_retired_release_verifies_and_is_said_to_be(storied, told, told_json):
    told("registry", "retire", "rows@2", "-p", storied)
    assert "note: rows@2 is retired: do not serve it\n" in told("verify", "rows@2", "-p", storied)
    assert told_json("verify", "rows@2", "-p", storied)["notes"] == ["rows@2 is retired: do not serve it"]


def test_a_ledger_that_was_removed_is_broken(storied, told):
    for path in Workspace(storied).root.glob("ledger.jsonl*"):
        path.unlink()
    message = told("verify", "-p", storied, code=4)
    assert message.startswith("broken: ledger.jsonl is missing, and the log has 2 looks")
    assert "`smallcraft registry restore-ledger` writes it anew from the log" in message
