"""What `[label]` may say, and what it means."""

from __future__ import annotations

import pytest

from smallcraft.errors import ConfigError
from smallcraft.label.batch import Budget, Shares
from smallcraft.label.proposing import DEFAULT_STRATEGY
from smallcraft.label.value import Costs
from smallcraft.pipeline.config import parse_config
from smallcraft.pipeline.label_section import LabelSection

DATA = '[data]\npath = "rows.csv"\ntext = "message"\nlabel = "intent"\n'


def section(text: str = "") -> LabelSection:
    return parse_config(f"{DATA}[label]\n{text}\n").label


def test_what_is_not_said_has_the_usual_value():
    assert section() == parse_config(DATA).label
    assert section().strategy == DEFAULT_STRATEGY
    assert section().shares == Shares()
    assert section().planned(None) == Budget(200.0, "votes", Costs())


def test_prices_and_amount_make_the_budget_and_the_command_line_has_the_last_word():
    text = 'budget = 50\nunit = "money"\ncost_label = 0.1\ncost_relabel = 0.2\ncost_adjudicate = 1.5'
    assert section(text).planned(None) == Budget(50.0, "money", Costs(0.1, 0.2, 1.5))
    assert section(text).planned(7.0).amount == 7.0


def test_a_format_is_known_by_either_spelling():
    assert section('format = "label-studio"').format == section('format = "label_studio"').format


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('strategy = "margn"', "did you mean 'margin'"),
        ('format = "prodigy"', "'prodigy' is not one of the formats"),
        ("random = 0.05", "random"),
        ("random = 0.2", "random"),
        ("budget = 0", "budget"),
        ('unit = "days"', "unit"),
        ("skill = 1.5", "skill"),
        ("bugdet = 10", "bugdet"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(text, message):
    with pytest.raises(ConfigError, match=message):
        section(text)
