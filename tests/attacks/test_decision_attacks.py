"""A decision that says more than its evidence gives, in a release that everybody signed.

Two releases that were really built. The intruder holds the log's key and the author's, rewrites the log, the
manifests and both signatures, and hands the registry to somebody who never saw it: no pin, no copy. What is
left is arithmetic: the decision's numbers are computed again from the evidence of both releases.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.attacks.forging import open_log_of, overwrite, put_numbers, replace_release, steal_keys
from tests.pipeline.conftest import FIXED
from tests.projects import MESSAGES, copy_project, message_rows, save_rows, write_messages

from smallcraft.canonical import canonical_json
from smallcraft.cli.main import run
from smallcraft.errors import IntegrityError
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.workspace import Workspace
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.note import Signer
from smallcraft.registry.verify.registry import verify_registry


@pytest.fixture(scope="module")
def twice_built(tmp_path_factory):
    """Two releases of a project; the second was trained on more rows."""
    folder = write_messages(tmp_path_factory.mktemp("decided") / "p", data=MESSAGES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        assert run(["build", "--json", "-p", str(folder)]) == 0
        save_rows(folder / "rows.csv", message_rows(174))
        assert run(["build", "--json", "-p", str(folder)]) == 0
    return folder


@dataclass(frozen=True)
class Forger:
    """Somebody with every file and every key."""

    layout: Layout
    trust: Trust

    @property
    def signer(self) -> Signer:
        origin = open_log_of(self.layout).checkpoint.origin
        return self.trust.keyring.log_signer(origin, create=False)

    def replace(self, version: int, path: str, data: bytes) -> None:
        """A release always had this file: everything that names it is written and signed anew."""
        author = self.trust.keyring.author(create=False)
        replace_release(self.layout, version, {path: data}, signer=self.signer, author=author)

    def read(self, version: int, path: str) -> bytes:
        registry = Registry.open(self.layout.root, trust=Trust(self.trust.folder / "reads"))
        return registry.find(str(version)).read(path)


@pytest.fixture
def project(twice_built, tmp_path) -> Path:
    return copy_project(twice_built, tmp_path / "p")


@pytest.fixture
def forger(project, tmp_path) -> Forger:
    stolen = steal_keys(Trust(Path(os.environ["SMALLCRAFT_CONFIG"])), tmp_path / "stolen")
    return Forger(Layout(Workspace(project).registry), stolen)


@pytest.fixture
def newcomer(tmp_path, monkeypatch) -> Trust:
    """Nobody's pins; the command line has them too."""
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(tmp_path / "newcomer"))
    return Trust(tmp_path / "newcomer")


def refused(project: Path, forger: Forger, newcomer: Trust, message: str, capsys) -> None:
    """`verify` names it, of the registry, the project and the release, with exit code 4."""
    with pytest.raises(IntegrityError, match=message):
        verify_registry(forger.layout.root, trust=newcomer)
    for words in (["-p", str(project)], ["rows@2", "-p", str(project)], [str(forger.layout.root)]):
        capsys.readouterr()
        assert run(["verify", *words]) == 4, words
        assert "decision.json" in capsys.readouterr().err


def numbers_in(value, path=()):
    """Path to each number."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers_in(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from numbers_in(item, (*path, place))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def edited(decision: bytes, path) -> bytes:
    """With the number at this path made a little larger."""
    value = json.loads(decision)
    at = value
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] += 1 if isinstance(at[path[-1]], int) else 0.01
    return canonical_json(value)


def test_a_forged_registry_that_says_nothing_wrong_passes(project, forger, newcomer):
    """Else the tests below would show nothing: the forgery itself leaves no trace."""
    forger.replace(2, "decision.json", forger.read(2, "decision.json"))
    verify_registry(forger.layout.root, trust=newcomer)


def test_a_hand_edited_number_with_everything_signed_anew_is_computed_again(
    project, forger, newcomer, capsys
):
    decision = forger.read(2, "decision.json")
    metrics = json.loads(decision)["delta"]["metrics"]
    assert metrics, "the second release has a delta"
    path = next(path for path in numbers_in(json.loads(decision)) if path[:2] == ("delta", "metrics"))
    forger.replace(2, "decision.json", edited(decision, path))
    refused(project, forger, newcomer, "decision.json", capsys)


def test_every_number_of_a_delta_is_computed_again(forger, newcomer):
    decision = forger.read(2, "decision.json")
    paths = [path for path in numbers_in(json.loads(decision)) if path[0] == "delta"]
    assert len(paths) > 8
    start = forger.layout.root.parent / "start"
    shutil.copytree(forger.layout.root, start)
    for path in paths:
        forger.replace(2, "decision.json", edited(decision, path))
        with pytest.raises(IntegrityError, match="decision"):
            verify_registry(forger.layout.root, trust=newcomer)
        shutil.rmtree(forger.layout.root)
        shutil.copytree(start, forger.layout.root)
        shutil.rmtree(newcomer.folder, ignore_errors=True)


def test_evidence_edited_under_a_decision_that_was_left_is_found_by_the_decision(
    project, forger, newcomer, capsys
):
    """The other way round: better numbers in the evidence, and a decision that was made from the old ones."""
    evidence = forger.read(2, "evidence.json")
    value = json.loads(evidence)
    path = next(
        path for path in numbers_in(value) if path[-1] == "value" and isinstance(at_path(value, path), float)
    )
    forger.replace(2, "evidence.json", edited(evidence, path))
    with pytest.raises(IntegrityError, match=r"decision\.json"):
        verify_registry(forger.layout.root, trust=newcomer)


def at_path(value, path):
    for key in path:
        value = value[key]
    return value


def test_a_decision_about_another_release_is_refused(forger, newcomer):
    value = json.loads(forger.read(1, "decision.json"))
    forger.replace(2, "decision.json", canonical_json(value))
    with pytest.raises(IntegrityError, match="rows@2 carries the decision about rows@1"):
        verify_registry(forger.layout.root, trust=newcomer)


def test_a_decision_that_follows_another_parent_is_refused(forger, newcomer):
    value = json.loads(forger.read(2, "decision.json"))
    (parent,) = value["parents"]
    parent["manifest"] = f"sha256:{'0' * 64}"
    forger.replace(2, "decision.json", canonical_json(value))
    with pytest.raises(
        IntegrityError, match=r"the decision of rows@2 follows rows@1 with manifest sha256:0+"
    ):
        verify_registry(forger.layout.root, trust=newcomer)


def test_a_reason_rewritten_under_every_key_is_caught_by_the_owners_pin(project, forger, newcomer, capsys):
    """Words follow from nothing, so no arithmetic finds them: only what others saw does."""
    value = json.loads(forger.read(2, "decision.json"))
    value["rationale"]["text"] = "the customer asked for it"
    pin = project / "kept"
    overwrite(pin, forger.layout.checkpoint.read_bytes())
    forger.replace(2, "decision.json", canonical_json(value))
    verify_registry(forger.layout.root, trust=newcomer)
    assert run(["verify", "-p", str(project), "--pin", str(pin)]) == 4
    assert "kept: the log was forked" in capsys.readouterr().err


def test_the_forger_rewrites_as_many_entries_as_there_are(forger):
    before = open_log_of(forger.layout)
    forger.replace(1, "decision.json", forger.read(1, "decision.json"))
    after = open_log_of(forger.layout)
    assert len(before.entries) == len(after.entries)
    assert put_numbers(before) == put_numbers(after)
