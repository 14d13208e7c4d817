import pytest

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.registry.appending import look_entries


@pytest.mark.parametrize("alias", ["latest", "Stable", "1", "a b", "-x", ""])
def test_a_word_that_cannot_be_an_alias_is_refused(registry, now, alias):
    with pytest.raises(InvalidInputError, match="an alias must be"):
        registry.set_alias("helpdesk", alias, 1, now=now)


@pytest.mark.parametrize(("name", "version"), [("helpdesk", 4), ("helpdesk", 0), ("other", 1)])
def test_nothing_is_said_of_a_version_that_is_not_there(registry, now, name, version):
    for change in (
        lambda: registry.set_alias(name, "stable", version, now=now),
        lambda: registry.retire(name, version, now=now),
    ):
        with pytest.raises(NotFoundError, match=f"there is no {name}@{version}; {name} has [03] versions"):
            change()


def test_an_alias_that_means_nothing_cannot_be_taken_away(registry, now):
    with pytest.raises(NotFoundError, match="helpdesk@stable means nothing"):
        registry.set_alias("helpdesk", "stable", None, now=now)


def test_a_retired_version_gets_no_alias(registry, now):
    registry.retire("helpdesk", 2, now=now)
    with pytest.raises(InvalidInputError, match="helpdesk@2 is retired, so it cannot be served any more"):
        registry.set_alias("helpdesk", "stable", 2, now=now)


def test_a_version_in_service_is_not_retired(registry, now):
    registry.set_alias("helpdesk", "stable", 2, now=now)
    with pytest.raises(InvalidInputError, match="is what 'stable' means; move that alias first"):
        registry.retire("helpdesk", 2, now=now)


def test_a_version_is_retired_once_and_may_be_erased_later(registry, now):
    registry.retire("helpdesk", 2, now=now)
    with pytest.raises(InvalidInputError, match="is retired already; nothing was changed"):
        registry.retire("helpdesk", 2, now=now)
    registry.retire("helpdesk", 2, now=now, erase=True)
    with pytest.raises(InvalidInputError, match="is retired already"):
        registry.retire("helpdesk", 2, now=now, erase=True)


def test_a_reason_is_kept_and_is_one_line(registry, now):
    registry.set_alias("helpdesk", "stable", 2, now=now, reason="it holds")
    assert registry.log().entries[-1].reason == "it holds"
    with pytest.raises(InvalidInputError, match="one line of 1 to 200 characters"):
        registry.set_alias("helpdesk", "stable", 1, now=now, reason="two\nlines")
    assert registry.log().entries[-1].reason == "it holds"


def test_a_look_is_about_something_that_can_have_a_name(registry, now):
    with registry.writing(now) as writer, pytest.raises(InvalidInputError, match="a release name must be"):
        look_entries(writer, "no name", [b"line"])
