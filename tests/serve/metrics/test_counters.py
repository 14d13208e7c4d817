import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serve.metrics.replies import reply

from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.metrics.step import StepName
from smallcraft.serve.metrics.tally import Served

STABLE, CANARY = Served("m", "m@1"), Served("m", "m@2")
CLASSES = ["a", "b"]


def begin(counters, step=1, **name):
    return counters.step(StepName("r", step, **name), classes=CLASSES, stable=STABLE, canary=CANARY)


def take(counters):
    shipment = counters.take()
    counters.acknowledge(shipment.sequence)
    return shipment


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["answer", "fail", "time out", "take", "next step"]),
        st.integers(0, 1),
        st.one_of(st.none(), st.integers(1, 6)),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_all_that_was_counted_is_in_exactly_one_shipment(events):
    counters, step = Counters("router 1"), 1
    tally, shipments, wanted = begin(counters), [], {}
    for what, arm, key in events:
        if what == "take":
            shipments.append(take(counters))
        elif what == "next step":
            step += 1
            tally = begin(counters, step)
            # Steps that were left long ago are no longer told of.
            shipments.append(take(counters))
        else:
            if what == "answer":
                tally.arms[arm].answered(reply("a"), seconds=0.01, key=key)
            else:
                tally.arms[arm].failed(status=500, key=key, timed_out=what == "time out")
            seen = wanted.setdefault(step, [0, 0, set(), set()])
            seen[0 if key is None else 1] += 1
            if key is not None:
                seen[2].add(key)
                if what != "answer":
                    seen[3].add(key)
    shipments.append(take(counters))
    assert [shipment.sequence for shipment in shipments] == list(range(1, len(shipments) + 1))
    told = {}
    for part in (part for shipment in shipments for part in shipment.steps):
        seen = told.setdefault(part.step, [0, 0, [], []])
        seen[0] += int(part.counts.requests.sum())
        seen[1] += int(part.keyed_requests.sum())
        seen[2] += part.firsts.keys.tolist()
        seen[3] += [*part.failed_keys[0].tolist(), *part.failed_keys[1].tolist()]
    as_sets = {step: [*seen[:2], sorted(seen[2]), sorted(seen[3])] for step, seen in wanted.items()}
    assert {step: [*seen[:2], sorted(seen[2]), sorted(seen[3])] for step, seen in told.items()} == as_sets


def test_while_a_shipment_is_under_way_it_is_taken_again_unchanged():
    counters = Counters("router 1")
    step = begin(counters)
    step.arms[0].answered(reply("a"), seconds=0.01)
    first = counters.take()
    step.arms[0].answered(reply("a"), seconds=0.01)
    assert counters.take() is first
    counters.acknowledge(first.sequence + 1)
    assert counters.take() is first
    counters.acknowledge(first.sequence)
    second = counters.take()
    assert second.sequence == 2
    assert second.steps[0].counts.requests.tolist() == [1, 0]


def test_nothing_piles_up_while_nobody_takes():
    counters = Counters("router 1")
    step = begin(counters)
    for key in range(60_000):
        step.arms[0].failed(status=500, key=key * 7919)
    evidence = step.arms[0].evidence
    assert (len(evidence.firsts), len(evidence.failed_keys)) == (49_152, 6_144)
    assert len(step.arms[0].replies) == 1


def test_a_request_counts_under_the_step_that_it_was_assigned_in():
    counters = Counters("router 1")
    old = begin(counters, 1)
    begin(counters, 2)
    old.arms[1].answered(reply("b"), seconds=0.01)
    (part,) = take(counters).steps
    assert (part.rollout, part.step, part.counts.requests.tolist()) == ("r", 1, [0, 1])


def test_the_same_assignment_gives_the_same_tally_and_another_release_another():
    counters = Counters("router 1")
    step = begin(counters)
    assert begin(counters) is step
    other = counters.step(StepName("r", 1), classes=CLASSES, stable=STABLE, canary=None)
    assert other is not step


def test_steps_of_one_model_do_not_crowd_out_those_of_another():
    counters = Counters("router 1")
    other = counters.step(StepName(), classes=CLASSES, stable=Served("other", "other@1"), canary=None)
    for number in range(10):
        begin(counters, number)
    other.arms[0].answered(reply("a"), seconds=0.01, is_drawn=False)
    assert {part.release: part.rows for part in take(counters).traffic} == {"other@1": 1, "m@1": 0, "m@2": 0}


def test_traffic_of_one_release_and_arm_is_added_over_steps():
    counters = Counters("router 1")
    for number in (1, 2):
        step = begin(counters, number)
        step.arms[0].answered(reply("a", "b"), seconds=0.25)
        step.arms[0].in_flight = 3
        step.arms[0].batch(2)
        step.arms[1].failed(status=503)
    stable, canary = take(counters).traffic
    assert (stable.release, stable.arm, stable.rows, stable.seconds) == ("m@1", "stable", 4, 0.5)
    assert (stable.classes, stable.replies, stable.in_flight) == ({"a": 2, "b": 2}, {200: 2}, 6)
    assert (int(stable.batches[1]), stable.batch_rows) == (2, 4)
    assert (canary.replies, int(canary.latency.sum())) == ({503: 2}, 0)


def test_an_arm_without_a_release_has_no_traffic():
    counters = Counters("router 1")
    counters.step(StepName(), classes=CLASSES, stable=STABLE, canary=None)
    assert [part.release for part in take(counters).traffic] == ["m@1"]


def test_refusals_and_bytes_are_told_once():
    counters = Counters("router 1")
    counters.refuse("too_large")
    counters.refuse("too_large")
    counters.request_bytes += 10
    counters.clients_gone += 1
    first, second = take(counters), take(counters)
    assert (first.refusals, first.request_bytes, first.clients_gone) == ({"too_large": 2}, 10, 1)
    assert (second.refusals, second.request_bytes, second.clients_gone) == ({}, 0, 0)


def test_evidence_has_the_shapes_of_arm_counts():
    counters = Counters("router 1")
    step = begin(counters)
    step.arms[1].answered(reply("b"), seconds=0.01)
    (part,) = take(counters).steps
    doubled = part.counts + part.counts
    assert doubled.latency.dtype == np.int64
    assert doubled.latency.sum() == 2
    assert doubled.classes.tolist() == [[0, 0, 0], [0, 2, 0]]


def test_there_is_news_from_the_first_thing_that_was_counted_until_it_was_kept():
    counters = Counters("router 1")
    step = begin(counters)
    assert not counters.has_news
    for count in (
        lambda: step.arms[0].answered(reply("a"), seconds=0.01),
        lambda: step.arms[1].failed(status=None),
        lambda: step.arms[0].sent(504),
        lambda: counters.refuse("overload"),
        lambda: setattr(counters, "clients_gone", 1),
        lambda: setattr(counters, "quarantined", 1),
    ):
        count()
        assert counters.has_news
        shipment = counters.take()
        # Under way: it may have to be told again.
        assert counters.has_news
        counters.acknowledge(shipment.sequence)
        assert not counters.has_news


def test_a_first_request_that_waits_for_its_comparison_is_news():
    counters = Counters("router 1")
    step = begin(counters, is_shadow=True)
    step.arms[0].answered(reply("a"), seconds=0.01, key=7)
    assert len(take(counters).steps[0].firsts.keys) == 0
    assert counters.has_news
    assert len(take(counters).steps[0].firsts.keys) == 1
    assert not counters.has_news
