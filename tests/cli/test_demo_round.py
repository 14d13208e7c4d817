"""What the tour says of an alarm beside the truth; `test_guides.py` takes the whole round."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from smallcraft.cli.demo_round import _hold_against_truth, _tell_receipt
from smallcraft.demo.weeks import Weeks

LAUNCH = datetime(2026, 3, 2, tzinfo=UTC)
WEEKS = Weeks(Path("smallcraft.toml"), 2900, 4500, 1500, 315, LAUNCH, frozenset({"tavori", "clasp"}))


def alarm(*words, began):
    """An alarm about words, raised three days after the launch."""
    named = tuple(SimpleNamespace(token=word) for word in words)
    opened = (LAUNCH + timedelta(days=3)).timestamp()
    explanation = SimpleNamespace(words=named)
    return SimpleNamespace(explanation=explanation, began_s=int(began.timestamp()), opened_s=int(opened))


def test_an_alarm_that_names_the_product_since_its_launch_leaves_nothing_unfound(capsys):
    assert _hold_against_truth(alarm("please", "tavori", began=LAUNCH - timedelta(days=1)), WEEKS) == []
    said = capsys.readouterr().out
    assert "planted word found: tavori\n" in said
    assert "since about 2026-03-01 00:00 by the alarm, 2026-03-02 00:00 in truth; raised 3 days after" in said


@pytest.mark.parametrize("days", [-9, 9])
def test_other_words_or_another_time_are_planted_and_not_found(days, capsys):
    missed = _hold_against_truth(alarm("please", began=LAUNCH + timedelta(days=days)), WEEKS)
    assert missed == ["the words of the new product", "since when there is a new product"]
    assert "planted word found: none" in capsys.readouterr().out


def test_a_receipt_is_one_line_of_phase_share_and_cause(capsys):
    form = {"to": {"phase": "rolled_back", "weight": 0.0}}
    _tell_receipt(SimpleNamespace(form=form, cause="mean confidence of canary was 0.4 " * 9))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("    rolled_back   0 %  mean confidence")
