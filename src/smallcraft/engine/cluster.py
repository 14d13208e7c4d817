"""A Ray cluster as joblib sees it: found or started, asked whether it runs the same code, left again.

Leaves to others: waves and what a death costs (`engine.engines`).
Always: a cluster that was there stays; one that was started here ends with the engine; workers that run
another version of smallcraft are refused before they compute anything.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Generic, TypeVar
from uuid import uuid4

import joblib

import smallcraft
from smallcraft.engine.naming import RAY
from smallcraft.errors import MissingPartError, SmallcraftError

Value = TypeVar("Value")
_EXTRA = "pip install 'smallcraft[scale]'"
_FETCHED: dict[str, Any] = {}
_TRIES, _PAUSE_S = 3, 1.0
_ENVIRONMENT = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Sent(Generic[Value]):
    """Something that a cluster was sent once.

    Attributes:
        name: Its own.
        place: Where the cluster keeps it.
    """

    name: str
    place: Any

    def fetch(self) -> Value:
        """The thing itself; the newest one stays in the worker that asked."""
        if self.name not in _FETCHED:
            import ray

            _FETCHED.clear()
            _FETCHED[self.name] = ray.get(self.place)
        fetched: Value = _FETCHED[self.name]
        return fetched


def send(value: Value) -> Sent[Value]:
    """Send something to the cluster that this process has joined.

    Args:
        value: Can be pickled.
    """
    import ray

    return Sent(uuid4().hex, ray.put(value))


@contextmanager
def join_cluster(name: str) -> Iterator[None]:
    """Be connected with a Ray cluster; where this process is already, nothing happens.

    Args:
        name: `ray` for the one that runs (the environment variable RAY_ADDRESS, or this machine's), else
            one on this machine that is started now; or an address.

    Raises:
        MissingPartError: Ray is not installed.
        SmallcraftError: The cluster does not answer, or its workers run other code.
    """
    if find_spec("ray") is None:
        raise MissingPartError(f"the engine '{name}' needs ray; `{_EXTRA}` adds it")
    import ray

    if ray.is_initialized():
        yield
        return
    try:
        _complain_on_stderr()
        _connect(name)
        _require_same_code(name)
        yield
    finally:
        ray.shutdown()


def make_pool(workers: int | None = None) -> Any:  # noqa: ANN401 - joblib carries no types
    """A joblib `Parallel` whose workers are on the cluster.

    Args:
        workers: How many; None for one a core of the cluster.
    """
    import ray
    from ray.util.joblib import register_ray

    register_ray()
    # It warns of an argument that joblib passes.
    logging.getLogger("ray.util.multiprocessing").setLevel(logging.ERROR)
    return joblib.Parallel(
        workers or max(1, int(ray.cluster_resources().get("CPU", 1))),
        backend="ray",
        batch_size=1,
        pre_dispatch="all",
        ray_remote_args={"num_cpus": 1, "runtime_env": {"env_vars": _ENVIRONMENT}},
    )


def deaths() -> tuple[type[Exception], ...]:
    """What it looks like when a worker, or its machine, was lost for good."""
    from ray.exceptions import RayActorError, WorkerCrashedError

    return (RayActorError, WorkerCrashedError)


def _initialise(name: str) -> None:
    import ray

    ray.init(
        None if name == RAY else name,
        log_to_driver=False,
        logging_level=logging.ERROR,
        include_dashboard=False if name == RAY else None,
        ignore_reinit_error=True,
    )


def _connect(name: str) -> None:
    try:
        for tries_left in reversed(range(_TRIES)):
            try:
                _initialise(name)
                break
            # The cluster is there, and had no process for this client in time, as happens on a busy one.
            except ConnectionAbortedError:
                if not tries_left:
                    raise
                time.sleep(_PAUSE_S)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SmallcraftError(
            f"the Ray cluster '{name}' does not answer ({reason}); start it with `ray start --head`, "
            'or write engine = "local"'
        ) from error


def _complain_on_stderr() -> None:
    """What Ray tells of a worker that died would stand in the middle of an answer; it prints it itself."""
    from ray._private import worker

    told = getattr(worker, "print_to_stdstream", None)
    if told is not None and not isinstance(told, partial):
        worker.print_to_stdstream = partial(_on_stderr, told)


def _on_stderr(told: Callable[..., None], data: Mapping[str, object], *more: object, **named: object) -> None:
    told({**data, "is_err": True}, *more, **named)


def _versions() -> dict[str, str]:
    import numpy
    import polars

    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "smallcraft": smallcraft.__version__,
        "numpy": numpy.__version__,
        "polars": polars.__version__,
        "onnxruntime": version("onnxruntime"),
        "tokenizers": version("tokenizers"),
        "processor": platform.machine(),
    }


def _require_same_code(name: str) -> None:
    import ray

    asked = ray.remote(_versions).options(num_cpus=0)
    try:
        there = ray.get(asked.remote())
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise SmallcraftError(
            f"workers of '{name}' cannot load smallcraft ({reason}); install smallcraft "
            f"{smallcraft.__version__} on every machine of the cluster"
        ) from error
    for package, here in _versions().items():
        if there[package] != here:
            raise SmallcraftError(
                f"workers of '{name}' run {package} {there[package]}, wanted {here} as here: results could "
                f"differ; have the same on every machine of the cluster"
            )
