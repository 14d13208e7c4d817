"""A promise, how it is tried, and what came of it.

Always: a promise that raises is broken, with the error as its reason; nothing outlives its folder.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

Trial = Callable[[Path, int], str]
"""Tries a promise in an empty folder with a seed; gives what it saw, or raises `BrokenPromiseError`."""


class BrokenPromiseError(Exception):
    """What was seen is not what was promised."""


@dataclass(frozen=True)
class Promise:
    """Something that a stage must do on every machine.

    Attributes:
        stage: `preprocessing`, `training`, `metrics`, `records` or `whole`.
        claim: In words.
        attempt: Tries it.
    """

    stage: str
    claim: str
    attempt: Trial


@dataclass(frozen=True)
class Kept:
    """What came of one promise.

    Attributes:
        stage: As in `Promise`.
        claim: As in `Promise`.
        is_kept: Whether it held.
        seen: What was seen, or what went wrong.
        seconds: How long it took.
    """

    stage: str
    claim: str
    is_kept: bool
    seen: str
    seconds: float


def try_promises(promises: Sequence[Promise], *, seed: int) -> Iterator[Kept]:
    """Try each in a folder of its own.

    Args:
        promises: In order.
        seed: Of everything that is drawn.

    Yields:
        What came of each, as soon as it is known.
    """
    for promise in promises:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="smallcraft-selftest-") as folder:
            try:
                seen, is_kept = promise.attempt(Path(folder), seed), True
            except BrokenPromiseError as error:
                seen, is_kept = str(error), False
            except Exception as error:  # noqa: BLE001 - whatever goes wrong, the promise is not kept
                seen, is_kept = f"{type(error).__name__}: {error}", False
        yield Kept(promise.stage, promise.claim, is_kept, seen, time.perf_counter() - started)


def expect(holds: bool, seen: str) -> str:
    """What was seen, if it is what was promised.

    Raises:
        BrokenPromiseError: It is not.
    """
    if not holds:
        raise BrokenPromiseError(seen)
    return seen
