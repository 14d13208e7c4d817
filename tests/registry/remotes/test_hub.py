"""What holds for the Hugging Face Hub alone; the laws of every remote are in `test_remotes`."""

from __future__ import annotations

import pytest
from tests.registry.memory.sides import facts_of
from tests.registry.remotes.conftest import release_files

from smallcraft.errors import RemoteError
from smallcraft.registry.papers.checking import compare_published
from smallcraft.registry.papers.model_card import render_model_card
from smallcraft.registry.sharing.sending import CARD, push_to


def card_of(owner, release):
    return owner.registry.find(release).read(CARD).decode()


def publish(owner, now, *, sentence):
    """A release with the card that a build writes."""
    card = render_model_card(facts_of(sentence=sentence)).encode()
    owner.registry.publish("helpdesk", {**release_files(3), CARD: card}, {"why": sentence}, now=now)
    owner.registry.log()


@pytest.fixture
def pushed(hub, owner, now):
    publish(owner, now, sentence="ngram: the cheapest that is good enough")
    push_to(hub.open(), owner.root)
    return hub


def test_the_page_of_the_repository_is_the_card_of_the_newest_release_and_a_pin(pushed, owner):
    shown = pushed.read("README.md").decode()
    compared = compare_published(shown, card_of(owner, "latest"), label="helpdesk@3")
    assert compared.difference is None
    assert compared.checkpoint is not None
    assert compared.checkpoint.encode() == owner.registry.log().note


def test_the_next_release_takes_its_place_on_the_page(pushed, owner, now):
    publish(owner, now, sentence="fast: better by far")
    push_to(pushed.open(), owner.root)
    assert "fast: better by far" in pushed.read("README.md").decode()


def test_the_hubs_own_reader_takes_its_front_matter(pushed):
    from huggingface_hub import ModelCard

    card = ModelCard(pushed.read("README.md").decode())
    assert card.data.library_name == "smallcraft"
    assert "smallcraft" in card.data.tags
    assert card.data.license


def test_a_readme_that_somebody_wrote_stays_theirs(hub, owner):
    hub.hub.add(hub.repository, {"README.md": b"# Ours\n"})
    push_to(hub.open(), owner.root)
    assert hub.read("README.md") == b"# Ours\n"
    assert "log/checkpoint" in hub.state()


def test_a_hub_that_cannot_be_reached_is_told_with_the_next_step(hub, owner, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RemoteError, match=r"did not do what was asked .* then run the same command again"):
        push_to(hub.open(), owner.root)


def test_a_retired_release_is_not_shown_any_more(pushed, owner, now):
    publish(owner, now, sentence="fast: better by far")
    push_to(pushed.open(), owner.root)
    owner.registry.retire("helpdesk", 4, now=now, reason="it was wrong")
    push_to(pushed.open(), owner.root)
    shown = pushed.read("README.md").decode()
    assert "fast: better by far" not in shown
    assert "the cheapest that is good enough" in shown
