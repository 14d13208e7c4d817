import io
import subprocess
import sys

import numpy as np
import pytest

from smallcraft.evaluate.costs import probe
from smallcraft.evaluate.costs.probe import (
    BLOCK_REQUESTS,
    FLOOR_REQUESTS,
    answer_windows,
    measure_latency,
    measure_memory,
    measure_offline,
    open_predictor,
    peak_rss_bytes,
    split_batches,
    split_rows,
    time_requests,
    warm_up,
)

JOB = {
    "opener": "tests.evaluate.costs.toy_runtime:open_silent",
    "bundle": ".",
    "rows": {"text": [f"t{i}" for i in range(60)], "age": list(range(60))},
    "requests": 50,
    "warm_up_s": 0.2,
    "measure_s": 1.0,
    "repeat_s": 0.2,
}


def test_rows_become_one_request_each_with_every_column():
    assert split_rows({"text": ["a", "b"], "age": [1, None]}) == [
        {"text": ["a"], "age": [1]},
        {"text": ["b"], "age": [None]},
    ]


def test_requests_are_counted_and_taken_in_turn():
    seen = []
    latencies = time_requests(seen.append, [{"x": [1]}, {"x": [2]}], most=5, seconds=60)
    assert len(latencies) == 5
    assert latencies.dtype == np.int64
    assert [row["x"][0] for row in seen] == [1, 2, 1, 2, 1]


def test_time_cuts_requests_short_but_not_to_none():
    assert len(time_requests(lambda row: None, [{}], most=10**6, seconds=0.0)) == 1


def test_warming_up_stops_when_the_median_rests():
    requests, is_steady = warm_up(lambda row: sum(range(2000)), [{}], seconds=20)
    assert is_steady
    assert requests >= 4 * BLOCK_REQUESTS


def test_warming_up_gives_up_when_the_time_is_over():
    assert warm_up(lambda row: None, [{}], seconds=0.0) == (0, False)


def test_the_latency_job_reports_every_part():
    result = measure_latency(JOB)
    assert len(result["latencies_ns"]) == 50
    assert len(result["repeat_ratios"]) == 50
    assert result["unique_inputs"] == 40
    assert result["load_ns"] >= 0
    assert result["cpu_ns"] >= 0
    assert len(result["nothing_ns"]) == FLOOR_REQUESTS
    assert min(result["nothing_ns"]) >= 0


def test_one_row_is_enough():
    result = measure_latency({**JOB, "rows": {"text": ["only"]}})
    assert (len(result["latencies_ns"]), result["unique_inputs"]) == (50, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="VmHWM is told by Linux")
def test_memory_is_that_of_this_process():
    assert measure_memory(JOB)["peak_rss_bytes"] > 5_000_000
    assert peak_rss_bytes() >= 5_000_000


def test_batches_are_whole_and_in_order():
    columns = {"x": list(range(7)), "y": list("abcdefg")}
    assert split_batches(columns, 3) == [
        {"x": [0, 1, 2], "y": ["a", "b", "c"]},
        {"x": [3, 4, 5], "y": ["d", "e", "f"]},
    ]
    assert split_batches({"x": [1, 2]}, 5) == [{"x": [1, 2, 1, 2, 1]}]


def test_the_offline_job_counts_rows_and_compares_the_second_time_round():
    job = {**JOB, "measure": "offline", "batch": 7, "most_batches": 12}
    found = measure_offline(job)
    assert (found["rows"], found["batches"], found["unique_batches"]) == (84, 12, 8)
    assert len(found["repeat_ratios"]) == 4
    assert found["wall_ns"] > 0


def test_windows_are_answered_for_as_long_as_told(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("0.01\n0\n"))
    found = answer_windows(JOB)
    said = capsys.readouterr().out.split()
    assert said[0] == "ready"
    assert int(said[1]) > 0
    assert said[2] == "0"
    assert found["answers"] == int(said[1])


def test_the_opener_is_imported_by_name():
    assert open_predictor("pathlib:PurePath", "bundle").name == "bundle"


def test_the_probe_loads_nothing_but_numpy_of_what_is_installed():
    code = (
        f"import sys, runpy; runpy.run_path({probe.__file__!r}); "
        "print([m for m in ('scipy', 'polars', 'sklearn', 'smallcraft') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
