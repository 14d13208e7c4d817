"""The command: it knows its experiments, and a wrong name is told with those there are."""

from __future__ import annotations

import pytest
from benchmarks.campaigns.__main__ import EXPERIMENTS, STRATEGIES, main

from smallcraft.label.strategies import BUILTIN


def test_strategies_are_those_that_need_no_vectors_and_no_committee_and_the_targeted_one_is_last():
    assert set(STRATEGIES) == set(BUILTIN) - {"coverage_first", "disagreement"}
    assert STRATEGIES[-1] == "relabel_value"


def test_an_unknown_experiment_is_told_with_those_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["banking78"])
    said = capsys.readouterr().err
    assert all(name in said for name in ("banking78", *EXPERIMENTS, "rounds"))
