import os
import sys
from types import SimpleNamespace

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.costs.energy import (
    PowercapCounter,
    Window,
    estimate_energy,
    find_nvml,
    find_powercap,
    joules_between,
    summarise_windows,
    watch_window,
)
from smallcraft.records import Measurement

CPU = Measurement("cpu_s_per_1000", 2.0, "s", 1000, "mean of 5 processes", low=1.8, high=2.2, level=0.95)


def make_zone(root, name, *, kind, energy_uj=0, range_uj=262_143_328_850):
    zone = root / name
    zone.mkdir(parents=True)
    (zone / "name").write_text(kind + "\n")
    (zone / "energy_uj").write_text(f"{energy_uj}\n")
    (zone / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return zone


@pytest.fixture
def powercap(tmp_path):
    make_zone(tmp_path, "intel-rapl:0", kind="package-0", energy_uj=5_000_000)
    make_zone(tmp_path, "intel-rapl:0:0", kind="core", energy_uj=4_000_000)
    make_zone(tmp_path, "intel-rapl:1", kind="package-1", energy_uj=7_000_000, range_uj=10_000_000)
    make_zone(tmp_path, "intel-rapl:2", kind="psys", energy_uj=99_000_000)
    return tmp_path


def test_packages_are_counted_and_what_is_inside_or_around_them_is_not(powercap):
    counter = find_powercap(powercap)
    assert isinstance(counter, PowercapCounter)
    assert [zone.name for zone in counter.zones] == ["intel-rapl:0", "intel-rapl:1"]
    assert counter.read_j() == (5.0, 7.0)
    assert counter.ranges_j == (262143.32885, 10.0)
    assert counter.name == "rapl"


def test_a_counter_that_starts_again_within_a_window_is_read_on(powercap):
    counter = find_powercap(powercap)

    def work():
        (powercap / "intel-rapl:0" / "energy_uj").write_text("8500000")
        (powercap / "intel-rapl:1" / "energy_uj").write_text("1000000")
        return 40

    ticks = iter([10.0, 22.0])
    window = watch_window(counter, work, clock=lambda: next(ticks))
    assert window == Window(joules=3.5 + 4.0, seconds=12.0, answers=40)
    assert joules_between(counter, [1.0, 9.0], [1.0, 9.0]) == 0


def test_no_counter_is_told_and_never_read_as_nought(tmp_path, powercap):
    assert find_powercap(tmp_path / "absent") == f"{tmp_path / 'absent'} shows no RAPL package"
    for zone in ("intel-rapl:0", "intel-rapl:1"):
        (powercap / zone / "energy_uj").write_text("not a number")
    assert find_powercap(powercap) == "the RAPL counter cannot be read (ValueError)"
    (powercap / "intel-rapl:0" / "energy_uj").unlink()
    assert find_powercap(powercap) == "the RAPL counter cannot be read (FileNotFoundError)"


def test_a_counter_that_is_locked_is_told_with_the_file(powercap, monkeypatch):
    locked = powercap / "intel-rapl:0" / "energy_uj"
    locked.chmod(0)
    if os.geteuid() == 0:  # the superuser reads everything: the refusal has to come from elsewhere

        def refuse(self):
            raise PermissionError(13, "Permission denied", str(self.zones[0]))

        monkeypatch.setattr(PowercapCounter, "read_j", refuse)
    assert find_powercap(powercap) == f"{locked} is not readable; let this user read it"


def test_energy_is_given_gross_and_less_the_power_at_rest():
    busy = [Window(joules=300.0 + i, seconds=10.0, answers=5000) for i in range(5)]
    idle = [Window(joules=200.0, seconds=20.0) for _ in range(5)]
    net, gross = summarise_windows(busy, idle, name="rapl")
    assert (net.name, gross.name) == ("energy_j_per_1000", "energy_gross_j_per_1000")
    assert gross.value == pytest.approx(302 / 5)
    assert net.value == pytest.approx((302 - 100) / 5)
    assert net.low < net.value < net.high
    assert net.method == "measured:rapl, 5 windows of 10 s, Student t 95%, less the idle power"
    assert gross.detail == "10 W at rest"
    assert (net.level, net.n, net.unit) == (0.95, 25_000, "J")


def test_an_estimate_has_bounds_and_no_value():
    found = estimate_energy([CPU], why="no counter")
    assert found.value is None
    assert (found.low, found.high) == pytest.approx((0.4 * 1.8, 4 * 2.2))
    assert found.method == "estimated:cpu_s"
    assert "no counter" in found.detail
    assert "never decides a gate" in found.detail
    unmeasured = estimate_energy([], why="no counter")
    assert (unmeasured.value, unmeasured.low, unmeasured.high) == (None, None, None)


def test_windows_that_do_not_match_are_refused():
    with pytest.raises(InvalidInputError, match="got 1 and 1"):
        summarise_windows([Window(1, 1, 1)], [Window(1, 1)], name="rapl")
    with pytest.raises(InvalidInputError, match="make the windows longer"):
        summarise_windows([Window(1, 1, 0)] * 2, [Window(1, 1)] * 2, name="rapl")


class NoCardError(Exception):
    """As the library raises."""


def library(cards, *, refuses=False):
    def energy(handle):
        if refuses:
            raise NoCardError("Not Supported")
        return 1000 * (handle + 1)

    return SimpleNamespace(
        NVMLError=NoCardError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: cards,
        nvmlDeviceGetHandleByIndex=lambda i: i,
        nvmlDeviceGetTotalEnergyConsumption=energy,
    )


def test_graphics_cards_are_read_in_joules_or_told_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", library(2))
    counter = find_nvml()
    assert counter.read_j() == (1.0, 2.0)
    assert joules_between(counter, (1.0, 2.0), (1.5, 2.5)) == 1.0
    monkeypatch.setitem(sys.modules, "pynvml", library(0))
    assert find_nvml() == "NVML sees no graphics card"
    monkeypatch.setitem(sys.modules, "pynvml", library(1, refuses=True))
    assert find_nvml() == "NVML counts no energy here (Not Supported)"
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert find_nvml() == "pynvml is not installed"
