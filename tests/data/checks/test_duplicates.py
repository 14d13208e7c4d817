"""Laws of the duplicates check: copies are counted, contradictions bound the label errors from below."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.checks.duplicates import Duplicates, contradictions, exact_copies
from smallcraft.records import Outcome, Roles

ROLES = Roles(label="label", text="text")
LONG = "please tell me when the parcel that I ordered on the third of May will arrive at my house"


def frame(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, {"text": pl.String, "label": pl.String}, orient="row")


CLEAN = frame(("how much is it", "price"), ("who are you", "about"))
COPIES = frame((LONG, "a"), (LONG.upper(), "a"), (LONG.replace("third", "thirt"), "b"), ("other", "b"))
CONTRADICTING = frame(("yes", "a"), ("Yes!", "b"), ("yes", "a"), ("no", "b"))


def test_rows_without_copies_pass():
    assert Duplicates().inspect({"train": CLEAN, "cert": CLEAN}, ROLES).outcome is Outcome.PASS


def test_exact_and_near_copies_are_counted_apart():
    result = Duplicates().inspect({"train": COPIES}, ROLES)
    assert (result.numbers["exact_train"], result.numbers["near_train"]) == (1, 1)
    assert result.outcome is Outcome.PASS


def test_contradicting_copies_fail_in_cert_and_are_undecided_in_train():
    assert Duplicates().inspect({"train": CONTRADICTING}, ROLES).outcome is Outcome.UNDECIDED
    result = Duplicates().inspect({"train": CLEAN, "cert": CONTRADICTING}, ROLES)
    assert result.outcome is Outcome.FAIL
    assert result.numbers["label_error_share_at_least_cert"] == 0.25
    assert result.findings[0].what == "rows 0, 1, 2 of cert are copies with different labels: 'a', 'b'"


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("pqr"), st.sampled_from("pqr")), min_size=1))
def test_the_bound_never_passes_the_true_number_of_errors(rows):
    """Copies share one true label, so whatever it is, at least the bound's number of labels are wrong."""
    truth = {group: label for group, label, _ in rows}
    groups = np.array([group for group, _, _ in rows])
    labels = pl.Series([given for _, _, given in rows])
    wrong = sum(truth[group] != label for group, label in zip(groups.tolist(), labels, strict=True))
    assert sum(found.wrong for found in contradictions(groups, labels)) <= wrong


def flagged_of(result, split):
    return {part.kind: part for part in result.flagged if part.split == split}


def test_every_copy_is_flagged_beside_the_first_row_of_its_kind():
    found = flagged_of(Duplicates().inspect({"train": COPIES}, ROLES), "train")
    assert list(found) == ["near copy", "exact copy"]
    assert (found["near copy"].rows.tolist(), found["near copy"].partner.tolist()) == ([2], [0])
    assert (found["exact copy"].rows.tolist(), found["exact copy"].partner.tolist()) == ([1], [0])
    assert all(part.partner_split == "train" for part in found.values())


def test_flagged_partners_rebuild_the_groups_of_copies():
    chain_ = [LONG, LONG.replace("third", "thirt"), LONG, LONG.replace("third", "thirt") + "!", "other"]
    frame_ = frame(*((text, "a") for text in chain_))
    groups = np.arange(5)
    for part in Duplicates().inspect({"dev": frame_}, ROLES).flagged:
        groups[part.rows] = groups[part.partner]
    assert groups.tolist() == [0, 0, 0, 0, 4]


def test_contradicting_rows_are_flagged_with_the_label_most_copies_have():
    found = flagged_of(Duplicates().inspect({"cert": CONTRADICTING}, ROLES), "cert")["contradiction"]
    assert found.rows.tolist() == [1, 0, 2]
    assert found.suggested == ("a", None, None)
    assert found.score.tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert found.partner.tolist() == [0, 1, 1]


def test_a_tie_of_labels_suggests_none():
    [finding] = Duplicates().inspect({"dev": frame(("yes", "a"), ("yes", "b"))}, ROLES).findings
    assert (finding.kind, finding.suggested, finding.score) == ("contradiction", None, 0.5)


def test_contradictions_of_a_file_that_is_not_split_are_undecided_and_named_without_a_split():
    result = Duplicates().inspect({"all": CONTRADICTING}, ROLES)
    assert result.outcome is Outcome.UNDECIDED
    assert result.findings[0].what.startswith("rows 0, 1, 2 of the data are copies")


def test_all_rows_are_flagged_and_the_worst_hundred_are_told():
    rows = frame(*((f"text number {at // 3 * 7919}", "ab"[at % 3 == 0]) for at in range(600)))
    result = Duplicates(similarity=1.0).inspect({"dev": rows}, ROLES)
    found = flagged_of(result, "dev")
    assert (len(found["exact copy"].rows), len(found["contradiction"].rows)) == (400, 600)
    assert len(result.findings) == 100


@given(st.lists(st.tuples(st.sampled_from(["a b", "a  b", "c d", LONG, LONG + "x"]), st.sampled_from("pq"))))
def test_flagged_rows_are_the_rows_counted(rows):
    result = Duplicates().inspect({"train": frame(*rows)}, ROLES)
    counts = {part.kind: len(part.rows) for part in result.flagged}
    assert counts.get("exact copy", 0) == result.numbers["exact_train"]
    assert counts.get("near copy", 0) == result.numbers["near_train"]


def test_equal_texts_with_other_features_do_not_contradict():
    roles = Roles(label="label", text="text", features=("x",))
    rows = frame(("yes", "a"), ("yes", "b"), ("yes", "b")).with_columns(x=pl.Series([1.0, 2.0, 2.0]))
    assert exact_copies(rows, roles).tolist() == [0, 1, 1]


def test_a_coarse_table_has_no_number_of_copies():
    rows = pl.DataFrame({"x": [1.0, 2.0] * 10, "label": list("ab") * 10})
    result = Duplicates().inspect({"train": rows}, Roles(label="label", features=("x",)))
    assert result.numbers["exact_train"] is None
    assert "copies not told" in result.summary
