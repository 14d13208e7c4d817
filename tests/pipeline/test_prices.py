"""A price stands there whole, with its day, or is refused with the remedy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import ConfigError
from smallcraft.pipeline.config import parse_config

PROJECT = '[data]\npath = "rows.csv"\ntext = "message"\nlabel = "intent"\n'
PRICES = {"id": '"ours"', "as_of": '"2026-11-01"', "per_cpu_hour": "0.045", "currency": '"EUR"'}


def project(**prices: str):
    lines = "\n".join(f"{key} = {value}" for key, value in prices.items())
    return parse_config(f"{PROJECT}[prices]\n{lines}")


@pytest.mark.parametrize("missing", PRICES)
def test_a_price_is_whole_or_refused(missing):
    with pytest.raises(ConfigError, match=rf"\[prices\] needs the key '{missing}'"):
        project(**{key: value for key, value in PRICES.items() if key != missing})


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("as_of", '"November"', "as_of must be a day such as 2026-11-01, got 'November'"),
        ("as_of", "2026", "as_of must be text in quotes, got the number 2026"),
        ("per_cpu_hour", "-0.1", "per_cpu_hour must be a number at least 0, got -0.1"),
        ("per_cpu_hour", '"0.1"', "per_cpu_hour must be a number, got the text '0.1'"),
        ("per_cpu_hour", "inf", "per_cpu_hour must be a finite number"),
        ("currency", '"euro"', "currency must be three capitals such as EUR, got the text 'euro'"),
        ("id", '""', "id must be text that is not empty"),
        ("per_gpu_hour", "2.0", "has no key 'per_gpu_hour'; it has id, as_of, per_cpu_hour, currency"),
    ],
)
def test_a_price_that_is_none_is_refused_with_the_remedy(key, value, words):
    with pytest.raises(ConfigError, match=words.replace("[", r"\[")):
        project(**{**PRICES, key: value})


@given(st.dates())
def test_a_day_reads_the_same_as_text_and_as_toml_writes_days(day):
    text = project(**{**PRICES, "as_of": f'"{day.isoformat()}"'})
    toml = project(**{**PRICES, "as_of": day.isoformat()})
    assert text.prices == toml.prices
    assert text.prices.sheet.as_of == day
