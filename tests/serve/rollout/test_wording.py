"""Numbers as people read them."""

from __future__ import annotations

import pytest

from smallcraft.serve.rollout.wording import duration, milliseconds, number, share


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (812, "812"), (15_420, "15,420"), (1e-5, "1e-05"), (19.96, "20"), (999.4, "999")],
)
def test_counts_stand_in_full_and_other_numbers_with_three_digits(value, text):
    assert number(value) == text


def test_shares_are_percentages_and_latencies_milliseconds():
    assert (share(0.95), share(1 / 3), milliseconds(0.0123)) == ("95 %", "33.3 %", "12.3 ms")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.2, "60 s"), (60.1, "2 min"), (3600, "60 min"), (3601, "1.1 h"), (7200, "2 h")],
)
def test_times_to_wait_are_rounded_up(seconds, text):
    assert duration(seconds) == text
