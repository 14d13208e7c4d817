"""An engine: runs one function over many items and gives the results in the order of the items.

    items -> waves -> joblib (this process | processes here | Ray) -> results, in order, wave by wave

A wave is a few items a worker, so that what is under way fits in memory however many items there are.
Leaves to others: what is computed and how it is merged (whoever maps); a Ray cluster (`engine.cluster`).
Always: a result does not depend on where it was computed: one function, one item, one thread of arithmetic;
a worker that dies costs its wave again and not the result; an error that the function raised is raised here.
Not covered: a function that kills every worker; it is given up after a few.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import ThreadpoolController, threadpool_limits

from smallcraft.engine.naming import LOCAL, check_engine
from smallcraft.errors import SmallcraftError

if TYPE_CHECKING:
    from smallcraft.engine.cluster import Sent

Item = TypeVar("Item")
Result = TypeVar("Result", covariant=True)
Shared = TypeVar("Shared")
_PER_WORKER = 4
_MOST_DEATHS = 3
# Processes take seconds to start: worth it where work has taken so long and goes on.
_WORTH_S = 4.0
_POLARS_THREADS = "POLARS_MAX_THREADS"


@dataclass(frozen=True)
class Done(Generic[Result]):
    """One item, done.

    Attributes:
        value: What the function gave.
        away_cpu_s: CPU-seconds that it took outside of this process; 0 for work done in it.
    """

    value: Result
    away_cpu_s: float


class Engine:
    """Runs functions over items, here or elsewhere.

    Args:
        name: `local`, `ray` or the address of a Ray cluster.
        workers: How many items at once; None for one a core.

    Raises:
        InvalidInputError: There is no such engine.

    Attributes:
        name: As given.
    """

    def __init__(self, name: str = LOCAL, *, workers: int | None = None) -> None:
        self.name = check_engine(name)
        self._workers = workers
        self._pool, self._cluster = ExitStack(), ExitStack()
        self._parallel: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_local(self) -> bool:
        """Whether all work stays on this machine; processes are started when there is enough of it."""
        return self.name == LOCAL

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Done[Result]]:
        """Run a function over items.

        Args:
            function: Of one item; it, the items and its results can be pickled.
            items: Taken as they are needed.

        Yields:
            The results, in the order of the items.

        Raises:
            SmallcraftError: Workers kept dying, or the cluster cannot be used.
        """
        rest = iter(items)
        if self.is_local:
            began, threads = time.monotonic(), ThreadpoolController()
            for item in rest:
                with threads.limit(limits=1):
                    done = Done(function(item), 0.0)
                yield done
                if self._is_worth_processes(time.monotonic() - began):
                    break
        while True:
            first = list(islice(rest, 1))
            if not first:
                return
            parallel = self._opened()
            wave = [*first, *islice(rest, _PER_WORKER * parallel.n_jobs - 1)]
            yield from self._through(function, wave)

    def map_with(
        self, shared: Shared, function: Callable[[Shared, Item], Result], items: Iterable[Item]
    ) -> Iterator[Done[Result]]:
        """Like `map`, of a function that needs something large beside each item.

        Args:
            shared: Can be pickled; a cluster is sent it once, not with every item.
            function: Of it and one item.
            items: As of `map`.

        Yields:
            As `map` does.

        Raises:
            SmallcraftError: As of `map`.
        """
        if self.is_local:
            yield from self.map(partial(function, shared), items)
            return
        rest = iter(items)
        first = list(islice(rest, 1))
        if not first:
            return  # A cluster is not joined for nothing.
        self._opened()
        from smallcraft.engine.cluster import send

        yield from self.map(partial(_with_sent, send(shared), function), chain(first, rest))

    def close(self) -> None:
        """End what was started for it; mapping again starts it again."""
        atexit.unregister(self.close)
        self._close_pool()
        self._cluster.close()

    def _is_worth_processes(self, seconds: float) -> bool:
        return self._parallel is not None or (seconds > _WORTH_S and self._local_workers > 1)

    @property
    def _local_workers(self) -> int:
        return self._workers or len(os.sched_getaffinity(0))

    def _opened(self) -> Any:  # noqa: ANN401 - joblib carries no types
        """The pool; a worker may die before all of them have come."""
        for death in range(1, _MOST_DEATHS + 1):
            if self._parallel is not None:
                break
            try:
                self._parallel = self._pool.enter_context(self._new_pool())
            except SmallcraftError:
                raise
            except _deaths(is_local=self.is_local) as error:
                self._close_pool()
                self._give_up_after(death, error)
        return self._parallel

    def _new_pool(self) -> Any:  # noqa: ANN401
        if not self.is_local:
            from smallcraft.engine.cluster import join_cluster, make_pool

            self._cluster.enter_context(join_cluster(self.name))
            self._close_at_exit()
            return make_pool(self._workers)
        self._close_at_exit()
        return joblib.Parallel(
            self._local_workers,
            backend="loky",
            batch_size=1,
            pre_dispatch="all",
            max_nbytes=None,
            inner_max_num_threads=1,
        )

    def _close_at_exit(self) -> None:
        """Joblib and Ray have said by now what they do at the end of the process: this comes before it."""
        atexit.unregister(self.close)
        atexit.register(self.close)

    def _give_up_after(self, death: int, error: Exception) -> None:
        if death == _MOST_DEATHS:
            raise SmallcraftError(
                f"workers of the engine '{self.name}' ended {death} times at the same work "
                f"({type(error).__name__}): it may need more memory than they have; "
                "give them more, or use fewer"
            ) from error

    def _close_pool(self) -> None:
        self._parallel = None
        self._pool.close()

    def _through(self, function: Callable[[Item], Result], wave: list[Item]) -> list[Done[Result]]:
        for death in range(1, _MOST_DEATHS + 1):
            try:
                with _one_thread_each():
                    found: list[Done[Result]] = self._opened()(
                        joblib.delayed(_done_away)(function, item) for item in wave
                    )
            except _deaths(is_local=self.is_local) as error:
                self._close_pool()
                self._give_up_after(death, error)
            else:
                return found
        raise AssertionError("the last death is raised")


@cache
def shared_engine(name: str = LOCAL) -> Engine:
    """The engine of that name that all of a process uses; it is closed when the process ends.

    Args:
        name: As of `Engine`.

    Raises:
        InvalidInputError: There is no such engine.
    """
    return Engine(name)


def _with_sent(sent: Sent[Shared], function: Callable[[Shared, Item], Result], item: Item) -> Result:
    return function(sent.fetch(), item)


def _done_away(function: Callable[[Item], Result], item: Item) -> Done[Result]:
    began = time.process_time()
    with threadpool_limits(1):
        value = function(item)
    return Done(value, time.process_time() - began)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes that are started now read tables with one thread: there is one of them a core already."""
    before = os.environ.get(_POLARS_THREADS)
    os.environ[_POLARS_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_POLARS_THREADS]
        else:
            os.environ[_POLARS_THREADS] = before


def _deaths(*, is_local: bool) -> tuple[type[Exception], ...]:
    """What it looks like when a worker was killed."""
    if is_local:
        return (TerminatedWorkerError,)
    from smallcraft.engine.cluster import deaths

    return deaths()
