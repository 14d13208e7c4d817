import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.serve.simulation.traffic import Keys, Traffic


def test_the_law_of_latencies_is_that_of_the_two_numbers_given():
    traffic = Traffic(median_s=0.01, p99_s=0.08)
    assert (traffic.latency.median_s, traffic.latency.p99_s) == (0.01, 0.08)


def test_the_usual_service_is_the_one_that_bars_are_set_for():
    """50 requests a second of which 1 % fail, 20 ms and 100 ms; the heaviest sender sends every sixth."""
    usual, keys = Traffic(), Keys()
    assert (usual.requests_s, usual.error_rate, usual.median_s, usual.p99_s) == (50, 0.01, 0.02, 0.1)
    assert 1 / sum(rank**-keys.zipf for rank in range(1, keys.count + 1)) == pytest.approx(1 / 6, abs=0.01)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"requests_s": 0}, "requests_s above 0"),
        ({"error_rate": 1}, "error_rate must be a share"),
        ({"error_rate": 5}, "write 0.01 for 1%"),
        ({"disagreement": -0.1}, "disagreement must be a share"),
        ({"allowed_disagreement": 2}, "allowed_disagreement must be a share"),
        ({"escalation": 1.5}, "escalation must be a share"),
        ({"classes": (0.5, 0.4)}, "add up to 1"),
        ({"sureness": 1.0}, "sureness in"),
        ({"median_s": 0.2, "p99_s": 0.1}, "median < p99"),
    ],
)
def test_what_no_service_can_have_is_refused(settings, message):
    with pytest.raises(InvalidInputError, match=message):
        Traffic(**settings)


@pytest.mark.parametrize("settings", [{"count": 0}, {"zipf": -1}, {"error_spread": -1}])
def test_senders_that_cannot_be_are_refused(settings):
    with pytest.raises(InvalidInputError, match="keys need"):
        Keys(**settings)
