import numpy as np
import pytest

from smallcraft.engine import engines
from smallcraft.engine.engines import Engine
from smallcraft.serve.simulation import runs
from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.rules import GOES_ON, PROMOTED, ROLLED_BACK
from smallcraft.serve.simulation.runs import TOGETHER, run_rule
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.traffic import Traffic

RULE = Flagger("flagger", tick_s=10.0, threshold=2, weights=(0.2, 0.4))


def run(name, *, rollouts, horizon_s=600.0, seed=1, progress=None, rule=RULE, engine=None):
    return run_rule(
        rule,
        Traffic(),
        SCENARIOS[name],
        rollouts=rollouts,
        seed=seed,
        horizon_s=horizon_s,
        progress=progress,
        engine=engine,
    )


def test_the_fates_of_the_first_are_the_same_among_many():
    few, many = run("errors", rollouts=20), run("errors", rollouts=300)
    for field in vars(few):
        assert getattr(few, field).tolist() == getattr(many, field)[:20].tolist(), field


def test_another_seed_is_another_world():
    assert run("fine", rollouts=50).requests.tolist() != run("fine", rollouts=50, seed=2).requests.tolist()


def test_those_that_are_looked_at_together_and_those_that_are_not_have_worlds_of_their_own():
    fates = run("fine", rollouts=300, horizon_s=20.0)
    assert len(set(fates.groups)) > 1
    one, other = (fates.requests[fates.groups == group][:50] for group in (0, 1))
    assert (one != other).mean() > 0.8


def test_nothing_is_counted_of_a_rollout_after_its_end(monkeypatch):
    """Those that have ended are let go together, a few at a time; at once makes no difference."""
    patient = Flagger("flagger", tick_s=10.0, threshold=6, weights=(0.2,) * 12, least_success=0.97)
    late = run("errors", rollouts=200, rule=patient)
    assert len(set(late.ended_s)) > 8
    monkeypatch.setattr(runs, "_ENDED", 0.0)
    at_once = run("errors", rollouts=200, rule=patient)
    for field in vars(late):
        assert getattr(late, field).tolist() == getattr(at_once, field).tolist(), field


def test_a_worse_release_is_rolled_back_more_often_and_harms():
    fine, errors = run("fine", rollouts=200), run("errors", rollouts=200)
    assert (errors.ended == ROLLED_BACK).mean() > (fine.ended == ROLLED_BACK).mean() + 0.2
    assert fine.excess.sum() == 0 < errors.excess.mean()
    assert errors.excess.mean() == pytest.approx(0.02 * 0.99 * errors.requests.mean(), rel=0.15)


def test_times_causes_and_weights_are_those_of_the_end():
    fates = run("errors", rollouts=100)
    assert set(fates.ended_s[fates.ended == PROMOTED]) <= {10.0 * look for look in range(2, 60)}
    assert ((fates.causes >= 0) == (fates.ended == ROLLED_BACK)).all()
    assert set(fates.weights) <= {0.2, 0.4}


def test_a_rollout_whose_time_is_up_goes_on_and_has_counted():
    fates = run("fine", rollouts=10, horizon_s=15.0)
    assert (fates.ended == GOES_ON).all()
    assert (fates.ended_s == 15.0).all()
    assert (fates.requests > 50).all()


def test_progress_is_told_up_to_the_end():
    told = []
    run("fine", rollouts=300, horizon_s=10.0, progress=lambda done, of: told.append((done, of)))
    assert told[-1] == (300, 300)
    assert np.all(np.diff([done for done, _ in told]) > 0)


def test_fates_are_the_same_wherever_rollouts_are_played(monkeypatch):
    monkeypatch.setattr(engines, "_WORTH_S", 0.0)
    told = []
    here = run("errors", rollouts=2 * TOGETHER + 7, horizon_s=60.0)
    with Engine(workers=2) as engine:
        away = run(
            "errors",
            rollouts=2 * TOGETHER + 7,
            horizon_s=60.0,
            progress=lambda *one: told.append(one),
            engine=engine,
        )
    for field in vars(here):
        np.testing.assert_array_equal(getattr(away, field), getattr(here, field))
    assert told == [(200, 407), (400, 407), (407, 407)]
