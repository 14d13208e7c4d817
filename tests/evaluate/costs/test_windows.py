import pytest

from smallcraft.errors import BundleFormatError, InvalidInputError
from smallcraft.evaluate.costs import windows
from smallcraft.evaluate.costs.energy import PowercapCounter
from smallcraft.evaluate.costs.windows import answering_child, measure_energy, take_turns

ROWS = {"text": ["one two", "three"]}


@pytest.fixture
def zone(tmp_path):
    (tmp_path / "energy_uj").write_text("0")
    return tmp_path


def spend(zone, joules):
    path = zone / "energy_uj"
    path.write_text(str((int(path.read_text()) + int(joules * 1e6)) % 50_000_000))


def test_work_and_rest_take_turns_and_the_order_turns_round(zone):
    counter, order = PowercapCounter((zone,), (50.0,)), []

    def work():
        order.append("work")
        spend(zone, 30.0)
        return 10

    def rest():
        order.append("rest")
        spend(zone, 7.0)

    busy, idle = take_turns(counter, work=work, rest=rest, repeats=4)
    assert " ".join(order) == "rest work work rest rest work work rest"
    assert [window.joules for window in busy] == pytest.approx([30.0] * 4)  # over the end of the range
    assert [window.joules for window in idle] == pytest.approx([7.0] * 4)
    assert [window.answers for window in busy] == [10] * 4


def child_job(bundle, opener="open_quick"):
    return {
        "measure": "windows",
        "opener": f"toy_runtime:{opener}",
        "bundle": str(bundle),
        "rows": ROWS,
        "warm_up_s": 0.05,
    }


def test_one_child_answers_in_every_window(bundle):
    with answering_child(child_job(bundle)) as answer:
        assert answer(0.05) > 0
        assert answer(0.0) == 0
        assert answer(0.05) > 0


def test_a_child_that_fails_is_an_error_with_its_last_line(bundle):
    with (
        pytest.raises(BundleFormatError, match="got: OSError: weights of bundle are gone"),
        answering_child(child_job(bundle, "open_broken")),
    ):
        pass


def test_energy_comes_from_the_counter_with_its_name(bundle, zone, monkeypatch):
    """Windows made short for the test; the counter moves by 6 J a window, and by 4 J more at work."""

    monkeypatch.setattr(windows, "WINDOW_S", 0.01)

    def spend_in_turns(counter, *, work, rest, repeats):
        def busy():
            answers = work()
            spend(zone, 10.0)
            return answers

        def idle():
            spend(zone, 6.0)

        return take_turns(counter, work=busy, rest=idle, repeats=repeats)

    monkeypatch.setattr(windows, "take_turns", spend_in_turns)
    counter = PowercapCounter((zone,), (50.0,))
    net, gross = measure_energy(
        *(bundle, ROWS), counter=counter, seed=0, window_s=0.05, opener="toy_runtime:open_quick"
    )
    assert (net.name, gross.name) == ("energy_j_per_1000", "energy_gross_j_per_1000")
    assert net.method.startswith("measured:rapl, 5 windows")
    assert gross.value == pytest.approx(50_000 / gross.n, rel=0.5)
    assert net.value < gross.value
    named = PowercapCounter((zone,), (50.0,), name="nvml")
    found = measure_energy(
        *(bundle, ROWS), counter=named, seed=0, window_s=0.02, opener="toy_runtime:open_quick"
    )
    assert [m.name for m in found] == ["nvml_energy_j_per_1000", "nvml_energy_gross_j_per_1000"]


def test_short_windows_are_refused(bundle, zone):
    counter = PowercapCounter((zone,), (50.0,))
    with pytest.raises(InvalidInputError, match="energy needs 5 windows of 10 s or more, got 5 of 1 s"):
        measure_energy(bundle, ROWS, counter=counter, seed=0, window_s=1.0)
    with pytest.raises(InvalidInputError, match="got 2 of 10 s"):
        measure_energy(bundle, ROWS, counter=counter, seed=0, repeats=2)
