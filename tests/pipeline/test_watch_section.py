"""`[watch]`: what it says becomes the guardrail's settings; nonsense is refused where it is written."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from smallcraft.errors import ConfigError
from smallcraft.observe.settings import WatchSettings
from smallcraft.pipeline.config import config_schema, parse_config
from smallcraft.pipeline.watch_section import WatchSection
from smallcraft.serve.windows.settings import check_windows

DATA = 'data = {path = "a.csv", text = "m", label = "l"}\n'
PAGE = (Path(__file__).parents[2] / "docs" / "project-file.md").read_text(encoding="utf-8")
# Of a setting of the guardrail, what it is called here.
NAMES = {"window_s": "window", "has_segments": "segment", "seed": None}


def section(text: str = "") -> WatchSection:
    return parse_config(f"{DATA}[watch]\n{text}").watch


def test_nothing_said_is_the_guardrails_own_default():
    assert section().settings(seed=0) == WatchSettings()


def test_every_setting_of_a_guardrail_can_be_said_and_arrives_there():
    text = """
    window = "30m"
    season = "hour_of_day"
    false_alarms_per_month = 2.5
    tolerance_sd = 0.2
    columns = {age = 3.0, job = 0.0}
    detector = "threshold"
    triggers = ["review", "freeze"]
    rows_for_review = 7
    segment = "region"
    """
    expected = WatchSettings(
        window_s=1800,
        season="hour_of_day",
        false_alarms_per_month=2.5,
        tolerance_sd=0.2,
        columns={"age": 3.0, "job": 0.0},
        detector="threshold",
        triggers=("review", "freeze"),
        rows_for_review=7,
        has_segments=True,
        seed=5,
    )
    assert section(text).settings(seed=5) == expected
    default = WatchSettings()
    said = {NAMES.get(field.name, field.name) for field in fields(WatchSettings)} - {None}
    assert said <= set(WatchSection.model_fields)
    assert all(getattr(expected, field.name) != getattr(default, field.name) for field in fields(default))


@pytest.mark.parametrize(
    ("window", "seconds"), [("1s", 1), ("2s", 2), ("90s", 90), ("30m", 1800), ("1h", 3600), ("7d", 604_800)]
)
def test_a_server_can_feed_windows_of_any_length_that_is_taken(window, seconds, tmp_path):
    if 86_400 % seconds and seconds % 86_400:
        with pytest.raises(ConfigError, match="must divide a day"):
            section(f'window = "{window}"')
        return
    told = section(f'window = "{window}"\nsegment = "x"\nkeep_examples = false').windows(
        tmp_path, references=tmp_path / "references", seed=3
    )
    check_windows(told)
    assert (told.seconds, told.segment, told.keep_examples, told.seed) == (seconds, "x", False, 3)
    assert told.references == tmp_path / "references"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('window = "1 hour"', "window must be a length of time such as 30m or 1h"),
        ('window = "0h"', "window must be a length of time such as 30m or 1h"),
        ('window = "7h"', "a window must divide a day"),
        ('season = "hour"', "must be 'none', 'hour_of_day', 'day_of_week' or 'hour_of_week', got"),
        ('season = "hour_of_day"\nwindow = "1d"', "wants windows of an hour or less"),
        ("false_alarms_per_month = 0", "false_alarms_per_month"),
        ("false_alarms_per_month = 1000", "must lie between 0 and the 730 windows of a month"),
        ("tolerance_sd = -1", "tolerance_sd must be a number at least 0"),
        ("columns = {age = -1}", "age must be a number at least 0"),
        ('detector = "conformable"', "did you mean 'conformal'"),
        ('triggers = ["phone"]', "triggers[1] must be 'review', 'page' or 'freeze', got the text 'phone'"),
        ('triggers = ["page"]', 'trigger "page" wants an address to post to; add webhook'),
        ('webhook = "ftp://x"', "a webhook is an http:// or https:// address, got 'ftp://x'"),
        ("rows_for_review = 0", "rows_for_review"),
        ("harm_tolerance = 5", "harm_tolerance must be a fraction in (0, 1), got 5; write 0.05 for 5%"),
        (
            'time = "at"',
            'time is about the files that are watched, and there are none; add files = "in/*.csv"',
        ),
        ('prediction = "said"', "prediction is about the files"),
        ('files = "a.csv"\nconfidence = "sure"', "add prediction = the column that has them"),
        ('files = "a.csv"\nprediction = "said"', 'add reference = "before.csv"'),
        ('windows = "1h"', "did you mean 'window'"),
    ],
)
def test_nonsense_is_one_line_with_what_was_wanted_what_came_and_what_to_write(text, said):
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        section(text)
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).startswith("smallcraft.toml: [watch] ")


@pytest.mark.parametrize("line", ["window = 1", 'season = "x"', "tolerance_sd = -1", 'triggers = ["phone"]'])
def test_an_editor_that_reads_the_schema_refuses_the_same(line):
    told = tomllib.loads(line)
    data = {"path": "a.csv", "text": "m", "label": "l"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"data": data, "watch": told}, config_schema())
    jsonschema.validate({"data": data, "watch": {"window": "1h"}}, config_schema())


def test_the_watch_of_the_page_is_understood_and_its_table_tells_the_defaults():
    (written,) = re.findall(r"^\[watch\][^\n]*\n(.*?)^\[", PAGE, re.MULTILINE | re.DOTALL)
    assert section(written).window_s == 3600
    page = PAGE.partition("\n## Watching\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|([^|]*)\|", page, re.MULTILINE))
    assert set(rows) == set(WatchSection.model_fields)
    for name, told in rows.items():
        assert told.strip() == shown(WatchSection.model_fields[name].get_default(call_default_factory=True))


def shown(default: object) -> str:
    """As the page writes a default; nothing for none."""
    if isinstance(default, bool):
        return str(default).lower()
    return ", ".join(default) if isinstance(default, tuple) else str(default or "")
