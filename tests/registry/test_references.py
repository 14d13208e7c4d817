import pytest

from smallcraft.canonical import digest_bytes
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.registry.references import find_at_time, find_put
from smallcraft.registry.tlog.entry import Content, Entry
from smallcraft.registry.tlog.order import state_of


def log_of(*lines):
    """`put a`, `alias a stable 1`, `retire a 1`; an hour passes with each line."""
    entries, manifests = [], {}
    for number, line in enumerate(lines):
        kind, name, *rest = line.split()
        time = f"2026-10-{1 + number // 24:02d}T{number % 24:02d}:00:00Z"
        if kind == "put":
            known = manifests.setdefault(name, [])
            content = Content(digest_bytes(b"%d" % number), 1)
            entries.append(
                Entry(
                    "o", "put", time, name, len(known) + 1, content, prev=known[-1].digest if known else None
                )
            )
            known.append(content)
        elif kind == "alias":
            version = int(rest[1]) if len(rest) > 1 else None
            entries.append(Entry("o", "alias", time, name, version, alias=rest[0]))
        else:
            entries.append(Entry("o", "retire", time, name, int(rest[0]), erased=False))
    return state_of(entries)


TWO = log_of("put a", "put a", "alias a stable 1")


@pytest.mark.parametrize(
    ("reference", "label"),
    [
        ("a@1", "a@1"),
        ("a@2", "a@2"),
        ("a", "a@2"),
        ("a@latest", "a@2"),
        ("a@stable", "a@1"),
        ("1", "a@1"),
        ("latest", "a@2"),
    ],
)
def test_a_reference_means_one_release(reference, label):
    assert find_put(reference, TWO).label == label


def test_latest_alone_is_the_newest_of_all_names():
    assert find_put("latest", log_of("put a", "put b", "put b", "put a")).label == "a@2"


def test_latest_passes_over_what_is_retired():
    state = log_of("put a", "put a", "put b", "retire b 1", "retire a 2")
    assert find_put("latest", state).label == "a@1"
    assert find_put("a", state).label == "a@1"
    assert find_put("a@2", state).label == "a@2"


def test_when_all_is_retired_a_version_must_be_named():
    state = log_of("put a", "retire a 1")
    for reference in ("latest", "a", "a@latest"):
        with pytest.raises(NotFoundError, match="is retired; name one by its"):
            find_put(reference, state)
    assert find_put("a@1", state).label == "a@1"


def test_a_number_alone_is_refused_among_several_names():
    with pytest.raises(InvalidInputError, match="write 'a@1'"):
        find_put("1", log_of("put a", "put b"))


@pytest.mark.parametrize("reference", ["a@0", "a@3", "a@-1", "a@", "a@x", "a@01", "3"])
def test_a_version_that_is_not_there_is_refused_with_what_there_is(reference):
    with pytest.raises(NotFoundError, match="it has 1 to 2 and stable, write for example 'a@2'"):
        find_put(reference, TWO)


def test_a_misspelt_name_gets_a_hint():
    with pytest.raises(NotFoundError, match="did you mean 'helpdesk'"):
        find_put("helpdsk@1", log_of("put helpdesk"))


def test_an_empty_registry_says_how_to_fill_it():
    with pytest.raises(NotFoundError, match="run `smallcraft build`"):
        find_put("latest", state_of(()))


MOVING = log_of("put a", "alias a stable 1", "put a", "alias a stable 2", "alias a stable")


@pytest.mark.parametrize(
    ("time", "label"),
    [
        ("2026-09-30", None),
        ("2026-10-01T00:59:59Z", None),
        ("2026-10-01T01:00:00Z", "a@1"),
        ("2026-10-01T01:00", "a@1"),
        ("2026-10-01T02:59:59Z", "a@1"),
        ("2026-10-01T03:00:00Z", "a@2"),
        ("2026-10-01T03:00Z", "a@2"),
        ("2026-10-01", None),
        ("2027-01-01", None),
    ],
)
def test_what_an_alias_meant_at_a_time_is_one_question(time, label):
    found = find_at_time("a", "stable", time, MOVING)
    assert (found.label if found else None) == label


@pytest.mark.parametrize("time", ["", "yesterday", "2026-10", "2026-10-01 12:00", "2026-10-01T12"])
def test_what_is_no_time_is_refused_with_an_example(time):
    with pytest.raises(InvalidInputError, match=r"write for example 2026-10-01T12:00:00Z"):
        find_at_time("a", "stable", time, MOVING)
