"""Rollout: every receipt with its cause, charts with their numbers, decided again on demand."""

from __future__ import annotations

import pytest

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views import rollout
from smallcraft.errors import NotFoundError


@pytest.fixture(scope="module")
def sources(rolled):
    return Sources(rolled)


def test_the_last_rollout_is_shown_and_the_others_are_listed(sources):
    view = rollout.read(sources, Asked())
    assert view.shown.value.facts["phase"] == "rolled_back"
    assert [one.phase for one in view.earlier] == ["done"]
    earlier = rollout.read(sources, Asked({"rollout": view.earlier[0].id}))
    assert earlier.shown.value.facts["phase"] == "done"


def test_each_receipt_stands_there_newest_first_and_the_chain_is_whole(sources):
    shown = rollout.read(sources, Asked()).shown.value
    told = sources.rollouts(shown.id)
    assert [line.cause for line in shown.receipts] == [receipt.cause for receipt in reversed(told.receipts)]
    assert shown.chain == ""
    assert {line.again for line in shown.receipts} == {""}


def test_a_receipt_is_decided_again_when_it_is_asked_for(sources):
    shown = rollout.read(sources, Asked(query={"again": "2"})).shown.value
    (line,) = [line for line in shown.receipts if line.again]
    assert (line.number, line.is_same) == (2, True)
    assert "the same decision" in line.again


def test_every_chart_has_a_row_for_each_point(sources):
    shown = rollout.read(sources, Asked()).shown.value
    assert len(shown.charts) == 6
    for chart in shown.charts:
        assert chart.picture is not None
        assert len(chart.rows) == len(shown.receipts)
        assert {len(row) for row in chart.rows} == {len(chart.columns)}


def test_before_anything_was_seen_a_rate_is_not_measured(sources):
    errors = rollout.read(sources, Asked()).shown.value.charts[2]
    assert set(errors.rows[0][1:]) == {"not measured"}


def test_nothing_can_be_ordered_where_no_server_runs(sources):
    assert rollout.read(sources, Asked()).shown.value.orders == ()


def test_a_rollout_that_is_not_there_is_not_found(sources):
    with pytest.raises(NotFoundError, match="no-such"):
        rollout.read(sources, Asked({"rollout": "no-such"}))


def test_without_any_the_way_to_the_first_is_told(tmp_path):
    view = rollout.read(Sources(tmp_path), Asked())
    assert view.shown.is_absent
    assert "smallcraft serve" in view.shown.problem
