from benchmarks.rollouts.contestants import CONTESTANTS, OURS


def test_every_contestant_has_a_name_of_its_own_and_ours_is_first():
    names = [one.name for one in CONTESTANTS]
    assert names[0] == OURS
    assert len(set(names)) == len(names)


def test_settings_are_told_in_words():
    assert all(len(one.settings) > 40 for one in CONTESTANTS)
