import pytest

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.registry.log import append_entry, empty_log
from smallcraft.registry.references import find_entry


def entries_of(*names):
    log = empty_log()
    for number, name in enumerate(names):
        log = append_entry(log, name, manifest=b"%d" % number, created="2026-10-01T12:00:00Z")
    return log.entries


@pytest.mark.parametrize(
    ("reference", "label"),
    [
        ("a@1", "a@1"),
        ("a@2", "a@2"),
        ("a", "a@2"),
        ("a@latest", "a@2"),
        ("1", "a@1"),
        ("latest", "a@2"),
    ],
)
def test_a_reference_means_one_release(reference, label):
    assert find_entry(reference, entries_of("a", "a")).label == label


def test_latest_alone_is_the_newest_of_all_names():
    assert find_entry("latest", entries_of("a", "b", "b", "a")).label == "a@2"


def test_a_number_alone_is_refused_among_several_names():
    with pytest.raises(InvalidInputError, match="write 'a@1'"):
        find_entry("1", entries_of("a", "b"))


@pytest.mark.parametrize("reference", ["a@0", "a@3", "a@-1", "a@", "a@x", "a@01", "3"])
def test_a_version_that_is_not_there_is_refused_with_the_range(reference):
    with pytest.raises(NotFoundError, match="it has 1 to 2, write for example 'a@2'"):
        find_entry(reference, entries_of("a", "a"))


def test_a_misspelt_name_gets_a_hint():
    with pytest.raises(NotFoundError, match="did you mean 'helpdesk'"):
        find_entry("helpdsk@1", entries_of("helpdesk"))


def test_an_empty_registry_says_how_to_fill_it():
    with pytest.raises(NotFoundError, match="run `smallcraft build`"):
        find_entry("latest", ())
