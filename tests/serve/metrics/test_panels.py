import re

import pytest

from smallcraft.serve.metrics.families import FAMILIES
from smallcraft.serve.metrics.panels import ANSWER_PANELS, MACHINE_PANELS, ROLLOUT_PANELS, TRAFFIC_PANELS

PANELS = (*ROLLOUT_PANELS, *TRAFFIC_PANELS, *ANSWER_PANELS, *MACHINE_PANELS)
EXPRESSIONS = [query.expression for panel in PANELS for query in panel.queries]
VARIABLES = {"$__rate_interval": "1m", "$model": ".*", "$release": ".*", "$rollout": ".*"}
_METRIC = re.compile(r"\b(smallcraft_\w+?)(_bucket|_sum|_count)?(?:\{([^}]*)\}|(?![\w{]))")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_asked_for_is_served_with_the_labels_asked_for(expression):
    asked = _METRIC.findall(expression)
    assert asked
    for name, part, matchers in asked:
        family = FAMILIES[name]
        assert bool(part) is (family.kind == "histogram")
        assert set(re.findall(r"(\w+)=", matchers)) <= set(family.labels)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_is_promql(expression):
    parser = pytest.importorskip("promql_parser")
    for name, text in VARIABLES.items():
        expression = expression.replace(name, text)
    assert "$" not in expression
    parser.parse(expression)


def test_lines_that_are_grouped_keep_the_labels_of_their_legend():
    for panel in PANELS:
        for query in panel.queries:
            shown = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
            grouped = re.findall(r"\bby \(([^)]*)\)", query.expression)
            kept = [set(re.split(r",\s*", labels)) for labels in grouped]
            if kept:
                assert shown <= kept[0], query.expression
            elif shown:
                (family,) = {name for name, _, _ in _METRIC.findall(query.expression)}
                assert shown <= set(FAMILIES[family].labels)


def test_each_panel_says_what_to_make_of_it():
    assert len({panel.title for panel in PANELS}) == len(PANELS)
    assert all(panel.about.endswith(".") for panel in PANELS)
