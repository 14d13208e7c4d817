from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from tests.projects import change_project, write_messages

from smallcraft.bundle.runtime import open_bundle
from smallcraft.canonical import canonical_json
from smallcraft.models.workshop import no_progress
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.stages.record import find_incumbent
from smallcraft.pipeline.stages.train import open_workshop
from smallcraft.pipeline.workspace import Workspace, open_registry


def workshop_of(folder):
    config = load_config(folder)
    return config, open_workshop(config, prepare_data(config, SilentListener()).splits, progress=no_progress)


def released_digest(folder):
    return open_registry(folder).read("latest").facts["bundle"]["digest"]


def test_a_first_release_has_no_incumbent(tmp_path):
    config, workshop = workshop_of(write_messages(tmp_path))
    assert find_incumbent(config, workshop, released="sha256:" + "0" * 64) is None
    assert not (tmp_path / ".smallcraft").exists()


def test_the_incumbent_is_the_newest_release_of_another_bundle(tiny):
    config, workshop = workshop_of(tiny)
    incumbent = find_incumbent(config, workshop, released="sha256:" + "0" * 64)
    assert incumbent.label == "rows@1"
    assert incumbent.bundle.digest == released_digest(tiny)
    assert find_incumbent(config, workshop, released=released_digest(tiny)) is None


@pytest.mark.parametrize("old", ['label = "intent"', 'text = "message"'])
def test_a_release_of_other_classes_or_columns_is_no_incumbent(tiny, old):
    change_project(tiny, 'cert = "cert.csv"\n', "")
    rows = (tiny / "rows.csv").read_text(encoding="utf-8")
    if old.startswith("label"):
        rows = rows.replace(",billing", ",money")
    else:
        rows = rows.replace("message,", "body,")
        change_project(tiny, old, 'text = "body"')
    (tiny / "rows.csv").write_text(rows, encoding="utf-8")
    assert find_incumbent(*workshop_of(tiny), released="sha256:" + "0" * 64) is None


def test_a_release_of_another_name_is_no_incumbent(tiny):
    change_project(tiny, "[data]", 'name = "other"\n[data]')
    assert find_incumbent(*workshop_of(tiny), released="sha256:" + "0" * 64) is None


def test_a_release_holds_what_it_rests_on(tiny):
    registry = open_registry(tiny)
    release = registry.read("latest")
    paths = {file.path for file in release.files}
    assert {"card.md", "evidence.json", "decision.json", "smallcraft.toml", "ledger.jsonl"} < paths
    assert registry.read_file(release, "smallcraft.toml") == (tiny / "smallcraft.toml").read_bytes()
    for name in ("ledger.jsonl", "ledger.jsonl.head"):
        assert registry.read_file(release, name) == (Workspace(tiny).root / name).read_bytes()
    decision = json.loads(registry.read_file(release, "decision.json"))
    assert decision["decision"]["chosen"] == release.facts["chosen"] == "ngram"
    assert decision["verdicts"] == release.facts["verdicts"]


def test_the_facts_account_for_every_row_that_was_read(tiny):
    data = open_registry(tiny).read("latest").facts["data"]
    in_splits = sum(split["rows"] for split in data["splits"].values())
    assert in_splits + data["rows_held_out"] + data["rows_quarantined"] == data["rows_read"] == 210


def test_the_facts_describe_the_bundle_that_ships(tiny, tmp_path):
    registry = open_registry(tiny)
    release = registry.read("latest")
    bundle = open_bundle(registry.materialize(release, tmp_path / "copy"))
    described = release.facts["bundle"]
    assert described["digest"] == bundle.digest == release.facts["released"]["candidate"]
    assert described["size_bytes"] == sum(
        file.stat().st_size for file in bundle.path.rglob("*") if file.is_file()
    )
    assert {entry["path"] for entry in described["files"]} == set(bundle.files.digests)
    assert release.facts["task"]["classes"] == list(bundle.classes)


def test_nothing_in_the_facts_tells_the_time_of_day(tiny):
    facts = open_registry(tiny).read("latest").facts
    result = build(load_config(tiny), clock=lambda: datetime(2031, 1, 1, tzinfo=UTC))
    assert result.release.facts == facts
    assert b"2031-" not in canonical_json(facts)
