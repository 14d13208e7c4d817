"""Laws of the leakage check: planted leaks are found with their share and label agreement."""

from __future__ import annotations

import polars as pl
import pytest

from smallcraft.data.checks.leakage import Leakage, copied_rows
from smallcraft.data.load import load_table
from smallcraft.records import Outcome, Roles
from smallcraft.stats.intervals import clopper_pearson_interval

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
    copied = copied_rows({"train": train, "dev": frame((LONG + "!", "a"))}, ROLES, similarity=0.8)
    found = copied["train", "dev"]
    assert (found.rows.tolist(), found.partner.tolist(), found.is_exact.tolist()) == ([0], [1], [True])


def flagged_of(result):
    return {(part.split, part.partner_split, part.kind): part for part in result.flagged}


def test_every_leaked_row_is_flagged_for_each_split_that_it_copies():
    cert = frame(("Who are YOU?", "b"), ("what is it", "a"), ("new", "a"), (LONG.replace("May", "Mai"), "a"))
    found = flagged_of(inspect(cert=cert, dev=frame(("new!", "a"), ("who are you", "b"))))
    assert {key: (part.rows.tolist(), part.partner.tolist()) for key, part in found.items()} == {
        ("cert", "train", "contradiction"): ([1], [2]),
        ("cert", "train", "exact copy"): ([0, 1], [1, 2]),
        ("cert", "train", "near copy"): ([3], [0]),
        ("cert", "dev", "exact copy"): ([0, 2], [1, 0]),
        ("dev", "train", "exact copy"): ([1], [1]),
    }


def test_the_leaked_share_counts_a_row_once_and_has_an_exact_interval():
    cert = frame(("who are you", "b"), ("new", "a"), ("newer", "b"), ("newest of all", "a"))
    result = inspect(cert=cert, dev=frame(("who are you", "b")))
    shares = {measured.split: measured for measured in result.measurements}
    wanted = clopper_pearson_interval(1, 4)
    assert (shares["cert"].name, shares["cert"].value, shares["cert"].n) == ("leaked_share", 0.25, 4)
    assert (shares["cert"].low, shares["cert"].high) == (wanted.low, wanted.high)
    assert shares["dev"].value == 1.0


def test_rows_of_one_key_count_as_fewer_rows():
    roles = Roles(label="label", text="text", key="who")
    cert = frame(*((f"something else number {at * 7919}", "a") for at in range(40)))
    splits = {
        "train": TRAIN.with_columns(who=pl.lit("x")),
        "cert": cert.with_columns(who=pl.Series([f"c{at // 10}" for at in range(39)] + [None])),
    }
    apart, together = Leakage().inspect(splits, ROLES), Leakage().inspect(splits, roles)
    assert together.measurements[0].high > 2 * apart.measurements[0].high
    assert "Korn-Graubard" in together.measurements[0].method


def test_equal_sets_of_trigrams_are_no_exact_copy():
    result = inspect(train=frame(("aaaa", "a"), ("b", "b")), cert=frame(("aaaaaa", "a")))
    assert result.outcome is Outcome.UNDECIDED
    assert (result.numbers["rows_cert_in_train"], result.numbers["exact_cert_in_train"]) == (1, 0)


def test_what_cannot_be_told_has_a_share_without_a_value():
    coarse = pl.DataFrame({"x": [1.0, 2.0] * 10, "label": ["a"] * 20})
    result = Leakage().inspect({"train": coarse, "cert": coarse}, Roles(label="label", features=("x",)))
    [share] = result.measurements
    assert (share.name, share.split, share.value) == ("leaked_share", "cert", None)
    assert "cannot be told" in share.detail


def test_all_leaked_rows_are_flagged_and_the_worst_hundred_are_told():
    rows = frame(*((f"text number {at * 7919}", "a") for at in range(250)))
    result = inspect(train=rows, cert=rows)
    assert sum(len(part.rows) for part in result.flagged) == 250
    assert len(result.findings) == 100


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
    assert result.numbers["exact_cert_in_train"] == 10
    assert result.numbers["rows_cert_in_train"] == 139
    assert 0.95 < result.numbers["label_agreement_cert_in_train"] < 1.0
