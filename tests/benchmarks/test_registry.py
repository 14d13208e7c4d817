"""The registry's suite measures every bar, alone where no peer is there, and leaves nothing on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.process import ROOT
from benchmarks.suites import registry
from benchmarks.suites.registry import Part, Sizes
from benchmarks.suites.suite import Surroundings

TINY = Sizes(4 << 20, 3, 60, 1024, 500, 3, 40, 1)


@pytest.fixture
def part(tmp_path, monkeypatch):
    monkeypatch.setattr(Surroundings, "python_of", lambda around, _: around.absent.append("no peer"))
    return Part(tmp_path, Surroundings(tmp_path, is_quick=True), TINY, [])


@pytest.mark.parametrize(
    ("rows_of", "count"), [("_verify_rows", 2), ("_put_rows", 2), ("_log_rows", 3), ("_proof_rows", 2)]
)
def test_every_part_has_a_number_and_a_bar_in_every_row(part, rows_of, count):
    rows = getattr(registry, rows_of)(part)
    if not rows:
        pytest.skip(part.notes[-1])
    assert len(rows) == count
    assert all(row.ours is not None and row.ours.value > 0 and row.bar is not None for row in rows)


def test_go_refuses_every_question_with_a_flipped_bit(part):
    rows = registry._proof_rows(part)
    if not rows:
        pytest.skip(part.notes[-1])
    assert [row.ours.value for row in rows] == [1.0, 1.0]


@pytest.mark.backbone
@pytest.mark.slow
def test_changes_to_weights_cost_what_was_promised(part):
    rows = registry._edit_rows(part)
    assert len(rows) == 5
    assert {row.what: row.ours.value for row in rows[:4] if row.ours.value > row.bar} == {}


def test_nothing_stays_beside_the_environments(tmp_path, monkeypatch):
    before = set((ROOT / ".bench").glob("registry-*"))
    monkeypatch.setattr(registry, "_log_rows", lambda part: [])
    for name in ("_verify_rows", "_put_rows", "_edit_rows", "_proof_rows"):
        monkeypatch.setattr(registry, name, lambda part: Path(part.folder, "left").write_text("x") and [])
    assert registry.measure(Surroundings(tmp_path, is_quick=True)).rows == ()
    assert set((ROOT / ".bench").glob("registry-*")) <= before
