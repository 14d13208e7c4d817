"""Cert is asked nothing that it was not asked before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.pipeline.reproducing.test_origin import origin_of
from tests.pipeline.reproducing.test_rebuild import rebuilt

from smallcraft.canonical import canonical_json, digest_value
from smallcraft.errors import IntegrityError
from smallcraft.pipeline.reproducing.origin import MovedConfig, Origin
from smallcraft.pipeline.reproducing.sealed import Sealed, repeat_look
from smallcraft.pipeline.stages import confirm
from smallcraft.pipeline.workspace import Workspace, open_registry

NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def ask(tiny_built: Path, tmp_path: Path, fixed_costs: None) -> Callable[[Origin], Sealed]:
    """Rebuild the small release, then ask cert as this record has it."""

    def asked(origin: Origin) -> Sealed:
        found = rebuilt(tiny_built, tmp_path, origin_of(tiny_built))
        config = MovedConfig.of(origin.config, workspace=tmp_path, data=tiny_built)
        registry = open_registry(tiny_built)
        return repeat_look(config, origin, found, registry=registry, release=registry.read("latest"), now=NOW)

    return asked


@pytest.fixture
def labels_stay_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("labels of cert were read")

    monkeypatch.setattr(confirm, "_open_labels", refuse)
    monkeypatch.setattr(confirm, "measure_for_plan", refuse)


def test_the_same_question_about_the_same_bundle_is_answered_again(tiny_built, tmp_path, ask):
    before = Workspace(tiny_built).ledger.read_bytes()
    found = ask(origin_of(tiny_built))
    assert found.compared.same is True
    assert found.compared.now == '{"accuracy":1,"macro_f1":1}'
    assert found.confirmation is not None
    assert found.confirmation.answer.is_repeated
    assert Workspace(tiny_built).ledger.read_bytes() == before
    # The copy of the record's ledger has no look more either.
    assert Workspace(tmp_path).ledger.read_bytes() == before


@pytest.mark.usefixtures("labels_stay_sealed")
def test_another_bundle_is_not_asked_about(tiny_built, ask):
    found = ask(replace(origin_of(tiny_built), bundle="sha256:" + "0" * 64))
    assert (found.compared.same, found.confirmation) == (None, None)
    assert found.compared.detail.startswith("not asked: the bundle is another one")


@pytest.mark.usefixtures("labels_stay_sealed")
def test_other_sealed_rows_are_not_asked(tiny_built, ask):
    origin = origin_of(tiny_built)
    splits = {**origin.facts["data"]["splits"], "cert": {"rows": 60, "digest": "sha256:1"}}
    facts = {**origin.facts, "data": {**origin.facts["data"], "splits": splits}}
    found = ask(replace(origin, facts=facts))
    assert found.compared.detail.startswith("not asked: the sealed rows are others")


@pytest.mark.usefixtures("labels_stay_sealed")
def test_without_logged_looks_nothing_tells_what_was_asked(tiny_built, ask):
    found = ask(replace(origin_of(tiny_built), looks=()))
    assert found.compared.detail == "not asked: the registry's log does not tell what was asked"


@pytest.mark.usefixtures("labels_stay_sealed")
@pytest.mark.parametrize("setting", ["margin", "confidence", "preregistration"])
def test_another_question_is_not_asked(tiny_built, ask, setting):
    origin = origin_of(tiny_built)
    value = {"margin": 0.2, "confidence": 0.9, "preregistration": 2}[setting]
    quality = origin.config.quality.model_copy(update={setting: value})
    found = ask(replace(origin, config=origin.config.model_copy(update={"quality": quality})))
    assert found.compared.detail == "not asked: the question would not be the one that was asked"


@pytest.mark.usefixtures("labels_stay_sealed")
def test_a_ledger_that_was_rewritten_is_refused(tiny_built, ask):
    origin = origin_of(tiny_built)
    edited = tuple(line.replace(b'"accuracy":1', b'"accuracy":0.5') for line in origin.looks)
    with pytest.raises(IntegrityError, match="line 1 of ledger"):
        ask(replace(origin, looks=edited))


@pytest.mark.usefixtures("labels_stay_sealed")
def test_looks_about_another_bundle_grant_none_about_this_one(tiny_built, ask):
    origin = origin_of(tiny_built)
    facts = {name: value for name, value in json.loads(origin.looks[0]).items() if name != "digest"}
    facts["candidate"] = "sha256:" + "1" * 64
    line = canonical_json({**facts, "digest": digest_value(facts)})
    found = ask(replace(origin, looks=(line,)))
    assert found.compared.detail == "not asked: the log has no look at these rows by this bundle"


def test_an_answer_that_is_not_that_of_the_ledger_is_not_told(tiny_built, ask, monkeypatch):
    monkeypatch.setattr(confirm, "_open_labels", lambda *_, **__: {"accuracy": 0.123, "macro_f1": 0.456})
    found = ask(origin_of(tiny_built))
    assert (found.compared.same, found.compared.now) == (False, "another answer")
    assert "0.123" not in str(found)
