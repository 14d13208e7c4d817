"""A proof is told only where it holds: place under the signed root, author's signature, the entry itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.dashboard.projects import release_bare
from tests.registry.decided import DAYS

from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views.release_proof import number_of_entry, prove, tell_events
from smallcraft.errors import IntegrityError


def test_a_proof_names_entry_root_signer_and_author(tmp_path):
    registry = release_bare(tmp_path, 3)
    proof = prove(Sources(tmp_path), registry.find("rows@2"))
    log = registry.log()
    assert log.entries[proof.number - 1].label == "rows@2"
    assert (proof.size, proof.root) == (len(log.entries), log.checkpoint.root_digest)
    assert proof.signer == log.signer
    assert proof.author == log.entries[proof.number - 1].by


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_release_of_a_log_has_a_proof(tmp_path, count):
    registry = release_bare(tmp_path, count)
    sources = Sources(tmp_path)
    numbers = [prove(sources, registry.find(f"rows@{version}")).number for version in range(1, count + 1)]
    assert numbers == sorted(set(numbers))


def test_a_release_that_its_author_did_not_sign_has_no_proof(tmp_path):
    registry = release_bare(tmp_path, 2)
    stored = registry.find("rows@2")
    swapped = replace(
        stored, locations={**stored.locations, "card.md": registry.find("rows@1").locations["card.md"]}
    )
    with pytest.raises(IntegrityError):
        prove(Sources(tmp_path), swapped)


def test_an_entry_that_is_not_the_logs_own_has_no_place_in_it(tmp_path):
    registry = release_bare(tmp_path, 1)
    stored = registry.find("rows@1")
    other = replace(stored, entry=replace(stored.entry, time="2026-10-02T12:00:00Z"))
    with pytest.raises(IntegrityError, match="load the page again"):
        number_of_entry(registry.log(), other)


def test_what_the_log_says_since_is_told_in_its_order(tmp_path):
    registry = release_bare(tmp_path, 2)
    registry.set_alias("rows", "stable", 1, now=DAYS[0], reason="the first")
    registry.set_alias("rows", "stable", 2, now=DAYS[1], reason="better")
    registry.set_alias("rows", "stable", 1, now=DAYS[1], reason="it was not")
    registry.set_alias("rows", "stable", None, now=DAYS[1])
    registry.retire("rows", 1, now=DAYS[1], reason="old")
    first = [(event.text, event.why) for event in tell_events(registry.log(), registry.find("rows@1"))]
    assert first == [
        ("stable means it", "the first"),
        ("stable moved on to rows@2", "better"),
        ("stable moved here from rows@2", "it was not"),
        ("stable was taken away", ""),
        ("it was retired", "old"),
    ]
    second = [event.text for event in tell_events(registry.log(), registry.find("rows@2"))]
    assert second == ["stable moved here from rows@1", "stable moved on to rows@1"]
