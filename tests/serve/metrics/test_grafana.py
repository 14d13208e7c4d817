import itertools
import json
import re

import pytest
from tests.conftest import require
from tests.typescript import type_errors, why_no_types

from smallcraft.serve.metrics.grafana import write_dashboard

DASHBOARD = json.loads(write_dashboard())
PANELS = DASHBOARD["panels"]


def test_the_dashboard_is_the_same_each_time():
    assert write_dashboard() == write_dashboard()


def test_it_can_be_imported_anywhere_since_it_names_no_data_source_of_its_own():
    assert DASHBOARD["id"] is None
    assert DASHBOARD["schemaVersion"] >= 39
    named = {
        part["datasource"]["uid"]
        for panel in PANELS
        if panel["type"] != "row"
        for part in [panel, *panel["targets"]]
    }
    assert named == {"${datasource}"}


def test_panels_have_numbers_of_their_own_and_do_not_overlap():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    boxes = [panel["gridPos"] for panel in PANELS]
    assert all(box["x"] + box["w"] <= 24 for box in boxes)
    for one, other in itertools.combinations(boxes, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


def test_each_query_of_a_panel_has_a_letter_of_its_own():
    for panel in PANELS:
        letters = [target["refId"] for target in panel.get("targets", [])]
        assert len(set(letters)) == len(letters)


def test_evidence_is_on_a_logarithmic_axis_with_the_line_that_decides():
    (panel,) = (panel for panel in PANELS if panel["title"] == "Evidence against the new release")
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["custom"]["scaleDistribution"] == {"type": "log", "log": 10}
    # An axis that begins at 0 has no logarithm.
    assert "min" not in defaults
    (override,) = panel["fieldConfig"]["overrides"]
    assert override["matcher"] == {"id": "byRegexp", "options": "/roll_back|hold/"}


def test_every_variable_used_is_declared():
    declared = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert declared == {"datasource", "model", "release", "rollout"}


# Grafana's enumerations are written as their values in JSON.
CHECKED = """
import type {{ Dashboard }} from "./node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen";
type Written<T> = T extends (infer U)[]
  ? Written<U>[]
  : T extends object
    ? {{ [K in keyof T]: Written<T[K]> }}
    : T extends string ? `${{T}}` : T extends number ? number : T;
export const dashboard: Written<Dashboard> = {dashboard};
"""


@pytest.mark.slow
def test_it_fits_the_types_that_grafana_publishes(tmp_path):
    require(why_no_types("@grafana/schema"))
    assert type_errors(CHECKED.format(dashboard=write_dashboard()), tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ('"graphTooltip": 1', '"graphTooltipp": 1'),
        ('"schemaVersion": 39', '"schemaVersion": "39"'),
        ('"mode": "palette-classic"', '"mode": "rainbow"'),
    ],
)
def test_the_types_refuse_what_is_none(written, wrong, tmp_path):
    require(why_no_types("@grafana/schema"))
    changed = re.sub(re.escape(written), wrong, write_dashboard(), count=1)
    assert "error TS" in type_errors(CHECKED.format(dashboard=changed), tmp_path)
