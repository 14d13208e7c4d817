"""What was serving at a time follows the last receipt up to then, and nothing is said before the first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.dashboard.projects import release_bare

from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views.served_when import served_when, split_at
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.serve.rollout.receipts import Receipt
from smallcraft.serve.state.database import FILE_NAME

NOON = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


def receipt(number: int, at: str, weight: float, *, rollout: str = "r1") -> Receipt:
    state = {"stable": {"label": "rows@1"}, "canary": {"label": "rows@2"}}
    form = {
        "rollout": rollout,
        "number": number,
        "at": f"2026-10-01T{at}.500+00:00",
        "to": {"weight": weight},
        "state": state,
        "cause": f"cause {number}",
    }
    return Receipt(form, f"sha256:{number}")


BOOK = {
    "rows": (
        receipt(1, "10:00:00", 0.0),
        receipt(2, "11:00:00", 0.2),
        receipt(3, "12:00:00", 1.0),
        receipt(1, "13:00:00", 0.0, rollout="r2"),
    )
}


@pytest.mark.parametrize(
    ("time", "shares", "name"),
    [
        ("2026-10-01T10:30:00Z", (("rows@1", 1.0),), "r1/1"),
        ("2026-10-01T11:00:00Z", (("rows@1", 0.8), ("rows@2", 0.2)), "r1/2"),
        ("2026-10-01T12:59:59Z", (("rows@2", 1.0),), "r1/3"),
        ("2027-01-01T00:00:00Z", (("rows@1", 1.0),), "r2/1"),
    ],
)
def test_the_last_receipt_up_to_then_says_how_traffic_was_split(time, shares, name):
    [found] = split_at(BOOK, time)
    assert (found.shares, found.receipt) == (shares, name)


def test_nothing_is_said_of_traffic_before_the_first_receipt():
    assert split_at(BOOK, "2026-10-01T09:59:59Z") == ()


def test_the_order_of_receipts_in_the_book_does_not_matter():
    turned = {"rows": tuple(reversed(BOOK["rows"]))}
    assert split_at(turned, "2026-10-01T12:30:00Z") == split_at(BOOK, "2026-10-01T12:30:00Z")


def test_without_a_server_the_log_alone_answers(tmp_path):
    registry = release_bare(tmp_path, 2)
    registry.set_alias("rows", "stable", 2, now=NOON)
    found = served_when(Sources(tmp_path), "2026-11-01")
    assert (found.time, found.traffic, found.traffic_problem) == ("2026-11-01T23:59:59Z", (), "")
    assert dict(found.aliases) == {"rows@stable": "rows@2"}
    assert dict(served_when(Sources(tmp_path), "2026-09-01").aliases) == {}


def test_what_is_no_time_is_refused_with_an_example(tmp_path):
    release_bare(tmp_path, 1)
    with pytest.raises(InvalidInputError, match="write for example 2026-10-01T12:00:00Z"):
        served_when(Sources(tmp_path), "yesterday")


def test_receipts_that_cannot_be_read_are_told_beside_what_the_log_says(tmp_path):
    release_bare(tmp_path, 1)
    sources = Sources(tmp_path)
    folder = sources.served.state / "rows"
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_bytes(b"no database" * 100)
    found = served_when(sources, "2026-11-01")
    assert "cannot be read" in found.traffic_problem


def test_before_the_first_release_there_is_nothing_to_ask(tmp_path):
    with pytest.raises(NotFoundError, match="smallcraft build"):
        served_when(Sources(tmp_path), "2026-11-01")
