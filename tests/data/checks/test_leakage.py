"""Laws of the leakage check: planted leaks are found with their share and label agreement."""

from __future__ import annotations

import polars as pl
import pytest

from smallcraft.data.checks.leakage import Leakage, copied_rows
from smallcraft.data.load import load_table
from smallcraft.records import Outcome, Roles

ROLES = Roles(label="label", text="text")
LONG = "please tell me when the parcel that I ordered on the third of May will arrive at my house"


def frame(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, {"text": pl.String, "label": pl.String}, orient="row")


TRAIN = frame((LONG, "a"), ("who are you", "b"), ("what is it", "b"))
FRESH = frame(("nothing alike", "a"), ("all new", "b"))


NOTHING = FRESH.head(0)


def inspect(train=TRAIN, dev=FRESH, cert=NOTHING):
    return Leakage().inspect({"train": train, "dev": dev, "cert": cert}, ROLES)


def test_splits_without_shared_rows_pass():
    assert inspect().outcome is Outcome.PASS


def test_an_exact_copy_in_cert_fails_with_share_and_agreement():
    result = inspect(cert=frame(("Who are YOU?", "b"), ("what is it", "a"), ("new", "a"), ("newer", "b")))
    assert result.outcome is Outcome.FAIL
    assert result.numbers["exact_cert_in_train"] == 2
    assert result.numbers["share_cert_in_train"] == 0.5
    assert result.numbers["label_agreement_cert_in_train"] == 0.5
    assert result.findings[0].what == "row 0 of cert copies row 1 of train exactly"


def test_a_near_copy_in_cert_is_undecided():
    result = inspect(cert=frame((LONG.replace("third", "thirt"), "a")))
    assert result.outcome is Outcome.UNDECIDED
    assert (result.numbers["rows_cert_in_train"], result.numbers["exact_cert_in_train"]) == (1, 0)


def test_a_copy_in_dev_is_undecided():
    assert inspect(dev=frame(("who are you", "b"))).outcome is Outcome.UNDECIDED


def test_a_row_is_counted_once_beside_the_row_most_like_it():
    train = frame((LONG.replace("May", "Mai"), "a"), (LONG, "a"))
    pairs = copied_rows(train, frame((LONG + "!", "a")), ROLES, similarity=0.8)
    assert pairs.tolist() == [(1, 0, 1.0)]


def test_no_copies_have_no_label_agreement():
    assert inspect().numbers["label_agreement_dev_in_train"] is None


def test_equal_feature_rows_leak_and_coarse_ones_cannot_be_told():
    roles = Roles(label="label", features=("x",))
    fine = [pl.DataFrame({"x": part, "label": ["a"] * len(part)}) for part in ([1.0, 2.0, 3.0], [3.0, 4.0])]
    assert Leakage().inspect({"train": fine[0], "cert": fine[1]}, roles).outcome is Outcome.FAIL
    coarse = pl.DataFrame({"x": [1.0, 2.0] * 10, "label": ["a"] * 20})
    result = Leakage().inspect({"train": coarse, "cert": coarse}, roles)
    assert result.outcome is Outcome.UNDECIDED
    assert "cannot be told from ordinary rows" in result.summary


def test_one_split_alone_leaves_leakage_undecided():
    assert Leakage().inspect({"train": TRAIN}, ROLES).outcome is Outcome.UNDECIDED


@pytest.mark.realdata
def test_the_official_test_file_of_banking_leaks_a_little(shared_data):
    roles = Roles(label="category", text="text")
    train, test = (
        load_table(shared_data / "banking77" / f"{part}.csv", roles).frame for part in ("train", "test")
    )
    result = Leakage().inspect({"train": train, "cert": test}, roles)
    assert result.outcome is Outcome.FAIL
    assert result.numbers["exact_cert_in_train"] == 12
    assert result.numbers["rows_cert_in_train"] == 139
    assert 0.95 < result.numbers["label_agreement_cert_in_train"] < 1.0
