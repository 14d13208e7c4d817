"""Laws of what can be repaired: by kind, split and what the rows themselves say."""

from __future__ import annotations

import numpy as np
import polars as pl

from smallcraft.data.repairable import broken_rows, copied_rows, leaked_rows, relabelled_rows
from smallcraft.records import FlaggedRows, Roles

ROLES = Roles(label="label", text="text")


def flag(split, kind, *rows, suggested=None, partner=None, partner_split=None) -> FlaggedRows:
    partners = None if partner is None else np.array(partner)
    return FlaggedRows(split, kind, np.array(rows), None, suggested, partner_split, partners)


def texts(*values: str) -> pl.DataFrame:
    return pl.DataFrame({"text": values, "label": ["x"] * len(values)})


ROW_OF = {"train": np.array([5, 3, 1]), "cert": np.array([0, 2])}


def test_rows_without_a_label_or_text_are_broken_whether_flagged_or_not():
    frame = pl.DataFrame({"text": ["a", " ", None, "b"], "label": ["x", "x", "y", None]})
    assert list(broken_rows(frame, ROLES, ["x", "x", "y", None])) == [
        (3, "integrity: missing_label"),
        (1, "integrity: blank_text"),
        (2, "integrity: blank_text"),
    ]
    assert list(broken_rows(frame[[0, 3]], ROLES, ["x", "now labelled"])) == []


def test_kinds_without_a_repair_and_rows_of_other_files_are_left_alone():
    flagged = [flag("train", "hard", 0, suggested=("y",)), flag("dev", "wrong", 0, suggested=("y",))]
    assert list(relabelled_rows(flagged, ["x"] * 6, ROW_OF)) == []
    assert list(copied_rows(texts(*"aaaaaa"), ROLES, [flag("dev", "exact copy", 0, 1)], ROW_OF)) == []


def test_a_label_that_stands_already_is_no_change():
    flagged = [flag("train", "wrong", 0, 1, 2, suggested=("x", "y", None))]
    assert dict(relabelled_rows(flagged, ["x"] * 6, ROW_OF)) == {3: ("y", "label_issues: wrong")}


def test_people_are_heard_before_a_model_in_any_order():
    flagged = [
        flag("train", "votes say otherwise", 0, suggested=("z",)),
        flag("train", "wrong", 0, suggested=("y",)),
    ]
    for order in (flagged, flagged[::-1]):
        assert dict(relabelled_rows(order, ["x"] * 6, ROW_OF)) == {5: ("z", "consensus: votes say otherwise")}


def test_on_the_sealed_split_people_may_relabel_and_a_model_may_not():
    flagged = [flag("cert", kind, 0, suggested=("y",)) for kind in ("wrong", "votes say otherwise")]
    assert [label for _, label in relabelled_rows(flagged, ["x"] * 6, ROW_OF)] == [
        ("y", "consensus: votes say otherwise")
    ]


def test_a_leaked_copy_leaves_train_with_its_own_copies():
    frame = texts("same", "B", "cert b", "SAME!", "C", "same")
    flagged = [flag("cert", "exact copy", 0, partner=[0], partner_split="train")]
    assert dict(leaked_rows(frame, ROLES, flagged, ROW_OF)) == {
        5: "leakage: exact copy of a row of cert",
        3: "leakage: exact copy of a row of cert",
    }


def test_copies_between_dev_and_cert_and_by_meaning_stay():
    frame = texts(*"abcdef")
    row_of = ROW_OF | {"dev": np.array([4])}
    flagged = [
        flag("cert", "exact copy", 0, partner=[0], partner_split="dev"),
        flag("cert", "same meaning", 0, partner=[0], partner_split="train"),
        flag("cert", "near copy", 0, partner=[-1], partner_split="train"),
    ]
    assert list(leaked_rows(frame, ROLES, flagged, row_of)) == []


def test_flagged_copies_are_compared_again():
    frame = texts("a", "B", "a", "b!", "c", "b")
    flagged = [flag("train", "exact copy", 0, 2, partner=[1, 1], partner_split="train")]
    assert list(copied_rows(frame, ROLES, flagged, ROW_OF)) == [[1, 3, 5]]
    assert list(copied_rows(texts(*"abcdef"), ROLES, flagged, ROW_OF)) == []


def test_rows_with_other_features_are_no_copies():
    roles = Roles(label="label", text="text", features=("n",))
    frame = texts("a", "b", "a", "b", "c", "b").with_columns(n=pl.Series([0, 1, 0, 1, 0, 2]))
    flagged = [flag("train", "exact copy", 0, 1, 2)]
    assert list(copied_rows(frame, roles, flagged, ROW_OF)) == [[1, 3]]
