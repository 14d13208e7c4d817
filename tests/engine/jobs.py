"""What tests let engines do; workers of any kind import it from here."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np


def square(number: int) -> int:
    return number * number


def scaled(factors: np.ndarray, number: int) -> list[float]:
    """Begins with the process that did it."""
    return [float(os.getpid()), *(factors * number).tolist()]


def pid_of(_: int) -> int:
    return os.getpid()


def slow_pid_of(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def burn(seconds: float) -> float:
    """Takes so many CPU-seconds."""
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass
    return time.process_time() - began


def fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is too much")
    return number


def polars_threads(_: int) -> int:
    import polars as pl

    return pl.thread_pool_size()


def product(seed: int) -> float:
    """A sum whose last bits depend on the order of adding."""
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((300, 300)), rng.standard_normal((300, 300))
    return float((a @ b).sum())


def die_once(task: tuple[int, str]) -> int:
    """The first to come here is killed, as by the kernel when memory is gone."""
    number, flag = task
    if number == 5:
        try:
            Path(flag).touch(exist_ok=False)
        except FileExistsError:
            return square(number)
        os.kill(os.getpid(), signal.SIGKILL)
    return square(number)


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
