import numpy as np
import pytest

from smallcraft.models.crashes import describe_crash


def crash(work):
    with pytest.raises(Exception) as raised:
        work()
    return describe_crash(raised.value)


def fail():
    raise ZeroDivisionError("no rows left")


def test_a_crash_is_told_with_its_kind_message_and_place():
    line = fail.__code__.co_firstlineno + 1
    assert (
        crash(lambda: fail()) == f"ZeroDivisionError: no rows left (at models/test_crashes.py:{line} in fail)"
    )


def test_the_place_is_the_innermost_one_wherever_it_is():
    told = crash(lambda: np.stack([]))
    assert told.startswith("ValueError: need at least one array to stack (at ")
    assert " in stack)" in told


def test_a_message_is_one_line_and_not_longer_than_a_table_holds():
    def long():
        raise ValueError("first\n  second " + "x" * 1000)

    told = crash(long)
    assert told.startswith("ValueError: first second xxx")
    assert "\n" not in told
    assert len(told) < 400


def test_a_crash_without_a_message_or_a_place_is_told_by_its_kind():
    assert describe_crash(MemoryError()) == "MemoryError"
    assert describe_crash(KeyError("intent")) == "KeyError: 'intent'"
