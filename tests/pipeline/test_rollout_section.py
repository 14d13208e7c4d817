"""`[rollout]`: what it says becomes the plan; nonsense is refused where it is written, with the remedy."""

from __future__ import annotations

import itertools
import re
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smallcraft.errors import ConfigError
from smallcraft.pipeline.config import config_schema, parse_config
from smallcraft.pipeline.rollout_section import RolloutSection
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.starting import check_plan

DATA = 'data = {path = "a.csv", text = "m", label = "l"}\n'
# Settings of a plan that follow from others, or are not for a project to change.
NOT_SAID = {"mature_requests", "mismatch", "advance_below", "shown", "weights"}


def section(text):
    return parse_config(f"{DATA}[rollout]\n{text}").rollout


def test_nothing_said_is_the_shipped_plan():
    assert parse_config(DATA).rollout.plan() == RolloutPlan()


def test_every_other_setting_of_a_plan_can_be_said_and_arrives_there():
    said = {
        "wrong_rollback": 0.01,
        "dwell_s": 7.5,
        "hold_back": 0.1,
        "watch_requests": 11,
        "shadow_requests": 12,
        "baseline_requests": 13,
        "error_margin": 1.5,
        "latency_margin": 0.25,
        "latency_floor_s": 0.25,
        "non_inferior_errors": 3.5,
        "non_inferior_latency": 0.75,
        "tolerated_errors": 0.005,
        "drift_margin": 1.75,
        "confidence_margin": 0.2,
        "non_inferior_drift": 4.5,
        "disagreement": 0.15,
        "escalation": 0.35,
    }
    assert set(said) == {field.name for field in fields(RolloutPlan)} - NOT_SAID - {"stages"}
    assert set(RolloutSection.model_fields) == {*said, "start", "stages"}
    assert all(getattr(RolloutPlan(), name) != value for name, value in said.items())
    found = section("\n".join(f"{name} = {value}" for name, value in said.items())).plan()
    assert found == replace(RolloutPlan(), **said)


def test_a_start_is_a_stage_of_its_own_and_left_out_it_is_the_first():
    assert section("start = 0.01\nstages = [0.1, 0.5]").plan().stages == (0.01, 0.1, 0.5)
    assert section("start = 0.1\nstages = [0.1, 0.5]").plan().stages == (0.1, 0.5)
    assert section("stages = [0.01, 0.5]").plan().stages == (0.01, 0.5)


def test_a_larger_share_asks_for_more_requests_and_none_for_too_few():
    plan = section("stages = [0.01, 0.05, 0.2, 0.8]").plan()
    assert plan.mature_requests == (300, 300, 1200, 4800)


@given(
    st.lists(st.integers(1, 89), min_size=1, max_size=6, unique=True),
    st.floats(0.001, 0.999),
    st.floats(0.01, 0.1),
)
def test_what_the_section_takes_can_be_carried_out(percents, wrong_rollback, hold_back):
    stages = tuple(percent / 100 for percent in sorted(percents))
    check_plan(RolloutSection(stages=stages, wrong_rollback=wrong_rollback, hold_back=hold_back).plan())


@given(st.lists(st.integers(1, 94), min_size=1, max_size=6))
def test_stages_are_accepted_exactly_when_they_rise(percents):
    stages = tuple(percent / 100 for percent in percents)
    rises = all(early < late for early, late in itertools.pairwise(percents))
    if rises:
        assert RolloutSection(start=0.01, stages=stages).stages == stages
    else:
        with pytest.raises(ValidationError, match="must rise"):
            RolloutSection(start=0.01, stages=stages)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("latency_floor_s = 5", "latency_floor_s must be from 0 to 1, got 5; it is in seconds, write 0.005"),
        ("latency_floor_s = -0.1", "latency_floor_s must be from 0 to 1, got -0.1"),
        ("confidence_margin = 0", "confidence_margin must be from 0.05 to 0.5, got 0; 0.1 lets a mean"),
        ("confidence_margin = 10", "confidence_margin must be from 0.05 to 0.5, got 10"),
        ("non_inferior_errors = 0.5", "non_inferior_errors must be a number at least 1, got 0.5"),
        ("non_inferior_errors = 1", "must be above error_margin = 1, got 1; it is a multiple"),
        ("error_margin = 2.5", "non_inferior_errors must be above error_margin = 2.5, got 2"),
        ("non_inferior_latency = 0.05", "must be above latency_margin = 0.05, got 0.05; it is a share"),
        ("non_inferior_latency = -1", "non_inferior_latency must be a number at least 0, got -1"),
        ("non_inferior_drift = 1.2", "must be above drift_margin = 1.25, got 1.2; it is a multiple"),
        ("tolerated_errors = 0", "tolerated_errors must be a fraction in (0, 1), got 0"),
        ("tolerated_errors = 2", "tolerated_errors must be a fraction in (0, 1), got 2; write 0.02 for 2%"),
        ("disagreement = 5", "disagreement must be from 0 to 1, got 5; write 0.05 for 5%"),
        ("wrong_rollback = 5", "wrong_rollback must be a fraction in (0, 1), got 5; write 0.05 for 5%"),
        ("dwell_s = -1", "dwell_s must be a number at least 0, got -1"),
        ("shadow_requests = 0", "shadow_requests must be a number at least 1, got 0"),
        ("stages = []", "stages is empty; list at least one"),
        ("stages = [0.5, 0.1]", "start and stages must rise, got 0.5, 0.1; write stages such as"),
        ("start = 0.2", "start and stages must rise, got 0.2, 0.05, 0.1, 0.25, 0.5"),
        ("stages = [0.5, 0.95]", "below 1 - hold_back = 0.95, got 0.95"),
        ("latency_floor = 0.1", "did you mean 'latency_floor_s'?"),
    ],
)
def test_nonsense_is_one_line_with_what_was_wanted_what_came_and_what_to_write(line, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        section(line)
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).startswith("smallcraft.toml: [rollout] ")


@pytest.mark.parametrize("line", ["latency_floor_s = 5", "confidence_margin = 0.0", "tolerated_errors = 0"])
def test_an_editor_that_reads_the_schema_refuses_the_same(line):
    name, _, value = line.partition(" = ")
    data = {"path": "a.csv", "text": "m", "label": "l"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"data": data, "rollout": {name: float(value)}}, config_schema())
    jsonschema.validate({"data": data, "rollout": {name: 0.1}}, config_schema())


PAGE = (Path(__file__).parents[2] / "docs" / "project-file.md").read_text(encoding="utf-8")


def test_the_rollout_of_the_page_is_understood():
    (written,) = re.findall(r"^\[rollout\][^\n]*\n(.*?)^\[", PAGE, re.MULTILINE | re.DOTALL)
    assert section(written).plan() == RolloutPlan()


def test_the_page_tells_the_defaults_that_there_are():
    plan = RolloutPlan()
    rows = re.findall(r"^\| `(\w+)` \| ([\d., ]+) \|", PAGE, re.MULTILINE)
    told = {name: tuple(map(float, shown.split(", "))) for name, shown in rows}
    told |= {name: (float(shown),) for name, shown in re.findall(r"`(\w+)`, [^|`]*?(\d\.\d+)", PAGE)}
    for name in set(RolloutSection.model_fields) - {"start", "disagreement", "escalation"}:
        wanted = getattr(plan, name)
        assert told[name] == (wanted if isinstance(wanted, tuple) else (wanted,)), name
