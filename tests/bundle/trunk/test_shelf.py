"""The shelf: never above its budget, the longest unused go first, each item is made once."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.trunk.shelf import Shelf
from smallcraft.errors import InvalidInputError

SIZES = {"a": 3, "b": 4, "c": 5, "d": 6, "e": 40}


def take(shelf: Shelf[str], name: str) -> str:
    return shelf.take(name, lambda: name.upper(), size_bytes=SIZES[name])


@given(
    budget=st.integers(0, 20),
    steps=st.lists(
        st.tuples(st.sampled_from(["take", "pin", "unpin", "drop"]), st.sampled_from([*SIZES])), max_size=40
    ),
)
def test_the_budget_is_never_exceeded_and_the_item_is_always_right(budget, steps):
    shelf: Shelf[str] = Shelf(budget)
    for step, name in steps:
        if step == "take":
            assert take(shelf, name) == name.upper()
        elif step == "pin":
            try:
                shelf.pin(name, size_bytes=SIZES[name])
            except InvalidInputError:
                assert SIZES[name] + shelf.used_bytes >= 0
        else:
            getattr(shelf, step)(name)
        assert shelf.used_bytes == sum(SIZES[kept] for kept in shelf.names) <= budget


@given(uses=st.lists(st.sampled_from("abcd"), max_size=40))
def test_what_is_kept_is_what_was_used_last(uses):
    """Equal sizes: the shelf then holds exactly the last three different names, the last use last."""
    shelf: Shelf[str] = Shelf(30)
    for name in uses:
        shelf.take(name, lambda name=name: name, size_bytes=10)
    last = list(dict.fromkeys(reversed(uses)))[:3]
    assert list(shelf.names) == last[::-1]


def test_pinned_items_stay_and_the_others_go():
    shelf: Shelf[str] = Shelf(9)
    shelf.pin("a", size_bytes=3)
    for name in "abcd":
        take(shelf, name)
    assert shelf.names == ("a", "d")
    shelf.unpin("a")
    take(shelf, "b")
    assert shelf.names == ("b",)


def test_an_item_larger_than_the_budget_is_made_and_moves_nothing():
    shelf: Shelf[str] = Shelf(9)
    take(shelf, "a")
    assert take(shelf, "e") == "E"
    assert shelf.names == ("a",)


def test_pinning_more_than_the_budget_is_refused_with_the_remedy():
    shelf: Shelf[str] = Shelf(9)
    shelf.pin("a", size_bytes=3)
    shelf.pin("a", size_bytes=3)
    with pytest.raises(InvalidInputError, match=r"may take 9 bytes together, 'd' with 7 .*10; raise budget"):
        shelf.pin("d", size_bytes=7)


def test_a_budget_below_zero_is_refused():
    with pytest.raises(InvalidInputError, match="budget_bytes must be 0 or more, got -1"):
        Shelf(-1)


def test_several_threads_make_an_item_once_and_do_not_wait_for_other_items():
    shelf: Shelf[object] = Shelf(100)
    making, let_go, made = threading.Event(), threading.Event(), []

    def slowly() -> object:
        making.set()
        assert let_go.wait(10)
        made.append(1)
        return object()

    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(shelf.take("slow", slowly, size_bytes=1)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    assert making.wait(10)
    assert shelf.take("quick", lambda: "quick", size_bytes=1) == "quick"
    let_go.set()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert len({id(item) for item in found}) == 1


def test_an_item_that_could_not_be_made_is_tried_again():
    shelf: Shelf[str] = Shelf(10)

    def fail() -> str:
        raise OSError("the disk is away")

    with pytest.raises(OSError, match="away"):
        shelf.take("a", fail, size_bytes=3)
    assert take(shelf, "a") == "A"
