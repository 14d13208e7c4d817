from benchmarks.rollouts.tuning import SETTINGS, Trial, best_of, try_setting

from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.traffic import Traffic

RULE = Flagger("flagger")


def test_of_the_settings_that_keep_to_the_conditions_the_least_harmful_is_best():
    trials = [
        Trial(RULE, 0.01, 0.99, 30.0),
        Trial(RULE, 0.04, 0.96, 20.0),
        Trial(RULE, 0.04, 0.90, 5.0),
        Trial(RULE, 0.30, None, None),
    ]
    assert best_of(trials) is trials[1]


def test_where_none_catches_enough_the_quiet_one_that_catches_most_is_best():
    trials = [Trial(RULE, 0.01, 0.5, 30.0), Trial(RULE, 0.01, 0.7, 90.0), Trial(RULE, 0.3, None, None)]
    assert best_of(trials) is trials[1]
    assert best_of(trials[2:]) is None


def test_a_setting_that_rolls_back_what_is_fine_is_not_tried_further():
    nervous = Flagger("flagger", threshold=1, tick_s=60.0, least_success=0.999)
    trial = try_setting(nervous, Traffic(), rollouts=20, seed=1)
    assert trial.false_rollbacks > 0.5
    assert trial.caught is None
    assert not trial.is_kept


def test_every_peer_has_settings_to_try_and_their_thresholds_follow_the_traffic():
    for settings in SETTINGS.values():
        assert len(list(settings(Traffic()))) >= 18
    fast = next(iter(SETTINGS["flagger"](Traffic(median_s=0.001, p99_s=0.01))))
    assert 0.01 < fast.most_p99_s < 0.02
