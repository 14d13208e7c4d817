from __future__ import annotations

import pytest

from smallcraft.errors import ConfigError
from smallcraft.pipeline.card_section import CardSection
from smallcraft.pipeline.config import parse_config
from smallcraft.registry.papers.person import KEYS

DATA = 'data = {path = "a.csv", text = "m", label = "l"}\n'


def test_the_settings_are_what_the_papers_ask_for_no_more_and_no_fewer():
    assert set(CardSection.model_fields) == set(KEYS)


def test_nothing_is_said_unless_a_person_says_it():
    assert parse_config(DATA).card.model_dump(exclude_none=True) == {}
    said = parse_config(f'{DATA}[card]\nowner = "the routing team"\n').card
    assert said.model_dump(exclude_none=True) == {"owner": "the routing team"}


def test_a_word_that_no_paper_asks_for_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="intended_use"):
        parse_config(f'{DATA}[card]\nintended_uses = "routing"\n')


def test_an_answer_is_text():
    with pytest.raises(ConfigError, match="consent"):
        parse_config(f"{DATA}[card]\nconsent = true\n")
