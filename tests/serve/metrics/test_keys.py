from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.serve.metrics.keys import KeyTable

HASHES = st.integers(min_value=0, max_value=2**64 - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(HASHES, st.integers(0, 40)), max_size=200))
def test_a_key_is_new_exactly_once_as_in_a_set(keys):
    table, seen = KeyTable(512), set()
    for key in keys:
        # 0 marks a free place, so it is kept as 1.
        assert table.add(key) is ((key or 1) not in seen)
        seen.add(key or 1)


def test_a_full_table_calls_no_key_new_and_forgets_none():
    table = KeyTable(16)
    taken = [key for key in range(1, 100) if table.add(key)]
    assert taken == list(range(1, 13))
    assert [table.add(key) for key in taken] == [False] * 12


def test_the_same_key_under_two_salts_is_two_keys():
    table = KeyTable(16)
    assert table.add(7)
    assert table.add(7, salt=1)
    assert not table.add(7, salt=1)


def test_keys_that_fall_on_one_place_are_told_apart():
    table = KeyTable(64)
    colliding = [3 + 64 * turn for turn in range(10)]
    assert all(table.add(key) for key in colliding)
    assert not any(table.add(key) for key in colliding)
