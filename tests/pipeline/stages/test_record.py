"""From everything measured to one release: its files, its facts, its reason, and what was tried beside it."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime

import pytest
from tests.projects import MESSAGES, QUICK_LADDER, change_project, message_rows, save_rows, write_messages

from smallcraft.bundle.runtime import open_bundle
from smallcraft.canonical import canonical_json
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.meter.ledger import verify_ledger
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.records import Outcome
from smallcraft.registry.composing import read_decision
from smallcraft.registry.content.disk import read_blob
from smallcraft.registry.memory.trials import parse_trial
from smallcraft.registry.reading import read_manifest
from smallcraft.registry.tlog.entry import Content
from smallcraft.registry.verify.registry import verify_registry

PAPERS = {"card.md", "bom.json", "datasheet.md", "croissant.json", "decision.json"}


def trials_of(folder):
    """What was tried and not released, as the log has it."""
    registry = open_registry(folder)
    found = []
    for entry in registry.log().entries:
        if entry.kind == "decision":
            manifest = read_manifest(registry.layout, entry.manifest, use="a decision").manifest
            file = manifest.files[0].file
            content = Content(file.digest, file.size_bytes)
            found.append(parse_trial(read_blob(registry.layout, content, use="a decision")))
    return found


def reason_of(folder):
    decision = read_decision(open_registry(folder).find("latest"))
    return decision.rationale.text, decision.rationale.by


def test_a_release_holds_what_it_rests_on(tiny):
    registry = open_registry(tiny)
    release = registry.read("latest")
    paths = {file.path for file in release.files}
    rests_on = {"facts.json", "evidence.json", "data/rows.npz", "evaluation/dev.npz", "smallcraft.toml"}
    watched_by = {"evaluation/reference.bin", "evaluation/baseline.json"}
    assert PAPERS | rests_on | {"model.sig"} < paths
    assert {path for path in paths if not path.startswith("bundle/")} == {
        *(*PAPERS, *rests_on, *watched_by),
        "model.sig",
    }
    assert registry.read_file(release, "smallcraft.toml") == (tiny / "smallcraft.toml").read_bytes()
    decision = json.loads(registry.read_file(release, "decision.json"))
    assert decision["decision"]["chosen"] == release.facts["chosen"] == "ngram"
    assert decision["verdicts"] == release.facts["verdicts"]
    assert set(decision["evidence"]) == rests_on


def test_the_look_that_a_release_rests_on_stands_in_the_log_before_it(tiny):
    registry = open_registry(tiny)
    kinds = [entry.kind for entry in registry.log().entries]
    assert kinds.index("look") < kinds.index("put")
    (look,) = verify_ledger(Workspace(tiny).ledger)
    assert registry.read("latest").facts["cert"]["ledger_head"] == look.digest


def test_every_candidate_that_lost_is_an_entry_once(tiny):
    (lost,) = trials_of(tiny)
    assert (lost.rung, lost.status, lost.verdict) == ("majority", "lost", "reject")
    assert lost.winner == open_registry(tiny).read("latest").facts["bundle"]["digest"]
    assert lost.scores
    build(load_config(tiny))
    assert len(trials_of(tiny)) == 1


@pytest.mark.usefixtures("fixed_costs")
def test_a_build_that_a_gate_blocks_logs_its_winner_as_rejected_with_the_gate(tiny):
    change_project(tiny, "[ladder]", "[budget]\nsize_mb = 0.0001\n[ladder]")
    result = build(load_config(tiny), because=lambda _: pytest.fail("asked why of what is not released"))
    assert (result.release, result.outcome) == (None, Outcome.FAIL)
    (rejected,) = [trial for trial in trials_of(tiny) if trial.status == "failed"]
    assert (rejected.rung, rejected.verdict) == ("ngram", "reject")
    assert rejected.reason.startswith("size_mb: ")
    assert rejected.candidate == result.released.candidate or rejected.winner == result.released.candidate
    before = open_registry(tiny).log().note
    build(load_config(tiny))
    assert open_registry(tiny).log().note == before
    verify_registry(Workspace(tiny).registry)


@pytest.mark.usefixtures("fixed_costs")
def test_a_first_build_that_a_gate_blocks_starts_a_log_without_a_release(tmp_path):
    more = f'[registry]\norigin = "example.com/blocked"\n[budget]\nsize_mb = 0.0001\n{QUICK_LADDER}'
    folder = write_messages(tmp_path, more=more)
    assert build(load_config(folder)).release is None
    log = open_registry(folder).log()
    assert log.checkpoint.origin == "example.com/blocked"
    assert open_registry(folder).releases() == ()
    assert {(trial.rung, trial.status) for trial in trials_of(folder)} == {
        ("ngram", "failed"),
        ("majority", "lost"),
    }


def test_without_a_person_the_rule_gives_the_reason(tiny):
    text, author = reason_of(tiny)
    assert author == "rule"
    assert text.startswith("ngram: macro_f1 ")
    assert "gates PASS" in text


@pytest.mark.usefixtures("fixed_costs")
@pytest.mark.parametrize(
    ("said", "author"), [("customers wrote of returns", "person"), ("", "rule"), (None, "rule")]
)
def test_a_persons_reason_stands_in_the_decision(tiny, said, author):
    change_project(tiny, "[data]", "seed = 2\n[data]")
    asked = []

    def because(decision):
        asked.append(decision)
        return said

    result = build(load_config(tiny), because=because)
    assert asked == [result.decision.sentence]
    assert reason_of(tiny)[1] == author
    assert said is None or said in reason_of(tiny)[0]


def test_a_project_that_wants_reasons_refuses_before_anything_is_read_or_trained(tmp_path):
    folder = write_messages(tmp_path, more=f"[registry]\nrequire_because = true\n{QUICK_LADDER}")
    (folder / "rows.csv").unlink()
    with pytest.raises(InvalidInputError, match=r'require_because wants a reason .*--because "'):
        build(load_config(folder))
    assert [path.name for path in folder.iterdir()] == ["smallcraft.toml"]


@pytest.mark.usefixtures("fixed_costs")
def test_a_project_that_wants_reasons_releases_nothing_when_asked_in_vain(tiny):
    change_project(tiny, "[data]", "seed = 3\n[data]")
    change_project(tiny, "[ladder]", "[registry]\nrequire_because = true\n[ladder]")
    with pytest.raises(InvalidInputError, match="none was given; nothing was released"):
        build(load_config(tiny), because=lambda _: None)
    assert open_registry(tiny).read("latest").label == "rows@1"
    assert build(load_config(tiny), because=lambda _: "now").release.label == "rows@2"
    assert reason_of(tiny) == ("now", "person")


@pytest.mark.usefixtures("fixed_costs")
def test_the_same_build_again_keeps_the_first_reason_and_the_release(tiny):
    before = open_registry(tiny).read("latest")
    assert build(load_config(tiny), because=lambda _: "another reason").release == before
    assert reason_of(tiny)[1] == "rule"


@pytest.mark.usefixtures("fixed_costs")
def test_in_a_git_repository_the_commit_is_recorded_and_the_checkpoint_lies_beside_the_project(tmp_path):
    folder = write_messages(tmp_path / "p", data=f'{MESSAGES}\ncert = "cert.csv"')
    save_rows(folder / "cert.csv", message_rows(60, seed=9))
    git = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=n@example.com"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    build(load_config(folder))
    registry = open_registry(folder)
    code = json.loads(registry.find("latest").read("code.json"))
    assert code["commit"] == head.strip()
    assert (folder / "smallcraft.checkpoint").read_bytes() == registry.log().note


def test_outside_of_git_neither_commit_nor_checkpoint_is_made_up(tiny):
    assert not (tiny / "smallcraft.checkpoint").exists()
    assert "code.json" not in open_registry(tiny).find("latest").locations


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
