"""Laws of the duplicates check: copies are counted, contradictions bound the label errors from below."""

from __future__ import annotations

import numpy as np
import polars as pl
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
    assert sum(count for _, count in contradictions(groups, labels)) <= wrong


def test_equal_texts_with_other_features_do_not_contradict():
    roles = Roles(label="label", text="text", features=("x",))
    rows = frame(("yes", "a"), ("yes", "b"), ("yes", "b")).with_columns(x=pl.Series([1.0, 2.0, 2.0]))
    assert exact_copies(rows, roles).tolist() == [0, 1, 1]


def test_a_coarse_table_has_no_number_of_copies():
    rows = pl.DataFrame({"x": [1.0, 2.0] * 10, "label": list("ab") * 10})
    result = Duplicates().inspect({"train": rows}, Roles(label="label", features=("x",)))
    assert result.numbers["exact_train"] is None
    assert "copies not told" in result.summary
