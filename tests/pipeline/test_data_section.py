"""The data section: what a task understands, and what it does not."""

from __future__ import annotations

import pytest

from smallcraft.errors import ConfigError
from smallcraft.pipeline.config import parse_config

BASE = 'path = "rows.csv"\nlabel = "y"\ntext = "t"\n'


def parse(data: str, more: str = ""):
    return parse_config(f"[data]\n{BASE}{data}\n{more}")


def test_the_task_decides_the_metric_that_is_declared_by_default():
    assert parse("").quality.metric == "macro_f1"
    assert parse('task = "multilabel"').quality.metric == "macro_f1"
    assert parse('task = "regression"').quality.metric == "rmse"
    assert parse('task = "regression"', "[quality]\nmargin = 0.05").quality.metric == "rmse"
    roles = parse('task = "multilabel"\nlabel_separator = ";"').roles()
    assert (roles.task, roles.separator) == ("multilabel", ";")


@pytest.mark.parametrize(
    ("data", "more", "message"),
    [
        ('task = "tags"', "", "task"),
        ('label_separator = ";"', "", "label_separator parts several labels of a row"),
        ('task = "multilabel"\nvotes = ["a", "b"]', "", "votes is understood for one class a row"),
        ('task = "regression"\npositive = "yes"', "", "positive is understood for one class a row"),
        ('task = "regression"', '[quality]\nmetric = "accuracy"', "write one of mae, rmse, r2"),
        ('task = "multilabel"', '[quality]\nmetric = "accuracy"', "write one of micro_f1, macro_f1"),
        ("", '[quality]\nmetric = "mae"', "does not measure the task"),
        ('task = "multilabel"', '[ladder]\nteacher = "llm"', "teacher is understood for one class a row"),
        (
            'task = "multilabel"',
            '[decision]\nkind = "abstain"\nerrors_at_most = 0.1',
            "write one of thresholds",
        ),
        ("", '[quality]\nmetric = "maee"', "is not one of the scores"),
        ('task = "multilabel"', "[quality]\nfloor = 2.0", "must be a fraction"),
    ],
)
def test_what_a_task_does_not_understand_is_refused(data, more, message):
    with pytest.raises(ConfigError, match=message):
        parse(data, more)


def test_a_floor_of_an_error_is_in_the_unit_of_the_target():
    assert parse('task = "regression"', '[quality]\nmetric = "rmse"\nfloor = 12.5').quality.floor == 12.5
    with pytest.raises(ConfigError, match="must be a fraction"):
        parse('task = "regression"', '[quality]\nmetric = "r2"\nfloor = 12.5')
