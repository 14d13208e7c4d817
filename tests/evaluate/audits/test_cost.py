from datetime import date
from pathlib import Path

import pytest

from smallcraft.errors import BundleFormatError, InvalidInputError
from smallcraft.evaluate.audits import BUILTIN
from smallcraft.evaluate.audits import cost as cost_audit
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.cost import measure_cost, measure_scenarios
from smallcraft.evaluate.costs.money import PriceSheet
from smallcraft.records import Measurement

ROWS = {"text": [f"word{i} " * (1 + i % 7) for i in range(900)]}
NAMES = {
    *("mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "load_ms", "first_ms"),
    *("cpu_s_per_1000", "peak_rss_mb", "size_mb", "noise_floor_ms", "parameters", "energy_j_per_1000"),
}


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "costs"))
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
        assert 0 < found[name].level < 1
    assert found["p50_ms"].value <= found["p95_ms"].value <= found["p99_ms"].value
    assert found["noise_floor_ms"].value < found["p99_ms"].value
    assert found["size_mb"].value == 0.002
    assert (found["size_mb"].low, found["size_mb"].high) == (None, None)
    assert 5 < found["peak_rss_mb"].value < 500
    assert found["parameters"].value is None
    assert found["energy_j_per_1000"].value is None
    assert found["energy_j_per_1000"].high == pytest.approx(4 * found["cpu_s_per_1000"].high)
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


@pytest.mark.slow
def test_scenarios_add_batches_load_energy_and_money_to_the_costs(bundle, monkeypatch):
    monkeypatch.setattr(cost_audit, "find_powercap", lambda: "this machine has no counter")
    accuracy = Measurement("accuracy", 0.9, "fraction", 100, "Wilson", low=0.85, high=0.95, level=0.95)
    found = {
        m.name: m
        for m in measure_scenarios(
            *(bundle, ROWS),
            seed=1,
            objective_ms=50.0,
            batch=8,
            seconds=3.0,
            sheet=PriceSheet("sheet", date(2026, 10, 1), 0.04, "EUR"),
            accuracy=accuracy,
            opener="toy_runtime:open_quick",
        )
    }
    assert set(found) > NAMES
    assert "batch 8" in found["offline_rows_per_cpu_s"].method
    assert {"max_rate_per_s", "server_p50_ms", "server_p90_ms", "server_p99_ms"} < set(found)
    assert "this machine has no counter" in found["energy_j_per_1000"].detail
    cpu = found["cpu_s_per_1000"].value
    assert found["money_per_1000"].value == pytest.approx(cpu / 3600 * 0.04)
    assert found["money_per_1000_correct"].value == pytest.approx(cpu / 3600 * 0.04 / 0.9)


def test_a_bundle_that_fails_is_refused_with_its_last_line(bundle):
    with pytest.raises(BundleFormatError, match="got: OSError: weights of bundle are gone"):
        measured(bundle, "open_broken", processes=2, target_requests=1)


def test_settings_without_sense_are_refused(bundle):
    with pytest.raises(InvalidInputError, match="processes must be at least 2"):
        measure_cost(bundle, ROWS, seed=0, processes=1)
    with pytest.raises(InvalidInputError, match="target_requests must be at least 1"):
        measure_cost(bundle, ROWS, seed=0, target_requests=0)


def test_the_audit_is_listed_under_its_name_and_measures_the_subjects_bundle(bundle):
    subject = AuditSubject(ROWS, seed=0, bundle=bundle / "absent")
    with pytest.raises(BundleFormatError, match="absent"):
        BUILTIN["cost"].measure(subject)
    assert BUILTIN["cost"].name == "cost"


def test_a_model_that_is_no_bundle_has_no_cost():
    found = BUILTIN["cost"].measure(AuditSubject(ROWS, seed=0))
    assert found.measurements[0].value is None
    assert "only a bundle ships" in found.summary
