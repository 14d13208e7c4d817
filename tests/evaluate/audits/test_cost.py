from pathlib import Path

import numpy as np
import pytest

from smallcraft.errors import BundleFormatError, InvalidInputError
from smallcraft.evaluate.audits import BUILTIN
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.cost import choose_inputs, measure_cost, pool_runs, summarise_runs
from smallcraft.stats.intervals import least_n_for_quantile

ROWS = {"text": [f"word{i} " * (1 + i % 7) for i in range(900)]}
NAMES = {
    *("mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "load_ms", "first_ms"),
    *("cpu_s_per_1000", "peak_rss_mb", "size_mb", "noise_floor_ms"),
}


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    folder = tmp_path / "bundle"
    (folder / "heads").mkdir(parents=True)
    (folder / "bundle.json").write_bytes(b"x" * 1500)
    (folder / "heads" / "a.npz").write_bytes(b"x" * 500)
    return folder


def measured(bundle, opener, rows=ROWS, **settings):
    found = measure_cost(bundle, rows, seed=1, opener=f"toy_runtime:{opener}", **settings)
    return {measurement.name: measurement for measurement in found}


@pytest.mark.slow
def test_a_quick_bundle_is_measured_in_every_way(bundle):
    found = measured(bundle, "open_quick")
    assert set(found) == NAMES
    assert {m.unit for name, m in found.items() if name.endswith("_ms")} == {"ms"}
    for name in ("mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "load_ms", "cpu_s_per_1000"):
        assert 0 <= found[name].low <= found[name].value <= found[name].high
    assert found["p50_ms"].value <= found["p95_ms"].value <= found["p99_ms"].value
    assert found["noise_floor_ms"].value < found["p99_ms"].value
    assert found["size_mb"].value == 0.002
    assert (found["size_mb"].low, found["size_mb"].high) == (None, None)
    assert 5 < found["peak_rss_mb"].value < 500
    assert "remembered" not in found["mean_ms"].detail


@pytest.mark.slow
def test_remembered_answers_are_reported(bundle):
    found = measured(bundle, "open_forgetless", processes=2, target_requests=200)
    assert "answers look remembered" in found["mean_ms"].detail
    assert "answers look remembered" in found["p95_ms"].detail


@pytest.mark.slow
def test_a_slow_bundle_is_cut_short_and_its_percentiles_are_left_unmeasured(bundle):
    found = measured(bundle, "open_slow", processes=2)
    assert found["mean_ms"].value >= 100
    assert found["mean_ms"].n < 60
    assert found["p99_ms"].value is None
    assert f"needs 662 timed requests, there were {found['p99_ms'].n}" in found["p99_ms"].detail
    assert "did not come to rest" in found["mean_ms"].detail


def test_a_bundle_that_fails_is_refused_with_its_last_line(bundle):
    with pytest.raises(BundleFormatError, match="got: OSError: weights of bundle are gone"):
        measured(bundle, "open_broken", processes=2, target_requests=1)


def report(latencies_ns, **changes):
    return {
        "load_ns": 2_000_000,
        "first_ns": 1_000_000,
        "latencies_ns": latencies_ns,
        "cpu_ns": 5_000_000,
        "repeat_ratios": [1.0] * 20,
        "unique_inputs": len(latencies_ns),
        "is_steady": True,
        **changes,
    }


def summary(reports):
    return {m.name: m for m in summarise_runs(pool_runs(reports))}


def test_units_and_bounds_follow_from_the_reports():
    found = summary([report([1_000_000] * 50), report([3_000_000] * 50, load_ns=4_000_000)])
    assert found["mean_ms"].value == pytest.approx(2.0)
    assert found["load_ms"].value == pytest.approx(3.0)
    assert found["cpu_s_per_1000"].value == pytest.approx(0.1)
    assert (found["load_ms"].low, found["load_ms"].high) == (2.0, 4.0)
    assert found["p95_ms"].value is None


def test_a_percentile_is_given_from_the_least_n_on():
    need = least_n_for_quantile(0.95)
    values = list(range(1_000_000, 1_000_000 + need))
    short, enough = summary([report(values[:-1])]), summary([report(values)])
    assert short["p95_ms"].value is None
    assert enough["p95_ms"].high == pytest.approx(values[-2] / 1e6)
    assert enough["p95_ms"].low < enough["p95_ms"].value < enough["p95_ms"].high
    assert enough["mean_ms"].low is None


def test_noise_in_repeated_inputs_is_no_report_and_a_clear_speed_up_is():
    rng = np.random.default_rng(0)
    noisy = (1 + 0.3 * rng.normal(size=100)).tolist()
    faster = (1.5 + 0.1 * rng.normal(size=100)).tolist()
    assert summary([report([1000] * 9, repeat_ratios=noisy)])["mean_ms"].detail == ""
    assert "remembered" in summary([report([1000] * 9, repeat_ratios=faster)])["mean_ms"].detail


def test_too_few_different_rows_are_said():
    found = summary([report([1000] * 9, unique_inputs=3)])
    assert found["mean_ms"].detail == "inputs repeat after 3 different rows"


def test_inputs_are_different_rows_in_a_seeded_order():
    rows = {"text": ["a", "b", "a", "c"], "age": [1, None, 1, 3.5]}
    chosen = choose_inputs(rows, most=10, seed=2)
    assert sorted(zip(chosen["text"], chosen["age"], strict=True), key=lambda row: row[0]) == [
        ("a", 1),
        ("b", None),
        ("c", 3.5),
    ]
    assert chosen == choose_inputs(rows, most=10, seed=2)
    assert len(choose_inputs(rows, most=2, seed=2)["text"]) == 2


def test_rows_that_cannot_be_handed_over_are_refused(bundle):
    with pytest.raises(InvalidInputError, match="equally long columns"):
        choose_inputs({"text": ["a"], "age": []}, most=5, seed=0)
    with pytest.raises(InvalidInputError, match="equally long columns"):
        choose_inputs({}, most=5, seed=0)
    with pytest.raises(InvalidInputError, match="must be text, numbers, booleans or None"):
        choose_inputs({"text": [object()]}, most=5, seed=0)
    with pytest.raises(InvalidInputError, match="processes must be at least 2"):
        measure_cost(bundle, ROWS, seed=0, processes=1)
    with pytest.raises(InvalidInputError, match="target_requests must be at least 1"):
        measure_cost(bundle, ROWS, seed=0, target_requests=0)


def test_the_audit_is_listed_under_its_name_and_measures_the_subjects_bundle(bundle):
    subject = AuditSubject(ROWS, seed=0, bundle=bundle / "absent")
    with pytest.raises(BundleFormatError, match="absent"):
        BUILTIN["cost"].measure(subject)
    assert BUILTIN["cost"].name == "cost"
