import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.serve.rollout.counts import LATENCY_BINS, LATENCY_EDGES_S
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.traffic import Traffic
from smallcraft.serve.simulation.windows import Reader, quantile_s
from smallcraft.serve.simulation.world import Orders, World, draw_streams


@given(st.integers(1, 400), st.floats(0.01, 0.999), st.integers(0, 1000))
def test_a_quantile_lies_in_the_bin_that_holds_it(n, share, seed):
    seconds = np.random.default_rng(seed).lognormal(-4, 1, n)
    counts = np.bincount(np.searchsorted(LATENCY_EDGES_S, seconds, side="right"), minlength=LATENCY_BINS)
    found = float(quantile_s(counts, share))
    exact = np.sort(seconds)[max(int(np.ceil(share * n)) - 1, 0)]
    place = int(np.searchsorted(LATENCY_EDGES_S, exact, side="right"))
    assert LATENCY_EDGES_S[place - 1] * (1 - 1e-12) <= found <= LATENCY_EDGES_S[place] * (1 + 1e-12)


def test_without_a_request_there_is_no_quantile():
    assert np.isnan(quantile_s(np.zeros(LATENCY_BINS, dtype=int), 0.5))


def test_what_is_above_all_edges_is_at_the_last_one():
    counts = np.zeros(LATENCY_BINS, dtype=int)
    counts[-1] = 3
    assert quantile_s(counts, 0.99) == pytest.approx(LATENCY_EDGES_S[-1])


def test_windows_add_up_to_everything_and_forget_what_ended():
    it = World(Traffic(), SCENARIOS["fine"], streams=draw_streams(3, 1), places=2)
    reader, orders = (
        Reader(3),
        Orders(np.full(3, 0.3), np.array([0, 1, 0]), np.zeros(3), np.zeros(3, dtype=bool)),
    )
    windows = []
    for _ in range(3):
        it.send(orders, seconds=2.0)
        windows.append(reader.since(it.tally))
    for name in ("requests", "failures", "durations"):
        total = sum(getattr(window, name) for window in windows)
        assert total.tolist() == getattr(it.tally, name).sum(axis=1).tolist()
    it.keep(np.array([2]))
    reader.keep(np.array([2]))
    assert not reader.since(it.tally).requests.any()


def test_a_window_without_requests_has_no_success_rate():
    it = World(Traffic(), SCENARIOS["fine"], streams=draw_streams(2, 1), places=1)
    assert np.isnan(Reader(2).since(it.tally).success_rates()).all()
