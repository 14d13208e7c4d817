"""Names of numbers."""

from __future__ import annotations

from smallcraft.observe.quantities import ONLY_RISES, Quantity
from smallcraft.observe.statistics import CATEGORY, NUMERIC, TAILS


def test_a_quantity_reads_as_what_it_is():
    assert str(Quantity("age", "shift")) == "shift of age"


def test_quantities_stand_in_an_order_of_their_own():
    given = [Quantity("b", "kl"), Quantity("a", "shift"), Quantity("a", "kl")]
    assert sorted(given) == [given[2], given[1], given[0]]


def test_distances_and_unseen_values_are_suspicious_when_they_rise_alone():
    assert {"kl", "unseen", "low", "high"} <= ONLY_RISES & {*CATEGORY, *NUMERIC, *TAILS}
    assert not ONLY_RISES & {"shift", "spread", "missing"}
