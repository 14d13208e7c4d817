"""Laws of the error tree: the header draws it as it is, and a hint is a name that exists."""

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft import errors
from smallcraft.errors import SmallcraftError, nearest_name

CLASSES = [
    value for _, value in inspect.getmembers(errors, inspect.isclass) if value.__module__ == errors.__name__
]


def drawn_tree() -> dict[str, str | None]:
    """Each class in the header's drawing to the class it hangs from."""
    parents: dict[str, str | None] = {}
    trail: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^[\s│├└─]*(?P<name>[A-Z]\w+Error)\b", line)
        if not found:
            continue
        depth = found.start("name")
        trail = [(indent, name) for indent, name in trail if indent < depth]
        parents[found["name"]] = trail[-1][1] if trail else None
        trail.append((depth, found["name"]))
    return parents


def test_the_header_draws_the_tree_as_it_is():
    real = {
        error.__name__: None if error is SmallcraftError else error.__mro__[1].__name__ for error in CLASSES
    }
    assert drawn_tree() == real


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_the_one_root_and_a_name_that_ends_in_error(error):
    assert issubclass(error, SmallcraftError)
    assert error.__name__.endswith("Error")
    assert str(error("what was wanted; what came; what next")) == "what was wanted; what came; what next"


def test_a_bad_value_is_a_value_error_too_and_lost_integrity_is_not():
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.DataError, ValueError)
    assert not issubclass(errors.IntegrityError, ValueError)


@given(st.text(), st.lists(st.text(max_size=10), max_size=6))
def test_a_hint_is_empty_or_names_something_known(name, known):
    hint = nearest_name(name, known)
    assert hint == "" or hint in {f" - did you mean '{option}'?" for option in known}


@given(st.text(min_size=1), st.lists(st.text(max_size=10), max_size=4))
def test_a_name_that_is_known_is_its_own_nearest(name, others):
    assert nearest_name(name, [*others, name]) == f" - did you mean '{name}'?"


@pytest.mark.parametrize("slip", ["intnet", "inten", "intents", "Intent", "iintent"])
def test_a_slip_of_the_keyboard_is_recognised(slip):
    assert nearest_name(slip, ["message", "intent", "region"]) == " - did you mean 'intent'?"


def test_known_names_may_come_from_any_iterable():
    assert nearest_name("intnet", (name for name in ["intent"])) == " - did you mean 'intent'?"
