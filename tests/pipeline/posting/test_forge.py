"""What every forge keeps to."""

from __future__ import annotations

import pytest

from smallcraft.errors import OvertakenError
from smallcraft.pipeline.posting import FORGES
from smallcraft.pipeline.posting.forge import Forge


def opened(forge) -> Forge:
    found = FORGES[forge.kind](forge.environment())
    assert found is not None
    return found


def test_what_is_created_is_listed_updated_and_deleted(forge):
    place = opened(forge)
    made = place.create("one")
    assert list(place.own_comments()) == [made]
    place.update(made, "two")
    (found,) = place.own_comments()
    assert (found.number, found.text) == (made.number, "two")
    place.delete(made)
    assert list(place.own_comments()) == []


def test_a_later_comment_has_a_greater_number(forge):
    place = opened(forge)
    assert place.create("one").number < place.create("two").number


def test_comments_of_others_are_not_listed(forge):
    forge.add("person", "one")
    assert list(opened(forge).own_comments()) == []


def test_what_is_gone_is_deleted_without_an_error_and_not_updated(forge):
    place = opened(forge)
    made = place.create("one")
    place.delete(made)
    place.delete(made)
    with pytest.raises(OvertakenError, match="404"):
        place.update(made, "two")


def test_the_longest_comment_is_one_that_the_forge_takes(forge):
    assert opened(forge).longest == (65_536 if forge.kind == "github" else 1_000_000)
