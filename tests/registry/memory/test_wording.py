from __future__ import annotations

import re

from tests.registry.memory.sides import facts_of, first_side, second_side, side

from smallcraft.registry.memory.deltas import compute_delta
from smallcraft.registry.memory.metric_changes import MetricChange
from smallcraft.registry.memory.patches import diff_values
from smallcraft.registry.memory.wording import tell_delta, tell_gist, tell_metric, tell_settings


def delta(**more):
    return compute_delta(first_side(), second_side(**more), confidence=0.95)


def test_a_difference_stands_with_interval_and_n():
    told = tell_delta(delta())[0]
    assert re.fullmatch(
        r"macro_f1 on dev: 0\.\d{3} -> 0\.\d{3}, \+0\.\d{3} \[\+0\.\d{3}, \+0\.\d{3}\] "
        r"\(n=100; paired on the dev rows both saw; paired bootstrap, 2000 draws\)",
        told,
    )


def test_the_gist_says_what_the_interval_shows():
    assert tell_gist(delta())[0].endswith("over 100 rows both saw: better")
    back = compute_delta(second_side(), first_side(), confidence=0.95)
    assert tell_gist(back)[0].endswith("over 100 rows both saw: worse")
    level = compute_delta(first_side(), first_side(label="helpdesk@2"), confidence=0.95)
    assert tell_gist(level)[0].endswith("over 200 rows both saw: no difference shown")


def test_rows_settings_size_and_tensors_are_told():
    told = "\n".join(tell_delta(delta()))
    assert "rows: 1,000 -> 1,045; 100 added, 55 removed, 7 relabelled" in told
    assert "moved from dev to train" in told
    assert "settings: quality.margin 0.01 -> 0.02" in told
    assert "size: 0.4 -> 0.5 MB, +0.1 (counted)" in told
    assert "tensors: 1 changed (heads/ngram.npz:weights), 2 as before" in told
    assert "median latency: 0.05 -> 0.05 ms (within noise: the intervals overlap)" in told


def test_a_first_release_is_one_line():
    first = compute_delta(None, first_side(), confidence=0.95)
    assert (
        tell_delta(first) == tell_gist(first) == ("the first release: there is nothing to compare it with",)
    )


def test_nothing_compared_says_why():
    bare = compute_delta(side("helpdesk@1", facts_of(), {}), second_side(), confidence=0.95)
    told = tell_delta(bare)
    assert told[0] == (
        "macro_f1 on dev: 0.900 -> 0.900; not compared: no evaluation log is kept of helpdesk@1"
    )
    assert "rows: not compared" in told
    assert "not compared: rows: helpdesk@1 keeps no list of its rows" in told


def test_equal_rows_are_told_as_equal():
    level = compute_delta(first_side(), first_side(label="helpdesk@2"), confidence=0.95)
    assert "rows: 1,000 -> 1,000; the same ones, under the same labels" in tell_delta(level)


def test_settings_that_came_went_and_changed():
    steps = diff_values({"a": {"x": 1}, "gone": 2}, {"a": {"x": 3}, "new": [4]})
    assert tell_settings(steps) == "settings: a.x 1 -> 3; gone taken out (was 2); new = [4]"
    assert tell_settings(()) == "settings: the same"


def test_labels_code_and_environment_are_told():
    task = {"classes": ["billing", "login", "returns"], "text": "message", "features": []}
    code = {"commit": "0123456789abcdef", "dirty": True}
    environment = {**facts_of()["environment"], "numpy": "2.5.0", "code": "sha256:c2"}
    told = tell_delta(delta(task=task, code=code, environment=environment))
    assert "classes: 1 new (returns), 1 gone (parcel)" in told
    assert (
        "code: commit not recorded -> 0123456789ab with changes that are in no commit; "
        "smallcraft's training code changed; numpy 2.4.6 -> 2.5.0" in told
    )


def test_a_difference_without_bounds_is_told_without_them():
    plain = MetricChange("accuracy", "cert", 0.9, 0.92, 0.02, n=50, how="told")
    assert tell_metric(plain) == "accuracy on cert: 0.900 -> 0.920, +0.020 (n=50; told)"
