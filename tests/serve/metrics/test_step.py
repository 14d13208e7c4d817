from smallcraft.serve.metrics.step import Step, StepName


def test_a_step_places_the_classes_of_the_stable_release():
    assert Step(StepName(), ["b", "a"]).position == {"b": 0, "a": 1}


def test_keys_below_the_largest_earlier_weight_are_settled():
    step = Step(StepName("r", 2, settled_below=0.25), ["a"])
    assert step.settled == 2**62


def test_a_name_without_a_rollout_settles_nothing():
    assert Step(StepName(), ["a"]).settled == 0


def test_without_a_rollout_no_key_is_new():
    step = Step(StepName(), ["a"])
    assert not step.met.add(5)
    assert not step.failed.add(5)
