import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.costs.open_loop import draw_arrivals
from smallcraft.evaluate.costs.processes import OPEN_LOOP, choose_inputs, run_probe
from smallcraft.evaluate.costs.scenarios import choose_requests, measure_offline, measure_server

ROWS = {"text": [f"word{i} " * (1 + i % 7) for i in range(900)]}


def by_name(measurements):
    return {measurement.name: measurement for measurement in measurements}


def test_a_run_has_enough_requests_for_p99_and_for_a_backlog_to_show():
    assert choose_requests(1.0, mean_ms=50.0, seconds=10.0) == 662
    assert choose_requests(1000.0, mean_ms=1.0, seconds=10.0) == 10_000
    assert choose_requests(1.0, mean_ms=1e-2, seconds=60.0) == 20_000


@pytest.mark.slow
def test_batches_give_rows_per_second_of_both_clocks(bundle):
    found = by_name(
        measure_offline(bundle, ROWS, seed=1, batch=16, seconds=0.9, opener="toy_runtime:open_quick")
    )
    cpu, wall = found["offline_rows_per_cpu_s"], found["offline_rows_per_s"]
    assert "batch 16" in cpu.method
    assert cpu.n == wall.n
    assert cpu.n % 16 == 0
    for m in (cpu, wall):
        assert 0 <= m.low <= m.value <= m.high
        assert m.level == 0.95
    assert wall.value < cpu.value * 1.05  # no more than one CPU


@pytest.mark.slow
def test_remembered_batches_are_reported(bundle):
    found = by_name(
        measure_offline(bundle, ROWS, seed=1, processes=2, seconds=0.6, opener="toy_runtime:open_forgetless")
    )
    assert "answers look remembered" in found["offline_rows_per_s"].detail


@pytest.mark.slow
def test_a_rate_is_found_confirmed_and_its_percentiles_kept_apart(bundle):
    found = by_name(
        measure_server(
            *(bundle, ROWS),
            seed=1,
            objective_ms=250.0,
            mean_ms=0.5,
            seconds=12.0,
            opener="toy_runtime:open_quick",
        )
    )
    rate = found["max_rate_per_s"]
    assert rate.value is not None, rate.detail
    assert rate.low == rate.value
    assert rate.value < rate.high
    assert rate.unit == "1/s"
    assert "p99 <= 250 ms" in rate.method
    p50, p99 = found["server_p50_ms"], found["server_p99_ms"]
    assert p50.value <= p99.value <= p99.high <= 250
    assert p99.level == 0.98
    assert "scheduled arrival" in p99.detail


@pytest.mark.slow
def test_no_rate_is_claimed_where_none_meets(bundle):
    found = by_name(
        measure_server(
            *(bundle, ROWS),
            seed=1,
            objective_ms=1e-5,
            mean_ms=0.05,
            seconds=2.0,
            opener="toy_runtime:open_quick",
        )
    )
    assert found["max_rate_per_s"].value is None
    assert "no rate was shown to keep p99 within 1e-05 ms" in found["max_rate_per_s"].detail
    assert found["server_p99_ms"].value is None


@pytest.mark.slow
def test_a_real_stall_of_200_ms_is_in_the_p99_of_the_server(bundle):
    requests, rate = 1000, 400.0
    assert draw_arrivals(requests, rate, seed=1)[-1] > 2e9  # the stall, a second after opening, lies within
    job = {
        "opener": "toy_runtime:open_stalling",
        "bundle": str(bundle),
        "rows": choose_inputs(ROWS, most=900, seed=1),
        "requests": requests,
        "rate_per_s": rate,
        "seconds": 10.0,
        "seed": 1,
    }
    latencies = run_probe(job, program=OPEN_LOOP)["latencies_ns"]
    slow = sum(latency > 100e6 for latency in latencies)
    # A closed loop asks once in those 200 ms; here some forty were due in its first half.
    assert slow > 10


def test_settings_without_sense_are_refused(bundle):
    with pytest.raises(InvalidInputError, match="must be above 0, got 0"):
        measure_server(bundle, ROWS, seed=0, objective_ms=0, mean_ms=1.0)
    with pytest.raises(InvalidInputError, match="a batch of at least 1, 2 processes"):
        measure_offline(bundle, ROWS, seed=0, batch=0)
    with pytest.raises(InvalidInputError, match="got 32, 1 and"):
        measure_offline(bundle, ROWS, seed=0, processes=1)
