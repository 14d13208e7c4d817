"""The one word that says where work runs."""

from __future__ import annotations

import pytest

from smallcraft.engine.naming import check_engine
from smallcraft.errors import InvalidInputError


@pytest.mark.parametrize("name", ["local", "ray", "ray://head:10001", "ray://10.0.0.7:10001"])
def test_a_name_is_taken_as_it_is(name):
    assert check_engine(name) == name


@pytest.mark.parametrize(
    "name", ["", "Local", "ray://", "ray://head", "ray://head:x", "http://head:1", "dask"]
)
def test_another_word_is_refused_with_the_right_ones(name):
    with pytest.raises(InvalidInputError, match="'local', 'ray' or an address like 'ray://host:10001'"):
        check_engine(name)


def test_a_slip_of_the_pen_is_told_the_nearest_name():
    with pytest.raises(InvalidInputError, match="local"):
        check_engine("locl")
