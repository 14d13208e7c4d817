"""Kept cells: a run that was killed goes on, and sources decide what is current."""

from __future__ import annotations

import dataclasses

import pytest
from benchmarks.drift.cells import DelayCell, QuietCell
from benchmarks.drift.contestants import OURS, PEERS, RULES
from benchmarks.drift.kept import KeptCell, Made, is_current, keep, read, read_all, sources_digest

from benchmarks.drift import kept as keeping

PEER_RULE = next(iter(PEERS[0].rules))


def made(rule):
    return Made(sources_digest(rule), "2026-11-28 10:00 UTC", 1.0, {"cores": "2"}, {"numpy": "2"})


@pytest.fixture
def cells():
    return [KeptCell(QuietCell(rule, "iid", 0, 720, (1, 0)), made(rule)) for rule in (OURS, PEER_RULE)]


def test_a_cell_that_was_kept_is_read_as_it_was_and_replaces_only_its_own(tmp_path, cells):
    assert read("iid", folder=tmp_path) == []
    for cell in cells:
        keep(cell, folder=tmp_path)
    newer = dataclasses.replace(cells[0], made=dataclasses.replace(cells[0].made, cpu_s=9.0))
    keep(newer, folder=tmp_path)
    assert read("iid", folder=tmp_path) == [newer, cells[1]]
    assert [path.name for path in tmp_path.iterdir()] == ["iid.json"]


def test_rules_come_in_the_order_asked_for(tmp_path, cells):
    for cell in reversed(cells):
        keep(cell, folder=tmp_path)
    assert read_all(RULES, folder=tmp_path) == {"iid": cells}
    assert read_all(["another"], folder=tmp_path) == {}


def test_a_cell_is_current_only_for_its_streams_windows_seed_and_sources(cells):
    assert is_current(cells[0], streams=2, windows=720, seed=0)
    assert not is_current(cells[0], streams=3, windows=720, seed=0)
    assert is_current(cells[0], streams=1, windows=60, seed=0)
    assert not is_current(cells[0], streams=2, windows=721, seed=0)
    assert not is_current(cells[0], streams=2, windows=720, seed=1)
    older = dataclasses.replace(cells[0], made=dataclasses.replace(cells[0].made, sources="sha256:0"))
    assert not is_current(older, streams=2, windows=720, seed=0)
    delay = KeptCell(DelayCell(OURS, "wider", 0, 60, (1, None)), made(OURS))
    assert is_current(delay, streams=2, windows=60, seed=0)


def test_a_peers_cells_do_not_depend_on_this_project(monkeypatch):
    before = sources_digest(PEER_RULE)
    monkeypatch.setattr(keeping, "_OF_OURS", ())
    assert sources_digest(PEER_RULE) == before
    assert sources_digest(OURS) != before


def test_every_source_named_is_there():
    for pattern in (*keeping._OF_ALL, *keeping._OF_OURS):
        assert list(keeping.ROOT.glob(pattern)), pattern
    for peer in PEERS:
        assert (keeping.ROOT / "benchmarks" / "children" / f"{peer.program}.py").is_file()
