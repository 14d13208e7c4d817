"""What a release says of itself is about this very release, and follows from its evidence."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.registry.decided import DAYS, REASONS, decided_registry, publish_side
from tests.registry.memory.sides import first_side, second_side

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError
from smallcraft.registry.composing import compose_papers
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry
from smallcraft.registry.verify.statements import check_decision_of, check_statements


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Not to be changed."""
    return decided_registry(tmp_path_factory.mktemp("statements") / "registry")


def find_in(registry):
    return {one.entry.label: one for one in registry.stored()}.get


def publish_saying(folder, change):
    """A registry whose second release was published by its owner with a decision that was changed before.

    Author and log signed it: nothing but the evidence tells.
    """
    registry = Registry.create(folder)
    publish_side(registry, first_side(), now=DAYS[0], because=REASONS[0])
    side = second_side()

    def papers(draft):
        written = dict(compose_papers(draft, because=REASONS[1]))
        decision = json.loads(written["decision.json"])
        change(decision)
        return {**written, "decision.json": canonical_json(decision)}

    paths = ("bundle/heads/ngram.npz", "bundle/tokenizer.json", "smallcraft.toml")
    logs = ("data/rows.npz", "evaluation/dev.npz")
    evidence = {"candidates": side.facts["candidates"], "released": side.facts["released"]}
    files = {**{path: side.read(path) for path in (*paths, *logs)}, "evidence.json": canonical_json(evidence)}
    registry.publish("helpdesk", files, side.facts, now=DAYS[1], papers=papers)
    return registry


def test_every_release_is_signed_and_every_decision_computed_again(kept):
    steps = check_statements(kept.log(), kept.stored())
    assert [(step.name, step.count) for step in steps] == [("signatures", 2), ("decisions", 2)]


def test_without_decisions_none_are_counted(registry):
    assert [step.count for step in check_statements(registry.log(), registry.stored())] == [3, 0]


def raise_score(decision):
    (change,) = [c for c in decision["delta"]["metrics"] if (c["metric"], c["split"]) == ("macro_f1", "dev")]
    change["difference"] += 0.01


def narrow(decision):
    change = next(c for c in decision["delta"]["metrics"] if c["low"] is not None)
    change["low"] = change["high"]


def fewer_rows(decision):
    decision["delta"]["rows"]["removed"] = 0


def hide_limits(decision):
    decision["limits"] = []


def forget_losers(decision):
    decision["tried"] = decision["tried"][:1]


def pass_all(decision):
    for verdict in decision["verdicts"]:
        verdict["outcome"] = "PASS"


def cheaper(decision):
    cost = next(c for c in decision["delta"]["costs"] if c["name"] == "size_mb")
    cost["after"], cost["difference"] = 0.1, 0.1 - cost["before"]


def other_evidence(decision):
    decision["evidence"]["facts.json"] = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    "change",
    [raise_score, narrow, fewer_rows, hide_limits, forget_losers, pass_all, cheaper, other_evidence],
)
def test_a_number_edited_by_hand_does_not_survive_though_its_owner_signed_it(tmp_path, change):
    registry = publish_saying(tmp_path / "registry", change)
    with pytest.raises(IntegrityError, match=r"decision says .*, the evidence gives "):
        check_decision_of(registry.find("helpdesk@2"), find_in(registry))
    with pytest.raises(IntegrityError, match="the evidence gives"):
        verify_registry(registry.root)


def test_a_reason_is_a_persons_word_and_nothing_computes_it(tmp_path):
    registry = publish_saying(
        tmp_path / "registry", lambda decision: decision["rationale"].update(text="as we like")
    )
    assert check_decision_of(registry.find("helpdesk@2"), find_in(registry))


def test_the_decision_about_another_release_is_named_as_such(tmp_path):
    registry = publish_saying(tmp_path / "registry", lambda decision: decision.update(release="helpdesk@1"))
    with pytest.raises(IntegrityError, match="helpdesk@2 carries the decision about helpdesk@1: an old rel"):
        check_decision_of(registry.find("helpdesk@2"), find_in(registry))


def test_a_decision_that_follows_another_manifest_than_the_logs_is_named(tmp_path):
    def exchange(decision):
        decision["parents"][0]["manifest"] = "sha256:" + "0" * 64

    registry = publish_saying(tmp_path / "registry", exchange)
    with pytest.raises(
        IntegrityError, match=r"the decision of helpdesk@2 follows helpdesk@1 with manifest sh"
    ):
        check_decision_of(registry.find("helpdesk@2"), find_in(registry))


def test_of_an_erased_parent_nothing_can_be_computed_and_nothing_is_refused(kept):
    stored = kept.find("helpdesk@2")
    assert check_decision_of(stored, lambda label: None)
    assert not check_decision_of(replace(stored, locations={}), lambda label: None)
