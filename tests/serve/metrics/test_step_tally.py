import pytest
from tests.serve.metrics.replies import reply

from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.metrics.step import StepName
from smallcraft.serve.metrics.step_tally import disagrees
from smallcraft.serve.metrics.tally import Served

SHADOW = StepName("r", 0, is_shadow=True)
STABLE, CANARY = Served("m", "m@1"), Served("m", "m@2")


@pytest.mark.parametrize(
    ("stable", "canary", "wanted"),
    [
        (reply("a"), reply("a"), False),
        (reply("a"), reply("b"), True),
        (reply("a", "b"), reply("a", "a"), False),
        (reply(None), reply("b"), True),
        (reply(None), reply(None), False),
        (reply(("a", "b")), reply(("a",)), True),
        (reply(2.0, low=1.5, high=2.5), reply(2.4), False),
        (reply(2.0, low=1.5, high=2.5), reply(2.6), True),
        (reply(None, low=1.5, high=2.5), reply(2.0), True),
        (reply(2.0), reply(2.0), False),
        (reply(2.0), reply(2.1), True),
    ],
)
def test_releases_disagree_by_the_answer_to_the_first_row(stable, canary, wanted):
    assert disagrees(stable.decisions, canary.decisions) is wanted


def shadow():
    counters = Counters("router 1")
    return counters, counters.step(SHADOW, classes=["a", "b"], stable=STABLE, canary=CANARY)


def take(counters):
    shipment = counters.take()
    counters.acknowledge(shipment.sequence)
    return shipment


def test_requests_without_a_key_are_compared_each():
    counters, step = shadow()
    step.compare(reply("a").decisions, reply("b").decisions)
    step.compare(reply("a").decisions, reply("a").decisions)
    counts = take(counters).steps[0].counts
    assert (int(counts.compared), int(counts.disagreed)) == (2, 1)


def test_a_keys_first_request_waits_one_take_for_what_the_other_release_says():
    counters, step = shadow()
    step.arms[0].answered(reply("a"), seconds=0.001, key=9)
    assert take(counters).steps[0].firsts.keys.tolist() == []
    step.compare(reply("a").decisions, reply("b").decisions, key=9)
    step.compare(reply("a").decisions, reply("a").decisions, key=9)
    (told,) = take(counters).steps
    assert (told.firsts.keys.tolist(), told.firsts.disagreed.tolist()) == ([9], [1])
    assert take(counters).steps == ()


def test_a_comparison_that_comes_too_late_changes_nothing():
    counters, step = shadow()
    step.arms[0].answered(reply("a"), seconds=0.001, key=9)
    take(counters)
    assert take(counters).steps[0].firsts.disagreed.tolist() == [-1]
    step.compare(reply("a").decisions, reply("b").decisions, key=9)
    assert take(counters).steps == ()


def test_outside_shadow_a_first_request_is_told_of_at_once():
    counters = Counters("router 1")
    step = counters.step(StepName("r", 1), classes=["a"], stable=STABLE, canary=CANARY)
    step.arms[1].answered(reply("a"), seconds=0.001, key=9)
    (told,) = take(counters).steps
    assert (told.firsts.keys.tolist(), told.firsts.arm.tolist()) == ([9], [1])
