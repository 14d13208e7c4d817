"""The same work on a Ray cluster of two nodes: the same results, whoever dies."""

from __future__ import annotations

import os

import pytest
from benchmarks.scale.ray_clusters import RayCluster, missing_reason, ray_cluster
from tests.conftest import require
from tests.engine.jobs import product, square

from smallcraft.engine.cluster import join_cluster
from smallcraft.errors import MissingPartError

pytestmark = pytest.mark.slow

_MAP = """
import os
from smallcraft.engine.engines import Engine
from tests.engine import jobs
with Engine(values["engine"]) as engine:
    done = list(engine.map(getattr(jobs, values["job"]), values["items"]))
print(json.dumps([[one.value, one.away_cpu_s] for one in done]))
"""
_REFUSED = """
from smallcraft.engine.engines import Engine
from smallcraft.errors import SmallcraftError
from tests.engine import jobs
try:
    with Engine(values["engine"]) as engine:
        list(engine.map(getattr(jobs, values["job"]), values["items"]))
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


@pytest.fixture(scope="module")
def cluster():
    require(missing_reason())
    with ray_cluster() as cluster:
        yield cluster


def mapped(cluster: RayCluster, job: str, items: list, *, engine: str = "ray") -> list:
    return [value for value, _ in cluster.run(_MAP, engine=engine, job=job, items=items)]


def test_work_is_done_by_both_nodes_and_gives_the_same(cluster):
    pids = mapped(cluster, "slow_pid_of", list(range(12)))
    assert len(set(pids)) == 2
    assert os.getpid() not in pids
    assert mapped(cluster, "product", list(range(10))) == [product(seed) for seed in range(10)]
    assert set(mapped(cluster, "polars_threads", [0, 1])) == {1}


def test_another_machine_reaches_the_cluster_by_its_address(cluster):
    assert mapped(cluster, "square", list(range(20)), engine=cluster.client) == [n * n for n in range(20)]


def test_a_worker_that_is_killed_costs_time_and_not_the_result(cluster, tmp_path):
    flag = tmp_path / "killed"
    found = mapped(cluster, "die_once", [[number, str(flag)] for number in range(20)])
    assert flag.exists()
    assert found == [square(number) for number in range(20)]


def test_cpu_time_spent_on_the_cluster_is_told(cluster):
    [[_, spent]] = cluster.run(_MAP, engine="ray", job="burn", items=[0.2])
    assert spent >= 0.19


def test_an_error_of_the_function_is_raised_here(cluster):
    assert cluster.run(_REFUSED, engine="ray", job="fail_at_three", items=[1, 2, 3]) == [
        "ValueError",
        "three is too much",
    ]


def test_work_that_kills_every_worker_is_given_up(cluster):
    kind, told = cluster.run(_REFUSED, engine="ray", job="die", items=[1])
    assert kind == "SmallcraftError"
    assert told.startswith("workers of the engine 'ray' ended 3 times at the same work")


def test_workers_that_run_other_code_are_refused(cluster, tmp_path):
    code = "import smallcraft\nsmallcraft.__version__ = '9.9'\n" + _REFUSED
    kind, told = cluster.run(code, engine="ray", job="square", items=[1])
    assert kind == "SmallcraftError"
    assert "run smallcraft" in told
    assert "wanted 9.9 as here" in told


def test_a_cluster_that_does_not_answer_is_told(cluster):
    kind, told = cluster.run(_REFUSED, engine="ray://127.0.0.1:9", job="square", items=[1])
    assert kind == "SmallcraftError"
    assert told.startswith("the Ray cluster 'ray://127.0.0.1:9' does not answer")
    assert "ray start --head" in told


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("smallcraft.engine.cluster.find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match=r"smallcraft\[scale\]"), join_cluster("ray"):
        pass
