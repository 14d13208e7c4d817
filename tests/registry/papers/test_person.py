from __future__ import annotations

import re

from smallcraft.pipeline.card_section import CardSection
from smallcraft.registry.papers.datasheet import render_datasheet
from smallcraft.registry.papers.model_card import list_unsaid, render_model_card
from smallcraft.registry.papers.person import DATA_KEYS, KEYS, MODEL_KEYS

ASKED = re.compile(r"\(say it in smallcraft\.toml under \[card\] (\w+)\)")


def test_papers_ask_under_card_for_exactly_the_keys_of_the_table():
    asked = {*ASKED.findall(render_model_card({})), *ASKED.findall(render_datasheet({}))}
    assert asked == {*KEYS}


def test_the_model_card_asks_for_no_key_of_the_data_alone():
    assert {*ASKED.findall(render_model_card({}))} == {*MODEL_KEYS}
    assert not {*MODEL_KEYS} & {*DATA_KEYS}
    assert {*MODEL_KEYS.values()} <= {*list_unsaid({})}


def test_every_key_that_a_project_file_takes_stands_on_a_paper():
    assert {*CardSection.model_fields} <= {*KEYS}
