import pytest
from benchmarks.rollouts.__main__ import main, measure, run
from benchmarks.rollouts.contestants import Contestant
from benchmarks.rollouts.kept import is_current, read

from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.scenarios import SCENARIOS

FINE, ERRORS = SCENARIOS["fine"], SCENARIOS["errors"]
CONTESTANTS = [
    Contestant(Flagger("one", tick_s=30.0, weights=(0.2, 0.4)), "as it is", horizon_s=300.0),
    Contestant(Flagger("other", tick_s=30.0, threshold=1, weights=(0.2, 0.4)), "strict", horizon_s=300.0),
]


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path, capsys):
    run(CONTESTANTS[:1], [FINE], rollouts=4, seed=2, folder=tmp_path)
    first = read("fine", folder=tmp_path)
    capsys.readouterr()
    run(CONTESTANTS, [FINE, ERRORS], rollouts=4, seed=2, goes_on=True, folder=tmp_path)
    ran = [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert ran == ["fine, other", "errors, one", "errors, other"]
    assert read("fine", folder=tmp_path)[:1] == first
    run(CONTESTANTS, [FINE, ERRORS], rollouts=4, seed=2, goes_on=True, folder=tmp_path)
    assert capsys.readouterr().err == ""
    run(CONTESTANTS[:1], [FINE], rollouts=4, seed=2, folder=tmp_path)
    assert "fine, one" in capsys.readouterr().err


def test_a_cell_that_was_just_measured_is_current_and_says_what_it_took():
    kept = measure(CONTESTANTS[0], FINE, rollouts=3, seed=2)
    assert is_current(kept, CONTESTANTS[0].rule, rollouts=3, seed=2)
    assert kept.cell.horizon_s == 300
    assert kept.made.cpu_s >= 0
    assert kept.made.versions["numpy"]


def test_a_misspelt_scenario_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["fine", "slow_tial"])
    assert "there is no scenario 'slow_tial'" in capsys.readouterr().err
