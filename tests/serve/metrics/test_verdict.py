import json
from pathlib import Path

import jsonschema
import pytest
from tests.serve.metrics.rollouts import evidence, status_of

from smallcraft.serve.metrics.verdict import RolloutVerdict, verdict_of, write_verdict

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "schemas" / "rollout_verdict.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    ("phase", "e_value", "outcome"),
    [
        ("loading", None, "UNDECIDED"),
        ("canary", 1.5, "UNDECIDED"),
        ("canary", 21.0, "FAIL"),
        ("frozen", 1.0, "UNDECIDED"),
        ("rolled_back", 30.0, "FAIL"),
        ("done", 0.01, "PASS"),
    ],
)
def test_a_verdict_has_three_outcomes_and_the_form_of_its_schema(phase, e_value, outcome):
    told = verdict_of(status_of(phase, None if e_value is None else evidence(e_value)))
    body = json.loads(write_verdict(told))
    jsonschema.validate(body, SCHEMA)
    assert (body["outcome"], body["phase"], body["release"]) == (outcome, phase, "helpdesk@4")
    assert (body["needs"] is not None) is (outcome == "UNDECIDED")
    assert body["threshold"] == pytest.approx(20)
    assert body["e_value"] == (None if e_value is None else pytest.approx(e_value))


def test_the_schema_names_every_field():
    assert set(SCHEMA["properties"]) == set(SCHEMA["required"]) == set(RolloutVerdict.__slots__)
