from tests.serve.metrics.replies import reply

from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.metrics.step import StepName
from smallcraft.serve.metrics.tally import Served
from smallcraft.serve.metrics.totals import Totals

ONE = Served("m", "m@1")


def shipments(router, *, takes=2, in_flight=1):
    counters = Counters(router)
    found = []
    for _ in range(takes):
        step = counters.step(StepName(), classes=["a"], stable=ONE, canary=None)
        step.arms[0].answered(reply("a"), seconds=0.5)
        step.arms[0].in_flight = in_flight
        counters.refuse("slow")
        found.append(counters.take())
        counters.acknowledge(found[-1].sequence)
    return found


def test_totals_are_the_sum_over_routers_in_whatever_order():
    first, second = shipments("router 1"), shipments("router 2")
    for order in ([*first, *second], [second[0], *first, second[1]]):
        totals = Totals()
        assert all(totals.add(shipment) for shipment in order)
        (part,) = totals.traffic()
        assert (part.rows, part.replies, part.seconds, part.classes) == (4, {200: 4}, 2.0, {"a": 4})
        assert totals.refusals == {"slow": 4}


def test_a_shipment_that_comes_again_changes_nothing():
    totals = Totals()
    (shipment,) = shipments("router 1", takes=1)
    assert totals.add(shipment)
    assert not totals.add(shipment)
    assert totals.traffic()[0].rows == 1


def test_what_is_under_way_is_the_sum_of_now_and_not_of_all_times():
    totals = Totals()
    for shipment in [*shipments("router 1", in_flight=3), *shipments("router 2", in_flight=4)]:
        totals.add(shipment)
    assert totals.traffic()[0].in_flight == 7
    assert totals.routers == 2
    totals.forget("router 1")
    assert (totals.traffic()[0].in_flight, totals.routers, totals.traffic()[0].rows) == (4, 1, 4)


def test_a_new_life_of_a_router_counts_from_one_again():
    totals = Totals()
    for shipment in [*shipments("router 1, life 1"), *shipments("router 1, life 2")]:
        assert totals.add(shipment)
    assert totals.traffic()[0].rows == 4


def test_of_many_releases_those_served_last_are_kept():
    totals, counters = Totals(), Counters("router 1")
    for number in range(40):
        step = counters.step(
            StepName("r", number), classes=["a"], stable=Served("m", f"m@{number:02}"), canary=None
        )
        step.arms[0].answered(reply("a"), seconds=0.5)
        shipment = counters.take()
        counters.acknowledge(shipment.sequence)
        totals.add(shipment)
    releases = [part.release for part in totals.traffic()]
    assert len(releases) == 32
    assert releases[-1] == "m@39"
