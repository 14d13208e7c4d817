import numpy as np
import pytest

from smallcraft.evaluate.costs.latency import (
    UNSTEADY,
    cache_remark,
    latency_job,
    percentile_measurement,
    pool_runs,
    summarise_runs,
    widen_to_halves,
)
from smallcraft.records import Interval
from smallcraft.stats.intervals import least_n_for_quantile


def report(latencies_ns, **changes):
    return {
        "load_ns": 2_000_000,
        "first_ns": 1_000_000,
        "latencies_ns": latencies_ns,
        "cpu_ns": 5_000_000,
        "repeat_ratios": [1.0] * 20,
        "nothing_ns": [100] * 400,
        "unique_inputs": len(latencies_ns),
        "is_steady": True,
        **changes,
    }


def summary(reports):
    return {m.name: m for m in summarise_runs(pool_runs(reports))}


def test_units_bounds_and_levels_follow_from_the_reports():
    found = summary([report([1_000_000] * 50), report([3_000_000] * 50, load_ns=4_000_000)])
    assert found["mean_ms"].value == pytest.approx(2.0)
    assert found["load_ms"].value == pytest.approx(3.0)
    assert found["cpu_s_per_1000"].value == pytest.approx(0.1)
    assert (found["load_ms"].low, found["load_ms"].high) == (2.0, 4.0)
    assert found["p95_ms"].value is None
    levels = {name: found[name].level for name in ("mean_ms", "cpu_s_per_1000", "load_ms", "p95_ms")}
    assert levels == {"mean_ms": 0.95, "cpu_s_per_1000": 0.95, "load_ms": 0.5, "p95_ms": None}


def test_what_nothing_takes_is_pooled_over_the_processes():
    runs = pool_runs([report([1000], nothing_ns=[300, 100]), report([1000], nothing_ns=[200])])
    assert runs.nothing_ms.tolist() == [0.0001, 0.0002, 0.0003]


def test_a_percentile_is_given_from_the_least_n_on():
    need = least_n_for_quantile(0.95)
    values = list(range(1_000_000, 1_000_000 + need))
    short, enough = summary([report(values[:-1])]), summary([report(values)])
    assert short["p95_ms"].value is None
    assert enough["p95_ms"].high == pytest.approx(values[-2] / 1e6)
    assert enough["p95_ms"].low < enough["p95_ms"].value < enough["p95_ms"].high
    assert enough["p95_ms"].level == 0.98
    assert enough["mean_ms"].low is None


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95])
def test_the_two_bounds_together_cover_as_often_as_their_level_says(q):
    """Seed 3; 2,000 samples of 300 exponential latencies."""
    rng, samples = np.random.default_rng(3), 2000
    true = -np.log(1 - q)
    found = (
        percentile_measurement("p", np.sort(rng.exponential(size=300)), q, detail="") for _ in range(samples)
    )
    covered = np.mean([m.low <= true <= m.high for m in found])
    assert covered >= 0.98 - 3 * np.sqrt(0.98 * 0.02 / samples)


def test_a_request_never_answered_leaves_a_percentile_without_an_upper_bound():
    waits = np.sort(np.append(np.ones(690), np.full(10, np.inf)))
    found = percentile_measurement("p99_ms", waits, 0.99, detail="")
    assert (found.value, found.high, found.low) == (None, None, 1.0)
    assert found.detail == "10 of 700 requests were never answered"
    assert percentile_measurement("p90_ms", waits, 0.9, detail="").value == 1.0


def jittered(rng, centre_ns, n=200):
    return (centre_ns * (1 + 0.1 * rng.random(n))).tolist()


def test_halves_that_differ_are_told_first_in_the_detail_of_each_latency():
    rng = np.random.default_rng(0)
    reports = [report(jittered(rng, 1e6 * (1.3 if i % 2 else 1)), is_steady=False) for i in range(5)]
    found = summary(reports)
    for name in ("mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms"):
        assert found[name].detail.startswith("A/A unsteady: one half of the processes costs 0.7"), name
        assert "5 of 5 processes did not come to rest while warming up" in found[name].detail
    assert found["cpu_s_per_1000"].detail.startswith("5 of 5")


@pytest.mark.parametrize("luck", [0.0, 0.01, 0.1])
def test_processes_alike_are_seldom_called_unsteady(luck):
    """Seed 1; 400 sets of five processes, each with luck of its own: 1 % and three standard errors."""
    rng, sets = np.random.default_rng(1), 400
    told = dict.fromkeys(("mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "cpu_s_per_1000"), 0)
    for _ in range(sets):
        reports = [report(jittered(rng, 1e6 * np.exp(luck * rng.normal()))) for _ in range(5)]
        for name, found in summary(reports).items():
            if found.detail.startswith(UNSTEADY):
                told[name] += 1
    most = sets * (0.01 + 3 * np.sqrt(0.01 * 0.99 / sets))
    assert all(count <= most for count in told.values()), told


def test_bounds_widen_to_both_halves_where_these_do_not_meet():
    found = percentile_measurement("p50_ms", np.arange(100.0), 0.5, detail="said before")
    near, far = Interval(40.0, 50.0), Interval(70.0, 80.0)
    wide = widen_to_halves(found, [near, far])
    assert (wide.low, wide.high) == (min(found.low, 40.0), 80.0)
    assert wide.value == found.value
    assert wide.detail.startswith("said before; the bounds of the two halves")
    assert widen_to_halves(found, [far, near]) == wide
    assert widen_to_halves(found, [near, Interval(50.0, 80.0)]) == found
    assert widen_to_halves(found, [near, None]) == found


def test_two_kinds_of_processes_are_both_within_the_bounds():
    """Nothing is called unsteady, for processes differ within a half too; but the median stays open."""
    rng = np.random.default_rng(2)
    centres = (1e6, 1.5e6, 1e6, 1.5e6, 1.02e6)
    found = summary([report(jittered(rng, centre)) for centre in centres])["p50_ms"]
    assert found.low < 1.1
    assert found.high > 1.5


def test_noise_in_repeated_inputs_is_no_report_and_a_clear_speed_up_is():
    rng = np.random.default_rng(0)
    noisy = (1 + 0.3 * rng.normal(size=100)).tolist()
    faster = (1.5 + 0.1 * rng.normal(size=100)).tolist()
    assert summary([report([1000] * 9, repeat_ratios=noisy)])["mean_ms"].detail == ""
    assert "remembered" in summary([report([1000] * 9, repeat_ratios=faster)])["mean_ms"].detail
    assert cache_remark(np.array([])) == ()


def test_too_few_different_rows_are_said():
    found = summary([report([1000] * 9, unique_inputs=3)])
    assert found["mean_ms"].detail == "inputs repeat after 3 different rows"


def test_the_job_names_the_bundle_by_its_whole_path(tmp_path):
    job = latency_job(tmp_path / "x" / "..", {"text": ["a"]}, opener="m:f", requests=3, measure_s=1.0)
    assert job["bundle"] == str(tmp_path.resolve())
    assert (job["requests"], job["measure"], job["opener"]) == (3, "latency", "m:f")
