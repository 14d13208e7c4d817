"""The same work on a Ray cluster of two nodes: the same results, whoever dies."""

from __future__ import annotations

import os
from contextlib import nullcontext
from importlib.metadata import version

import pytest
from benchmarks.scale.ray_clusters import RayCluster, missing_reason, ray_cluster
from tests.conftest import require
from tests.engine.jobs import product, square
from tests.serve.task_bundles import make_parts, open_encoder

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.canonical import digest_bytes
from smallcraft.engine import cluster as cluster_module
from smallcraft.engine.cluster import join_cluster
from smallcraft.errors import MissingPartError, SmallcraftError

pytestmark = [pytest.mark.ray, pytest.mark.slow]

# One process does them all: joining a cluster takes longer than any of them.
_MAPS = """
from smallcraft.engine.engines import Engine
from tests.engine import jobs

def told(engine, job, items):
    try:
        return [[one.value, one.away_cpu_s] for one in engine.map(getattr(jobs, job), items)]
    except Exception as error:
        return [type(error).__name__, str(error)]

with Engine(values["engine"]) as engine:
    print(json.dumps([told(engine, *one) for one in values["maps"]]))
"""

_SENT_ONCE = """
from pathlib import Path
import numpy as np
from tests.engine import jobs
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.canonical import digest_bytes
from smallcraft.engine.engines import Engine
from smallcraft.models.text_runs import run_texts
from tests.serve.task_bundles import open_encoder

rows = read_inputs(values["texts"], InputSpec("message", (), ()))
with Engine("ray") as engine:
    done = engine.map_with(np.array([0.5, 2.0]), jobs.scaled, range(12))
    ran = run_texts(open_encoder(Path(values["encoder"])), rows, engine)
    print(json.dumps([[one.value for one in done], digest_bytes(ran.values.tobytes()), ran.away_cpu_s]))
"""


@pytest.fixture(scope="module")
def cluster():
    require(missing_reason())
    with ray_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def flag(tmp_path_factory):
    """A file that is there once a worker was killed."""
    return tmp_path_factory.mktemp("flag") / "killed"


@pytest.fixture(scope="module")
def done(cluster, flag):
    """What came of each map over one engine."""
    maps = {
        "pids": ("slow_pid_of", list(range(12))),
        "products": ("product", list(range(10))),
        "threads": ("polars_threads", [0, 1]),
        "burnt": ("burn", [0.2]),
        "failed": ("fail_at_three", [1, 2, 3]),
        "killed": ("die_once", [[number, str(flag)] for number in range(20)]),
        "given up": ("die", [1]),
    }
    return dict(zip(maps, mapped(cluster, *maps.values()), strict=True))


def mapped(cluster: RayCluster, *maps: tuple[str, list], engine: str = "ray", code: str = _MAPS) -> list:
    return cluster.run(code, engine=engine, maps=maps)


def values_of(found: list) -> list:
    assert not any(isinstance(one, str) for one in found), found
    return [value for value, _ in found]


def test_work_is_done_by_both_nodes_and_gives_the_same(done):
    pids = values_of(done["pids"])
    assert len(set(pids)) == 2
    assert os.getpid() not in pids
    assert values_of(done["products"]) == [product(seed) for seed in range(10)]
    assert set(values_of(done["threads"])) == {1}


def test_another_machine_reaches_the_cluster_by_its_address(cluster):
    (found,) = mapped(cluster, ("square", list(range(20))), engine=cluster.client)
    assert values_of(found) == [n * n for n in range(20)]


def test_what_is_sent_once_gives_the_same_also_an_encoder(cluster, tmp_path):
    make_parts(tmp_path)
    texts = [f"where is order {number} of mine" for number in range(200)]
    scaled, digest, spent = cluster.run(_SENT_ONCE, texts=texts, encoder=str(tmp_path / "int8"))
    assert [values for _, *values in scaled] == [[0.5 * number, 2.0 * number] for number in range(12)]
    assert os.getpid() not in {int(pid) for pid, *_ in scaled}
    here = open_encoder(tmp_path / "int8").encode(read_inputs(texts, InputSpec("message", (), ())))
    assert digest == digest_bytes(here.values.tobytes())
    assert spent > 0


def test_a_worker_that_is_killed_costs_time_and_not_the_result(done, flag):
    assert values_of(done["killed"]) == [square(number) for number in range(20)]
    assert flag.exists()


def test_cpu_time_spent_on_the_cluster_is_told(done):
    [[_, spent]] = done["burnt"]
    assert spent >= 0.19


def test_workers_with_other_versions_are_refused_before_they_compute(cluster):
    code = f"from smallcraft.engine import cluster\ncluster.version = lambda package: '0.0'\n{_MAPS}"
    ((kind, told),) = mapped(cluster, ("square", [1]), code=code)
    assert kind == "SmallcraftError", told
    assert f"run onnxruntime {version('onnxruntime')}, wanted 0.0 as here: results could differ" in told


def test_an_error_of_the_function_is_raised_here(done):
    assert done["failed"] == ["ValueError", "three is too much"]


def test_work_that_kills_every_worker_is_given_up(done):
    kind, told = done["given up"]
    assert kind == "SmallcraftError"
    assert told.startswith("workers of the engine 'ray' ended 3 times at the same work")


def test_an_engine_that_a_process_shares_is_closed_before_ray_is(cluster):
    code = (
        "from smallcraft.engine.engines import shared_engine\n"
        "from tests.engine import jobs\n"
        "print(json.dumps([one.value for one in shared_engine(values['engine']).map(jobs.square, [1, 2])]))\n"
    )
    assert mapped(cluster, code=code) == [1, 4]


def test_workers_that_run_other_code_are_refused(cluster):
    code = "import smallcraft\nsmallcraft.__version__ = '9.9'\n" + _MAPS
    ((kind, told),) = mapped(cluster, ("square", [1]), code=code)
    assert kind == "SmallcraftError"
    assert "run smallcraft" in told
    assert "wanted 9.9 as here" in told


def test_a_cluster_that_does_not_answer_is_told(cluster):
    ((kind, told),) = mapped(cluster, ("square", [1]), engine="ray://127.0.0.1:9")
    assert kind == "SmallcraftError"
    assert told.startswith("the Ray cluster 'ray://127.0.0.1:9' does not answer")
    assert "ray start --head" in told


@pytest.mark.parametrize(("failures", "joins"), [(2, True), (3, False)])
def test_a_cluster_too_busy_for_one_more_client_is_asked_again(monkeypatch, failures, joins):
    asked = []

    def busy(name: str) -> None:
        asked.append(name)
        if len(asked) <= failures:
            raise ConnectionAbortedError("Initialization failure from server:\nno process in time")

    monkeypatch.setattr(cluster_module, "_initialise", busy)
    monkeypatch.setattr(cluster_module, "_PAUSE_S", 0.0)
    with nullcontext() if joins else pytest.raises(SmallcraftError, match="Initialization failure"):
        cluster_module._connect("ray://head:10001")
    assert asked == ["ray://head:10001"] * 3


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("smallcraft.engine.cluster.find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match=r"smallcraft\[scale\]"), join_cluster("ray"):
        pass
