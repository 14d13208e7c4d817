"""One function over many items: here, in processes, and the same result."""

from __future__ import annotations

import os
from itertools import count, islice

import numpy as np
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tests.engine.jobs import (
    burn,
    die,
    die_once,
    fail_at_three,
    pid_of,
    polars_threads,
    product,
    scaled,
    square,
)

from smallcraft.engine import engines
from smallcraft.engine.engines import Engine
from smallcraft.errors import InvalidInputError, SmallcraftError


@pytest.fixture
def at_once(monkeypatch):
    """Processes are started for the second item on."""
    monkeypatch.setattr(engines, "_WORTH_S", 0.0)


def values(engine: Engine, function, items) -> list:
    return [done.value for done in engine.map(function, items)]


def test_little_work_is_done_in_this_process():
    with Engine() as engine:
        done = list(engine.map(pid_of, range(50)))
    assert {one.value for one in done} == {os.getpid()}
    assert {one.away_cpu_s for one in done} == {0.0}


def test_one_worker_is_this_process(at_once):
    with Engine(workers=1) as engine:
        assert set(values(engine, pid_of, range(5))) == {os.getpid()}


def test_what_goes_on_for_longer_is_done_in_processes(at_once):
    with Engine(workers=2) as engine:
        first, *rest = values(engine, pid_of, range(20))
        assert first == os.getpid()
        assert first not in rest
        assert set(values(engine, polars_threads, range(5))[1:]) == {1}


def test_results_are_the_same_and_in_order_wherever_they_are_computed(at_once):
    here = [product(seed) for seed in range(13)]
    with Engine(workers=2) as engine:
        assert values(engine, product, range(13)) == here
        assert values(engine, square, range(40)) == [square(number) for number in range(40)]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_every_item_needs_is_there_beside_each(at_once, workers):
    factors = np.array([0.5, 2.0])
    with Engine(workers=workers) as engine:
        found = [done.value[1:] for done in engine.map_with(factors, scaled, range(6))]
    assert found == [[0.5 * number, 2.0 * number] for number in range(6)]


def test_items_are_taken_as_they_are_needed(at_once):
    taken = []

    def endless():
        for number in count():
            taken.append(number)
            yield number

    with Engine(workers=2) as engine:
        assert [one.value for one in islice(engine.map(square, endless()), 5)] == [0, 1, 4, 9, 16]
    assert len(taken) <= 1 + 2 * 4


def test_no_items_give_no_results():
    with Engine() as engine:
        assert list(engine.map(square, [])) == []


def test_no_items_need_no_cluster():
    with Engine("ray://127.0.0.1:9") as nobody:
        assert list(nobody.map_with(np.ones(2), scaled, [])) == []


def test_cpu_time_spent_elsewhere_is_told(at_once):
    with Engine(workers=2) as engine:
        first, second, _ = engine.map(burn, [0.1, 0.2, 0.1])
    assert first.away_cpu_s == 0.0
    assert second.away_cpu_s >= 0.19


def test_an_error_of_the_function_is_raised_here(at_once):
    with Engine(workers=2) as engine, pytest.raises(ValueError, match="three is too much"):
        values(engine, fail_at_three, range(6))


def test_a_worker_that_is_killed_costs_time_and_not_the_result(at_once, tmp_path):
    flag = str(tmp_path / "killed")
    with Engine(workers=2) as engine:
        found = values(engine, die_once, [(number, flag) for number in range(20)])
    assert (tmp_path / "killed").exists()
    assert found == [square(number) for number in range(20)]


def test_work_that_kills_every_worker_is_given_up(at_once):
    with Engine(workers=2) as engine:
        items = iter([square, *[die] * 4])
        with pytest.raises(
            SmallcraftError, match="workers of the engine 'local' ended 3 times at the same work"
        ):
            list(engine.map(_call, items))


@pytest.mark.parametrize("deaths", [1, 2, 3])
def test_a_worker_that_is_killed_before_all_have_come_costs_time_too(at_once, monkeypatch, deaths):
    opens, failed = Engine._new_pool, []

    def new_pool(engine):
        if len(failed) < deaths:
            failed.append(1)
            raise TerminatedWorkerError("killed")
        return opens(engine)

    monkeypatch.setattr(Engine, "_new_pool", new_pool)
    with Engine(workers=2) as engine:
        if deaths < 3:
            assert values(engine, square, range(5)) == [0, 1, 4, 9, 16]
        else:
            with pytest.raises(SmallcraftError, match=r"ended 3 times at the same work"):
                values(engine, square, range(5))


def _call(function) -> object:
    return function(2)


def test_an_engine_that_was_closed_starts_again(at_once):
    engine = Engine(workers=2)
    values(engine, square, range(5))
    engine.close()
    assert values(engine, square, range(5)) == [0, 1, 4, 9, 16]
    engine.close()


def test_another_name_is_refused_before_anything_is_started():
    with pytest.raises(InvalidInputError, match="engine is"):
        Engine("rai")
