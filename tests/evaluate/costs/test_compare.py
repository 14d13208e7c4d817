from types import MappingProxyType

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.costs.compare import LEVEL, compare_latency, run_block, summarise_blocks

ROWS = {"text": [f"word{i} " * (1 + i % 7) for i in range(900)]}
SESSIONS = 1500
SPEEDS = MappingProxyType({"a": 1.0, "b": 1.0, "a again": 1.0})


def session(rng, *, speeds=SPEEDS, blocks=6, noise=0.03):
    """A session on a machine that drifts, has luck by process, and is interrupted now and then."""
    place, slope = [0], rng.normal() * 0.01

    def run(name):
        place[0] += 1
        luck = slope * place[0] + noise * rng.normal() + (rng.random() < 0.05) * rng.exponential(0.3)
        latency = speeds[name] * np.exp(luck)
        return latency, 1e-3 * latency

    return summarise_blocks([run_block(run, rng) for _ in range(blocks)])


def test_a_bundle_is_called_faster_than_itself_no_oftener_than_the_level_says():
    """Seed 4; 1,500 sessions of the same bundle under three names."""
    rng = np.random.default_rng(4)
    found = [session(rng) for _ in range(SESSIONS)]
    most = (1 - LEVEL) + 3 * np.sqrt((1 - LEVEL) * LEVEL / SESSIONS)
    assert np.mean([f.claim != "undecided" for f in found]) <= most
    assert np.mean([not f.is_steady for f in found]) <= most
    assert np.mean([f.cpu.excludes_one for f in found]) <= most


def test_a_bundle_a_fifth_slower_is_found_out():
    """Seed 5; 200 sessions."""
    rng = np.random.default_rng(5)
    slower = [session(rng, speeds=SPEEDS | {"b": 1 / 1.2}) for _ in range(200)]
    assert np.mean([f.claim == "slower" for f in slower]) > 0.6
    faster = [session(rng, speeds=SPEEDS | {"b": 1.2}, noise=0.01, blocks=12) for _ in range(200)]
    assert np.mean([f.claim == "faster" for f in faster]) > 0.85
    assert np.mean([f.interval.low <= 1 / 1.2 <= f.interval.high for f in faster]) > 0.97


def test_nothing_is_claimed_where_a_bundle_differs_from_itself():
    found = session(np.random.default_rng(6), speeds={"a": 1.0, "b": 3.0, "a again": 1.5}, noise=0.005)
    latency, cpu = found.measurements()
    assert found.interval.high < 1
    assert not found.is_steady
    assert found.claim == "undecided"
    assert latency.detail.startswith("A/A comparison unsteady: 0.6")
    assert cpu.detail.startswith("A/A comparison unsteady: 0.6")


def test_the_measurements_carry_the_ratios_with_their_level():
    found = session(np.random.default_rng(7), speeds=SPEEDS | {"b": 0.5}, noise=0.01)
    latency, cpu = found.measurements()
    assert found.claim == "slower"
    assert (latency.name, latency.unit, latency.level, latency.n) == ("latency_ratio", "ratio", LEVEL, 6)
    assert latency.low < latency.value < latency.high
    assert latency.low > 1
    assert cpu.name == "cpu_ratio"
    assert cpu.value == pytest.approx(latency.value)
    assert "unsteady" not in latency.detail
    assert latency.detail.startswith("A/A comparison ")


@pytest.mark.slow
def test_a_real_bundle_that_works_thrice_as_long_is_called_slower(bundle):
    thrice = bundle.parent / "thrice"
    thrice.mkdir()
    found = compare_latency(
        *(thrice, bundle, ROWS), blocks=5, seed=1, requests=100, opener="toy_runtime:open_by_name"
    )
    assert found.n == 5
    assert found.ratio > 2
    assert found.interval.low < found.ratio < found.interval.high
    assert found.cpu.ratio > 2
    assert found.remark == ""


def test_too_few_blocks_are_refused(bundle):
    with pytest.raises(InvalidInputError, match="blocks must be at least 5 to see their spread, got 4"):
        compare_latency(bundle, bundle, ROWS, blocks=4, seed=0)
    with pytest.raises(InvalidInputError, match="requests must be at least 1"):
        compare_latency(bundle, bundle, ROWS, requests=0, seed=0)
