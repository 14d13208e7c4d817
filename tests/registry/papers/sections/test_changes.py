from __future__ import annotations

from tests.registry.papers.samples import decision_record

from smallcraft.registry.memory.cost_changes import ChangedValue, CodeChange, CostChange
from smallcraft.registry.memory.deltas import Delta
from smallcraft.registry.memory.metric_changes import MetricChange
from smallcraft.registry.memory.patches import diff_values
from smallcraft.registry.memory.rows import RowChanges, SplitChange
from smallcraft.registry.memory.tensors import TensorChanges
from smallcraft.registry.papers.sections.changes import changes

TOLD = changes(decision_record())


def test_metrics_and_costs_are_tables_with_interval_and_how():
    assert "### Changed since the parent: quality" in TOLD
    assert (
        "| macro\\_f1 on dev | 0.9 | 0.912 | 0.012 | 0.002 to 0.022 | 600 | paired on rows both saw ticket |"
        in TOLD
    )
    assert "| size\\_mb, MB | 12 | 0.43 | -11.57 | none |  |  |" in TOLD


def test_a_difference_that_cannot_be_told_says_why():
    assert "| macro\\_f1 on cert | not measured | 0.905 | not told | none |  | another sealed set |" in TOLD


def test_everything_else_is_a_line():
    assert "- changed since the parent, project file: replace /quality/margin to 0.01" in TOLD
    assert "- changed since the parent, tensors: changed: m.npz:weights; same: 3" in TOLD
    assert (
        "- changed since the parent, rows: before: 4,000; after: 4,500; added: 500; "
        "moves: (source dev, rows 2)" in TOLD
    )
    assert "- changed since the parent, environment: numpy from 2.3 to 2.4" in TOLD


def test_what_is_unknown_or_said_already_is_no_line():
    assert not [line for line in TOLD if line.startswith(("- changed since the parent, code",))]
    assert not [line for line in TOLD if line.startswith(("- changed since the parent, after",))]


def test_long_lists_are_cut_and_the_cut_is_told():
    steps = [{"op": "add", "path": f"/{number}"} for number in range(12)]
    [line] = changes({"delta": {"config": steps, "tensors": None}})
    assert line.endswith("add /7 and 4 more")


def test_no_record_tells_nothing():
    assert changes({}) == changes({"delta": 3}) == changes({"delta": {"metrics": []}}) == []


def test_a_delta_as_the_registry_computes_it_is_told_whole():
    split = SplitChange("train", 10, 12, 3, 1, 0, 0)
    delta = Delta(
        "helpdesk@2",
        "helpdesk@3",
        metrics=(MetricChange("accuracy", "dev", 0.9, 0.92, 0.02, 0.01, 0.03, 0.95, 600, how="paired"),),
        costs=(CostChange("p95_ms", "ms", 1.0, 1.1, None, 0.9, 1.2, 1.0, 1.3, "the intervals overlap"),),
        tensors=TensorChanges(("m.npz:weights",), (), (), 3),
        rows=RowChanges(10, 12, 3, 1, 0, (split,), ()),
        config=diff_values({"margin": 0.02}, {"margin": 0.01}),
        code=CodeChange("abc", "def", False, True),
        environment=(ChangedValue("numpy", "2.3", None),),
        classes_added=("new",),
        notes=("cert is another one",),
    )
    told = "\n".join(changes({"delta": delta.as_json()}))
    for part in (
        "| accuracy on dev | 0.9 | 0.92 | 0.02 | 0.01 to 0.03 | 600 | paired |",
        "| p95\\_ms, ms | 1 | 1.1 | not told | none |  | the intervals overlap |",
        "tensors: changed: m.npz:weights; same: 3",
        "rows: before: 10; after: 12; added: 3; removed: 1; relabelled: 0",
        "project file: replace /margin from 0.02 to 0.01",
        "code: before: abc; after: def; is dirty: no; are sources equal: yes",
        "environment: numpy from 2.3 to not measured",
        "classes added: new",
        "notes: cert is another one",
    ):
        assert part in told
