import json

import pytest

from smallcraft.registry.indexing import (
    derive,
    encode_own_policy,
    live_puts,
    named_of,
    names_in,
    refresh_search,
)
from smallcraft.registry.verify.registry import verify_registry


def labels(registry, words):
    return [found.label for found in refresh_search(registry.layout, registry.log()).find(words)]


def test_the_search_finds_what_a_release_says(registry, now):
    registry.publish("other", {"x.json": b"1"}, {"chosen": "fast", "sentence": "Cheapest within 1%"}, now=now)
    assert labels(registry, "ngram") == ["helpdesk@1", "helpdesk@2", "helpdesk@3"]
    assert labels(registry, "FAST within") == ["other@1"]
    assert labels(registry, "nothing of the kind") == []


def test_an_erased_release_is_found_by_its_name_only(registry, now):
    registry.retire("helpdesk", 2, now=now, erase=True)
    registry.layout.database.unlink()
    assert labels(registry, "ngram") == ["helpdesk@1", "helpdesk@3"]
    assert labels(registry, "helpdesk@2") == ["helpdesk@2"]


def test_a_release_that_cannot_be_read_is_left_out_of_the_search(registry):
    file = next(file for file in registry.read("2").files if file.path == "facts.json")
    registry.layout.blob(file.digest).unlink()
    registry.layout.database.unlink()
    assert labels(registry, "ngram") == ["helpdesk@1", "helpdesk@3"]


@pytest.mark.parametrize("data", [None, b"", b'{"manifests":[]}'])
def test_a_lost_or_edited_index_is_made_again(registry, data):
    index = registry.layout.index
    sound = index.read_bytes()
    index.unlink()
    if data is not None:
        index.write_bytes(data)
    derive(registry.layout, registry.log())
    assert index.read_bytes() == sound
    verify_registry(registry.root)


def test_an_index_that_is_right_is_left_as_it_is(registry):
    before = registry.layout.index.stat().st_ino
    derive(registry.layout, registry.log())
    assert registry.layout.index.stat().st_ino == before


def test_retired_releases_are_in_no_index(registry, now):
    registry.retire("helpdesk", 2, now=now)
    assert [entry.version for entry in live_puts(registry.log())] == [1, 3]
    names = [
        each["annotations"]["org.opencontainers.image.ref.name"]
        for each in json.loads(registry.layout.index.read_bytes())["manifests"]
    ]
    assert not [name for name in names if name.startswith("helpdesk@2")]


def test_a_release_is_named_alike_read_or_not(registry):
    for stored in registry.stored():
        assert named_of(registry.layout, stored.entry) == names_in(stored)


def test_a_release_whose_attachments_are_broken_stands_in_the_index_by_its_model(registry):
    stored = registry.find("2")
    registry.layout.blob(stored.attached[-1].content.digest).unlink()
    assert [named.name for named in named_of(registry.layout, stored.entry)] == ["helpdesk@2"]


def test_the_policy_lists_the_logs_keys_and_keeps_the_rest(registry):
    keys = registry.log().keys
    sound = registry.layout.policy.read_bytes()
    assert encode_own_policy(registry.layout, keys) == sound
    registry.layout.policy.unlink()
    derive(registry.layout, registry.log())
    assert registry.layout.policy.read_bytes() == sound
