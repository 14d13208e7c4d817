"""Energy per 1,000 answers: from a counter of the machine if one can be read, else bounds and no value.

The counter is RAPL through the powercap files (packages; the zones inside a package are part of it), and NVML
for graphics cards. Work and rest take turns, 5 windows each of at least 10 s; what the machine draws at rest
is taken off for `energy_j_per_1000` and left in `energy_gross_j_per_1000`.
Always: a method that opens with `measured:` comes from a counter; `estimated:cpu_s` has bounds and no value,
so it can never pass a gate; an unreadable counter is told, never read as 0.
Not covered: what else runs on the machine meanwhile (a counter sees the whole package), and mains losses.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Measurement
from smallcraft.stats.intervals import mean_interval

POWERCAP = Path("/sys/class/powercap")
WINDOW_S = 10.0
REPEATS = 5
WATTS_A_CPU = (0.4, 4.0)
_LEVEL = 0.95


class EnergyCounter(Protocol):
    """Counts joules upwards, each part of it to a limit at which it starts from 0 again."""

    @property
    def name(self) -> str:
        """What stands behind `measured:`."""

    @property
    def ranges_j(self) -> tuple[float, ...]:
        """Where each part starts again; infinite when it does not."""

    def read_j(self) -> tuple[float, ...]:
        """What each part shows now, in joules."""


@dataclass(frozen=True)
class PowercapCounter:
    """RAPL packages as the powercap files show them.

    Attributes:
        zones: Folders of the packages.
        ranges_j: `max_energy_range_uj` of each, in joules.
    """

    zones: tuple[Path, ...]
    ranges_j: tuple[float, ...]
    name: str = "rapl"

    def read_j(self) -> tuple[float, ...]:
        """Joules of each package."""
        return tuple(_microjoules(zone / "energy_uj") for zone in self.zones)


@dataclass(frozen=True)
class NvmlCounter:
    """Graphics cards through NVML: joules of each since its driver was loaded.

    Attributes:
        library: The module `pynvml`, initialised.
        handles: Of the cards.
    """

    library: Any
    handles: tuple[Any, ...]
    name: str = "nvml"

    @property
    def ranges_j(self) -> tuple[float, ...]:
        """64 bits of millijoules never start again."""
        return (float("inf"),) * len(self.handles)

    def read_j(self) -> tuple[float, ...]:
        """Joules of each card."""
        return tuple(self.library.nvmlDeviceGetTotalEnergyConsumption(h) / 1e3 for h in self.handles)


@dataclass(frozen=True)
class Window:
    """One stretch of time under a counter.

    Attributes:
        joules: Counted.
        seconds: How long it was.
        answers: Given meanwhile; 0 at rest.
    """

    joules: float
    seconds: float
    answers: int = 0


def find_powercap(root: Path = POWERCAP) -> PowercapCounter | str:
    """The RAPL packages of this machine, or why there are none to read."""
    zones = sorted(zone for zone in root.glob("intel-rapl:*") if zone.name.count(":") == 1)
    packages = [zone for zone in zones if _text(zone / "name").startswith("package")]
    if not packages:
        return f"{root} shows no RAPL package"
    try:
        ranges = tuple(_microjoules(zone / "max_energy_range_uj") for zone in packages)
        counter = PowercapCounter(tuple(packages), ranges)
        counter.read_j()
    except PermissionError:
        return f"{packages[0] / 'energy_uj'} is not readable; let this user read it"
    except (OSError, ValueError) as error:
        return f"the RAPL counter cannot be read ({type(error).__name__})"
    return counter


def find_nvml() -> NvmlCounter | str:
    """The graphics cards that count energy, or why there are none."""
    try:
        library = importlib.import_module("pynvml")
    except ImportError:
        return "pynvml is not installed"
    try:
        library.nvmlInit()
        count = library.nvmlDeviceGetCount()
        counter = NvmlCounter(library, tuple(library.nvmlDeviceGetHandleByIndex(i) for i in range(count)))
        counter.read_j()
    except library.NVMLError as error:
        return f"NVML counts no energy here ({error})"
    return counter if counter.handles else "NVML sees no graphics card"


def joules_between(counter: EnergyCounter, before: Sequence[float], after: Sequence[float]) -> float:
    """Joules counted between two readings; a part that shows less than before has started again once.

    A window of a minute cannot hold two new starts: a range of 65 kJ lasts for 5 minutes at 200 W.

    >>> from pathlib import Path
    >>> joules_between(PowercapCounter((Path("z"),), (100.0,)), [90.0], [15.0])
    25.0
    """
    return sum(
        late - early if late >= early else late - early + limit
        for early, late, limit in zip(before, after, counter.ranges_j, strict=True)
    )


def watch_window(
    counter: EnergyCounter, work: Callable[[], int], *, clock: Callable[[], float] = perf_counter
) -> Window:
    """Read the counter around a piece of work that returns how many answers it gave."""
    started, before = clock(), counter.read_j()
    answers = work()
    after, ended = counter.read_j(), clock()
    return Window(joules_between(counter, before, after), ended - started, answers)


def summarise_windows(
    busy: Sequence[Window], idle: Sequence[Window], *, name: str, prefix: str = ""
) -> tuple[Measurement, Measurement]:
    """`energy_j_per_1000` with the power at rest taken off, and `energy_gross_j_per_1000`.

    Args:
        busy: Windows of work, at least 2, in turn with those at rest.
        idle: As many windows at rest, each beside its window of work.
        name: Of the counter.
        prefix: Before the names of the measurements.

    Raises:
        InvalidInputError: Unequal or too few windows, or one without an answer.
    """
    if len(busy) != len(idle) or len(busy) < 2 or any(window.answers < 1 for window in busy):
        raise InvalidInputError(
            f"energy needs at least 2 windows of work with answers and as many at rest, got {len(busy)} and "
            f"{len(idle)}; make the windows longer"
        )
    gross = np.array([1000 * window.joules / window.answers for window in busy])
    resting = np.array(
        [
            1000 * rest.joules / rest.seconds * window.seconds / window.answers
            for window, rest in zip(busy, idle, strict=True)
        ]
    )
    seconds = min(window.seconds for window in (*busy, *idle))
    method = f"measured:{name}, {len(busy)} windows of {seconds:.3g} s, Student t {_LEVEL:.0%}"
    answers = sum(window.answers for window in busy)
    watts = float(np.mean([rest.joules / rest.seconds for rest in idle]))
    return (
        _mean_energy(
            f"{prefix}energy_j_per_1000", gross - resting, n=answers, method=f"{method}, less the idle power"
        ),
        _mean_energy(
            f"{prefix}energy_gross_j_per_1000",
            gross,
            n=answers,
            method=method,
            detail=f"{watts:.3g} W at rest",
        ),
    )


def estimate_energy(costs: Sequence[Measurement], *, why: str) -> Measurement:
    """Bounds of the energy from CPU-seconds: 0.4 to 4 W a busy CPU, from a phone's core to a server's.

    Args:
        costs: Measurements of one bundle, `cpu_s_per_1000` among them.
        why: Why there is no counter.
    """
    cpu = next((cost for cost in costs if cost.name == "cpu_s_per_1000"), None)
    name, method = "energy_j_per_1000", "estimated:cpu_s"
    if cpu is None or cpu.value is None:
        return Measurement(name, None, "J", 0, method, detail=f"not measured: {why}, and no CPU-seconds")
    least, most = WATTS_A_CPU
    return Measurement(
        name,
        None,
        "J",
        cpu.n,
        method,
        low=least * (cpu.value if cpu.low is None else cpu.low),
        high=most * (cpu.value if cpu.high is None else cpu.high),
        detail=(
            f"not measured: {why}; the bounds are CPU-seconds x {least:g} to {most:g} W, an estimate "
            "that never decides a gate"
        ),
    )


def _mean_energy(
    name: str, joules: NDArray[np.float64], *, n: int, method: str, detail: str = ""
) -> Measurement:
    interval = mean_interval(joules, level=_LEVEL)
    assert interval is not None
    return Measurement(
        *(name, float(joules.mean()), "J", n, method),
        low=interval.low,
        high=interval.high,
        detail=detail,
        level=_LEVEL,
    )


def _microjoules(path: Path) -> float:
    return int(path.read_text(encoding="ascii")) / 1e6


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
