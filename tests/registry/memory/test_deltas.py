from __future__ import annotations

import json

import pytest
from tests.registry.memory.sides import arrays_file, facts_of, first_side, second_side, side

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.memory.deltas import compute_delta, parse_delta
from smallcraft.registry.memory.patches import Step
from smallcraft.registry.memory.rows import ROWS_FILE


def delta_of(before, after):
    return compute_delta(before, after, confidence=0.95)


def test_every_part_is_compared():
    found = delta_of(first_side(), second_side())
    assert (found.before, found.after) == ("helpdesk@1", "helpdesk@2")
    assert found.tensors.changed == ("heads/ngram.npz:weights",)
    assert (found.tensors.added, found.tensors.removed, found.tensors.same) == ((), (), 2)
    assert (found.rows.added, found.rows.removed, found.rows.relabelled) == (100, 55, 7)
    assert found.config == (Step("test", "/quality/margin", 0.01), Step("replace", "/quality/margin", 0.02))
    assert {cost.name: cost.difference for cost in found.costs} == {
        "size_mb": 0.1,
        "p50_ms": None,
        "p95_ms": 0.1,
        "peak_rss_mb": None,
    }
    assert found.notes == ()


def test_a_first_release_has_nothing_to_be_compared_with():
    found = delta_of(None, first_side())
    assert (found.before, found.metrics, found.rows, found.config) == (None, (), None, None)
    assert found.notes == ("the first release: there is nothing to compare it with",)


def test_a_release_does_not_differ_from_itself():
    found = delta_of(first_side(), first_side())
    assert {change.difference for change in found.metrics} == {0.0}
    assert (found.tensors.changed, found.config, found.environment) == ((), (), ())
    assert (found.rows.added, found.rows.removed, found.rows.relabelled) == (0, 0, 0)


def test_equal_evidence_gives_equal_bytes():
    first, again = (canonical_json(delta_of(first_side(), second_side()).as_json()) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("before", [None, first_side()])
def test_a_delta_is_read_back_as_it_was(before):
    found = delta_of(before, second_side())
    assert parse_delta(json.loads(canonical_json(found.as_json()))) == found


def test_what_is_missing_is_noted_and_not_guessed():
    bare = side("helpdesk@1", facts_of(), {})
    found = delta_of(bare, second_side())
    assert (found.tensors, found.rows, found.config) == (None, None, None)
    assert found.notes == (
        "tensors: helpdesk@1 lists no files of its bundle",
        "rows: helpdesk@1 keeps no list of its rows",
        "config: helpdesk@1 keeps no smallcraft.toml",
    )


def test_labels_that_came_and_went_are_named():
    task = {"classes": ["billing", "login", "returns"], "text": "message", "features": []}
    found = delta_of(first_side(), second_side(task=task))
    assert (found.classes_added, found.classes_removed) == (("returns",), ("parcel",))


def test_other_columns_leave_the_rows_uncompared_with_the_reason():
    from smallcraft.registry.memory.rows import RowIds, decode_rows, encode_rows

    rows = decode_rows(second_side().read(ROWS_FILE))
    other = encode_rows(RowIds(("message", "region"), "intent", rows.splits))
    found = delta_of(first_side(), second_side(files={ROWS_FILE: other}))
    assert found.rows is None
    assert found.notes[0].startswith("rows: rows are compared over the same columns")


def test_dates_and_broken_settings_do_not_stop_a_delta():
    dated = second_side(files={"smallcraft.toml": b"[quality]\nmargin = 0.01\nday = 2026-10-01\nbig = nan\n"})
    steps = {step.path: step.value for step in delta_of(first_side(), dated).config if step.op == "add"}
    assert steps == {"/quality/day": "2026-10-01", "/quality/big": "nan"}
    broken = second_side(files={"smallcraft.toml": b"= ="})
    assert delta_of(first_side(), broken).notes == ("config: smallcraft.toml of helpdesk@2 cannot be read",)


def test_a_bundle_that_holds_a_pickle_is_refused():
    evil = second_side(files={"bundle/heads/ngram.npz": b"\x80\x04."})
    with pytest.raises(IntegrityError, match=r"heads/ngram\.npz is no zip"):
        delta_of(first_side(), evil)


def test_a_new_file_and_one_that_went_are_tensors_too():
    more = second_side(files={"bundle/model.onnx": b"graph", "bundle/fast.npz": arrays_file(keys=[1])})
    found = delta_of(first_side(), more).tensors
    assert found.added == ("fast.npz:keys", "model.onnx")
    assert delta_of(more, first_side()).tensors.removed == found.added


@pytest.mark.parametrize("change", [{"metrics": 5}, {"surprise": 1}, {"rows": {"before": 1}}, {"code": []}])
def test_what_is_no_delta_is_refused(change):
    document = delta_of(first_side(), second_side()).as_json()
    with pytest.raises(InvalidInputError, match="a delta must have the fields of this version"):
        parse_delta({**document, **change})
