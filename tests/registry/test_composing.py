"""Every paper of a release follows from what is stored, and its numbers can be computed again from that."""

from __future__ import annotations

import json

import pytest
from tests.registry.decided import DAYS, REASONS, decided_registry, publish_side
from tests.registry.memory.sides import first_side, second_side

from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.registry.composing import CodeVersion, check_stored_decision, read_decision, side_of
from smallcraft.registry.store import Registry


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Not to be changed."""
    return decided_registry(tmp_path_factory.mktemp("composing") / "registry")


def test_a_release_has_a_decision_a_card_a_datasheet_a_croissant_and_a_bom(kept):
    written = {"decision.json", "card.md", "datasheet.md", "croissant.json", "bom.json", "code.json"}
    assert written < set(kept.find("helpdesk@1").locations)


def test_each_paper_is_about_this_release(kept):
    for label in ("helpdesk@1", "helpdesk@2"):
        stored = kept.find(label)
        assert json.loads(stored.read("decision.json"))["release"] == label
        assert label in stored.read("card.md").decode("utf-8")
        component = json.loads(stored.read("bom.json"))["metadata"]["component"]
        assert (component["name"], component["version"]) == ("helpdesk", label[-1])
        assert stored.model.content.digest.removeprefix("sha256:")[:12] in stored.read("card.md").decode()


def test_the_decision_names_what_it_follows_and_the_evidence_that_it_rests_on(kept):
    first, second = (read_decision(kept.find(f"helpdesk@{version}")) for version in (1, 2))
    assert first.parents == ()
    (parent,) = second.parents
    assert (parent.release, parent.manifest) == (
        "helpdesk@1",
        kept.find("helpdesk@1").model.content.digest,
    )
    stored = kept.find("helpdesk@2")
    assert set(second.evidence) == {
        *("facts.json", "evidence.json", "evaluation/dev.npz", "data/rows.npz", "smallcraft.toml")
    }
    for path, digest in second.evidence.items():
        assert stored.locations[path].file.digest == digest


def test_a_persons_reason_is_a_persons_and_without_one_a_rule_speaks(kept, tmp_path):
    assert read_decision(kept.find("helpdesk@1")).rationale.text == REASONS[0]
    assert read_decision(kept.find("helpdesk@1")).rationale.by == "person"
    other = Registry.create(tmp_path / "other")
    publish_side(other, first_side(), now=DAYS[0])
    assert read_decision(other.find("latest")).rationale.by == "rule"
    assert "code.json" not in other.find("latest").locations


def test_the_commit_stands_in_a_file_of_its_own_and_not_in_the_facts(kept, tmp_path):
    """Facts of the same build are the same wherever it was made."""
    stored = kept.find("helpdesk@1")
    assert json.loads(stored.read("code.json")) == {"commit": "c" * 40, "dirty": False}
    assert "code" not in stored.facts
    assert side_of(stored).facts["code"] == {"commit": "c" * 40, "dirty": False}
    other = Registry.create(tmp_path / "other")
    publish_side(other, first_side(), now=DAYS[0], code=CodeVersion("d" * 40, is_dirty=True))
    there = other.find("helpdesk@1")
    assert there.read("facts.json") == stored.read("facts.json")
    assert there.read("code.json") != stored.read("code.json")


def test_the_same_evidence_gives_the_same_papers_byte_for_byte(kept, tmp_path):
    again = decided_registry(tmp_path / "again")
    for label in ("helpdesk@1", "helpdesk@2"):
        here, there = kept.find(label), again.find(label)
        for path in ("decision.json", "card.md", "datasheet.md", "croissant.json", "bom.json", "code.json"):
            assert there.read(path) == here.read(path), path


def test_what_was_decided_is_computed_again_from_both_releases(kept):
    first, second = kept.find("helpdesk@1"), kept.find("helpdesk@2")
    check_stored_decision(first, parent=None)
    check_stored_decision(second, parent=first)
    with pytest.raises(SmallcraftError):
        check_stored_decision(second, parent=second)
    with pytest.raises(SmallcraftError):
        check_stored_decision(second, parent=None)


def test_a_release_that_a_gate_blocks_is_not_accepted_and_nothing_is_stored(tmp_path):
    registry = Registry.create(tmp_path / "registry")
    failed = {"gate": "floor", "outcome": "FAIL", "reason": "0.7 is below 0.8", "required": True}
    with pytest.raises(InvalidInputError, match="helpdesk@1 cannot be accepted: a gate blocks it"):
        publish_side(registry, first_side(verdicts=[failed]), now=DAYS[0])
    assert registry.releases() == ()
    assert registry.log().entries == ()


def test_a_release_without_papers_says_nothing_of_why(registry):
    assert read_decision(registry.find("latest")) is None


def test_a_parent_that_was_erased_is_followed_by_nothing(tmp_path):
    """Its evidence is gone: the next release is compared with the newest one that is there."""
    registry = decided_registry(tmp_path / "registry")
    registry.retire("helpdesk", 2, now=DAYS[1], erase=True)
    third = second_side(label="helpdesk@3", told=0.95)
    publish_side(registry, third, now=DAYS[1], because="again")
    (parent,) = read_decision(registry.find("helpdesk@3")).parents
    assert parent.release == "helpdesk@1"
